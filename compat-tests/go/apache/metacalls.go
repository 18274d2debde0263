package main

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/apache/incubator-pegasus/go-client/idl/admin"
	"github.com/apache/incubator-pegasus/go-client/idl/base"
	"github.com/apache/incubator-pegasus/go-client/idl/radmin"
	"github.com/apache/incubator-pegasus/go-client/session"
	"github.com/pegasus-go/pegasus/compat-tests/go/check"
)

// metaCalls drives every call of session.MetaManager.
func (s *adminSuite) metaCalls() {
	m := session.NewMetaManager(s.metas, session.NewNodeSession)
	defer m.Close()
	s.clusterCalls(m)
	s.tableCalls(m)
	s.envCalls(m)
	s.operatorCalls(m)
}

func (s *adminSuite) clusterCalls(m *session.MetaManager) {
	s.Section("nodes, cluster and level", func() {
		s.Must(check.In(func(ctx context.Context) error {
			resp, err := m.ListNodes(ctx, &admin.ListNodesRequest{Status: admin.NodeStatus_NS_INVALID})
			if err != nil {
				return err
			}
			var nodes []string
			for _, n := range resp.Infos {
				nodes = append(nodes, n.Address.GetAddress())
				s.Same(n.Status, admin.NodeStatus_NS_ALIVE, "status of %s", n.Address.GetAddress())
			}
			sort.Strings(nodes)
			s.Same(nodes, s.replicas, "nodes")
			return nil
		}), "list_nodes")
		s.Must(check.In(func(ctx context.Context) error {
			resp, err := m.QueryClusterInfo(ctx, &admin.ClusterInfoRequest{})
			if err != nil {
				return err
			}
			s.Same(strings.Join(resp.Keys, " "), "meta_servers primary_meta_server zookeeper_hosts zookeeper_root meta_function_level "+
				"balance_operation_count primary_replica_count_stddev total_replica_count_stddev cluster_name", "keys of cluster_info")
			s.Same(len(resp.Values), len(resp.Keys), "values of cluster_info")
			return nil
		}), "cluster_info")
		s.Must(check.In(func(ctx context.Context) error {
			resp, err := m.MetaControl(ctx, &admin.MetaControlRequest{Level: admin.MetaFunctionLevel_fl_invalid})
			if err != nil {
				return err
			}
			was := resp.OldLevel
			s.That(was == admin.MetaFunctionLevel_fl_steady || was == admin.MetaFunctionLevel_fl_lively, "level %v", was)
			if _, err = m.MetaControl(ctx, &admin.MetaControlRequest{Level: admin.MetaFunctionLevel_fl_freezed}); err != nil {
				return err
			}
			resp, err = m.MetaControl(ctx, &admin.MetaControlRequest{Level: was})
			if err == nil {
				s.Same(resp.OldLevel, admin.MetaFunctionLevel_fl_freezed, "level before setting it back")
			}
			return err
		}), "control_meta")
	})
}

func (s *adminSuite) tableCalls(m *session.MetaManager) {
	s.Section("query_cfg", func() {
		s.Must(check.In(func(ctx context.Context) error {
			resp, err := m.QueryConfig(ctx, s.table)
			if err != nil {
				return err
			}
			s.Same(len(resp.Partitions), int(resp.PartitionCount), "partitions")
			s.That(resp.IsStateful && resp.AppID > 0, "stateful table with an id")
			for i, p := range resp.Partitions {
				s.Same(int(p.Pid.PartitionIndex), i, "index")
				s.That(p.Ballot > 0 && p.Primary.GetRawAddress() != 0 && len(p.Secondaries) == 2 && p.MaxReplicaCount == 3, "partition %d has 1+2 members: %v", i, p)
			}
			return nil
		}), "query_cfg")
		s.Must(check.In(func(ctx context.Context) error {
			resp, err := m.QueryConfig(ctx, "no such table")
			if err == nil {
				s.Same(resp.Err.Errno, "ERR_OBJECT_NOT_FOUND", "query_cfg of an absent table")
			}
			return err
		}), "query_cfg of an absent table")
	})
	s.Section("create, drop, recall", func() {
		ctx, cancel := context.WithTimeout(context.Background(), createTimeout)
		defer cancel()
		name := fmt.Sprintf("meta_%d", time.Now().UnixNano())
		options := &admin.CreateAppOptions{PartitionCount: 2, ReplicaCount: 3, AppType: "pegasus", IsStateful: true, Envs: map[string]string{}}
		created, err := m.CreateApp(ctx, &admin.CreateAppRequest{AppName: name, Options: options})
		s.Must(err, "create_app")
		same := *options
		same.SuccessIfExist = true
		again, err := m.CreateApp(ctx, &admin.CreateAppRequest{AppName: name, Options: &same})
		s.Must(err, "create_app with success_if_exist")
		s.Same(again.Appid, created.Appid, "app id of the existing table")
		reserve := int64(3600)
		_, err = m.DropApp(ctx, &admin.DropAppRequest{AppName: name, Options: &admin.DropAppOptions{ReserveSeconds: &reserve}})
		s.Must(err, "drop_app")
		_, err = m.DropApp(ctx, &admin.DropAppRequest{AppName: name, Options: &admin.DropAppOptions{}})
		s.Refused(err, "ERR_APP_NOT_EXIST", "drop_app of a dropped table")
		s.Must(check.In(func(ctx context.Context) error {
			resp, err := m.ListApps(ctx, &admin.ListAppsRequest{Status: admin.AppStatus_AS_DROPPED})
			found := false
			for _, app := range resp.GetInfos() {
				found = found || app.AppName == name
				s.Same(app.Status, admin.AppStatus_AS_DROPPED, "status of %s", app.AppName)
			}
			s.That(err != nil || found, "the dropped table is listed")
			return err
		}), "list_apps of dropped tables")
		recalled, err := m.RecallApp(ctx, &admin.RecallAppRequest{AppID: created.Appid, NewAppName_: name + "_back"})
		s.Must(err, "recall_app")
		s.Same(recalled.Info.AppName, name+"_back", "name of the recalled table")
		s.That(s.healthy(ctx, m, name+"_back"), "the recalled table gets healthy")
		_, err = m.DropApp(ctx, &admin.DropAppRequest{AppName: name + "_back", Options: &admin.DropAppOptions{}})
		s.Must(err, "drop_app of the recalled table")
	})
}

func (s *adminSuite) healthy(ctx context.Context, m *session.MetaManager, table string) bool {
	for ctx.Err() == nil {
		resp, err := m.QueryConfig(ctx, table)
		good := 0
		for _, p := range resp.GetPartitions() {
			if p.Primary.GetRawAddress() != 0 && len(p.Secondaries) == 2 {
				good++
			}
		}
		if err == nil && good > 0 && good == int(resp.PartitionCount) {
			return true
		}
		time.Sleep(200 * time.Millisecond)
	}
	return false
}

func (s *adminSuite) envsOf(ctx context.Context, m *session.MetaManager) map[string]string {
	resp, err := m.ListApps(ctx, &admin.ListAppsRequest{Status: admin.AppStatus_AS_AVAILABLE})
	s.Must(err, "list_apps")
	for _, app := range resp.Infos {
		if app.AppName == s.table {
			return app.Envs
		}
	}
	s.That(false, "table %s is listed", s.table)
	return nil
}

func (s *adminSuite) envCalls(m *session.MetaManager) {
	s.Section("app envs", func() {
		ctx, cancel := context.WithTimeout(context.Background(), createTimeout)
		defer cancel()
		set := func(keys, values []string) error {
			_, err := m.UpdateAppEnv(ctx, &admin.UpdateAppEnvRequest{AppName: s.table, Op: admin.AppEnvOperation_APP_ENV_OP_SET, Keys: keys, Values: values})
			return err
		}
		s.Must(set([]string{"replica.slow_query_threshold", "default_ttl"}, []string{"500", "0"}), "set")
		s.Same(s.envsOf(ctx, m)["replica.slow_query_threshold"], "500", "the env is listed")
		s.That(set([]string{"replica.slow_query_threshold"}, []string{"1"}) != nil, "a value out of range is refused")
		s.That(set([]string{"no.such.env"}, []string{"1"}) != nil, "an unknown env is refused")
		_, err := m.UpdateAppEnv(ctx, &admin.UpdateAppEnvRequest{AppName: s.table, Op: admin.AppEnvOperation_APP_ENV_OP_DEL, Keys: []string{"replica.slow_query_threshold"}})
		s.Must(err, "del")
		_, there := s.envsOf(ctx, m)["replica.slow_query_threshold"]
		s.That(!there, "the deleted env is gone")
		prefix := ""
		_, err = m.UpdateAppEnv(ctx, &admin.UpdateAppEnvRequest{AppName: s.table, Op: admin.AppEnvOperation_APP_ENV_OP_CLEAR, ClearPrefix: &prefix})
		s.Must(err, "clear")
		s.Same(len(s.envsOf(ctx, m)), 0, "envs after clear")
	})
}

type operatorCall struct {
	name string
	call func(ctx context.Context) (interface{}, error)
}

// operatorCalls drives what the operators' tools call. Where a server refuses or lacks a function, the client may only see
// an error; what is claimed is that the call ends and that the same sessions answer the next call.
func (s *adminSuite) operatorCalls(m *session.MetaManager) {
	calls := []operatorCall{
		{"query_app_info", func(c context.Context) (interface{}, error) {
			return m.QueryAppInfo(c, &admin.QueryAppInfoRequest{MetaServer: &base.RPCAddress{}})
		}},
		{"query_duplication", func(c context.Context) (interface{}, error) {
			return m.QueryDuplication(c, &admin.DuplicationQueryRequest{AppName: "no such table"})
		}},
		{"add_duplication", func(c context.Context) (interface{}, error) {
			return m.AddDuplication(c, &admin.DuplicationAddRequest{AppName: "no such table", RemoteClusterName: "far"})
		}},
		{"modify_duplication", func(c context.Context) (interface{}, error) {
			return m.ModifyDuplication(c, &admin.DuplicationModifyRequest{AppName: "no such table", Dupid: 1})
		}},
		{"query_backup_policy", func(c context.Context) (interface{}, error) {
			return m.QueryBackupPolicy(c, &admin.QueryBackupPolicyRequest{BackupInfoCount: 1})
		}},
		{"propose (balance)", func(c context.Context) (interface{}, error) {
			return m.Balance(c, &admin.BalanceRequest{Gpid: &base.Gpid{Appid: 9999, PartitionIndex: 0}})
		}},
		{"start_backup_app", func(c context.Context) (interface{}, error) {
			return m.StartBackupApp(c, &admin.StartBackupAppRequest{BackupProviderType: "no_such_provider", AppID: 9999})
		}},
		{"query_backup_status", func(c context.Context) (interface{}, error) {
			return m.QueryBackupStatus(c, &admin.QueryBackupStatusRequest{AppID: 9999})
		}},
		{"restore_app", func(c context.Context) (interface{}, error) {
			return m.RestoreApp(c, &admin.RestoreAppRequest{AppName: "no such table", BackupProviderName: "no_such_provider"})
		}},
		{"start_partition_split", func(c context.Context) (interface{}, error) {
			return m.StartPartitionSplit(c, &admin.StartPartitionSplitRequest{AppName: "no such table", NewPartitionCount_: 16})
		}},
		{"query_split", func(c context.Context) (interface{}, error) {
			return m.QuerySplitStatus(c, &admin.QuerySplitRequest{AppName: "no such table"})
		}},
		{"control_split", func(c context.Context) (interface{}, error) {
			return m.ControlPartitionSplit(c, &admin.ControlSplitRequest{AppName: "no such table"})
		}},
		{"start_bulk_load", func(c context.Context) (interface{}, error) {
			return m.StartBulkLoad(c, &admin.StartBulkLoadRequest{AppName: "no such table"})
		}},
		{"query_bulk_load", func(c context.Context) (interface{}, error) {
			return m.QueryBulkLoadStatus(c, &admin.QueryBulkLoadRequest{AppName: "no such table"})
		}},
		{"control_bulk_load", func(c context.Context) (interface{}, error) {
			return m.ControlBulkLoad(c, &admin.ControlBulkLoadRequest{AppName: "no such table"})
		}},
		{"clear_bulk_load", func(c context.Context) (interface{}, error) {
			return m.ClearBulkLoad(c, &admin.ClearBulkLoadStateRequest{AppName: "no such table"})
		}},
		{"start_manual_compact", func(c context.Context) (interface{}, error) {
			return m.StartManualCompact(c, &admin.StartAppManualCompactRequest{AppName: "no such table"})
		}},
		{"query_manual_compact", func(c context.Context) (interface{}, error) {
			return m.QueryManualCompact(c, &admin.QueryAppManualCompactRequest{AppName: "no such table"})
		}},
	}
	for _, c := range calls {
		s.Section("operators' call "+c.name, func() {
			ctx, cancel := context.WithTimeout(context.Background(), 400*time.Millisecond)
			defer cancel()
			_, err := c.call(ctx)
			s.That(err != nil || c.name == "query_backup_policy", "%s of something absent is refused", c.name)
			s.Must(check.In(func(ctx context.Context) error {
				_, err := m.ListNodes(ctx, &admin.ListNodesRequest{})
				return err
			}), "the next call after %s", c.name)
		})
	}
}

// replicaCalls drives the calls that tools make to a replica server.
func (s *adminSuite) replicaCalls() {
	s.Section("replica servers' own calls", func() {
		rs := &session.ReplicaSession{NodeSession: session.NewNodeSession(s.replicas[0], session.NodeTypeReplica)}
		node := &base.RPCAddress{}
		s.Must(check.In(func(ctx context.Context) error {
			resp, err := rs.QueryDiskInfo(ctx, &radmin.QueryDiskInfoRequest{Node: node})
			if err == nil {
				s.That(len(resp.DiskInfos) > 0, "a replica server has a disk")
			}
			return err
		}), "query_disk_info")
		for name, call := range map[string]func(context.Context) error{
			"disk_migrate": func(ctx context.Context) error {
				_, err := rs.DiskMigrate(ctx, &radmin.ReplicaDiskMigrateRequest{Pid: &base.Gpid{Appid: 9999}, OriginDisk: "a", TargetDisk: "b"})
				return err
			},
			"add_disk": func(ctx context.Context) error {
				_, err := rs.AddDisk(ctx, &radmin.AddNewDiskRequest{DiskStr: ""})
				return err
			},
		} {
			s.That(check.In(call) != nil, "%s with bad arguments is refused", name)
			s.Must(check.In(func(ctx context.Context) error {
				_, err := rs.QueryDiskInfo(ctx, &radmin.QueryDiskInfoRequest{Node: node})
				return err
			}), "the next call after %s", name)
		}
	})
}
