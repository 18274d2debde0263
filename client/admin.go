package client

import (
	"context"
	"fmt"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/command"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/gen-go/utils"
	"github.com/pegasus-go/pegasus/rpc"
)

// Admin speaks the management RPCs. Its errors are *Error with the code the meta answered and the
// hint it sent along.
type Admin struct{ c *Client }

// hints some answers carry under one of two names.
type hintMessage interface{ GetHintMessage() string }
type hintMsg interface{ GetHintMsg() string }

// call asks the leading meta; a non-OK resp.err becomes an error that names op and target.
func (a *Admin) call(ctx context.Context, op, target, code string, req thrift.TStruct, resp metaResponse) error {
	ctx, cancel := a.c.bound(ctx)
	defer cancel()
	if err := a.c.metas.call(ctx, code, req, resp); err != nil {
		return &Error{Op: op, Target: target, Code: CodeOf(err), Err: err}
	}
	if c := resp.GetErr().Val(); c != base.ErrOK {
		return &Error{Op: op, Target: target, Code: c, Hint: hintIn(resp)}
	}
	return nil
}

func hintIn(resp any) string {
	switch h := resp.(type) {
	case hintMessage:
		return h.GetHintMessage()
	case hintMsg:
		return h.GetHintMsg()
	}
	return ""
}

// Call asks the leading meta any RPC that has no method of its own: code is its name, req and resp
// the generated structs.
func (a *Admin) Call(ctx context.Context, code string, req thrift.TStruct, resp interface {
	thrift.TStruct
	GetErr() *base.ErrorCode
}) error {
	return a.call(ctx, code, "", code, req, resp)
}

// CreateOptions of a table; Partitions and Replicas have no defaults.
type CreateOptions struct {
	Partitions       int32
	Replicas         int32
	FailIfExist      bool
	Envs             map[string]string
	AtomicIdempotent bool
}

// CreateApp creates a table and returns its id. It is usable when its partitions have primaries:
// see WaitReady.
func (a *Admin) CreateApp(ctx context.Context, name string, o CreateOptions) (int32, error) {
	req := &metaadmin.ConfigurationCreateAppRequest{AppName: name, Options: &metaadmin.CreateAppOptions{
		PartitionCount: o.Partitions, ReplicaCount: o.Replicas, SuccessIfExist: !o.FailIfExist,
		AppType: "pegasus", IsStateful: true, Envs: o.Envs, AtomicIdempotent: o.AtomicIdempotent,
	}}
	if req.Options.Envs == nil {
		req.Options.Envs = map[string]string{}
	}
	resp := metaadmin.NewConfigurationCreateAppResponse()
	err := a.call(ctx, "create_app", name, "RPC_CM_CREATE_APP", req, resp)
	return resp.Appid, err
}

// DropApp drops a table; it can be recalled for reserveSeconds (0: the server's default). With
// missingOK an absent table is no error.
func (a *Admin) DropApp(ctx context.Context, name string, reserveSeconds int64, missingOK bool) error {
	req := &metaadmin.ConfigurationDropAppRequest{AppName: name,
		Options: &metaadmin.DropAppOptions{SuccessIfNotExist: missingOK, ReserveSeconds: &reserveSeconds}}
	defer a.c.Forget(name)
	return a.call(ctx, "drop_app", name, "RPC_CM_DROP_APP", req, metaadmin.NewConfigurationDropAppResponse())
}

// RecallApp brings a dropped table back, under newName unless that is empty.
func (a *Admin) RecallApp(ctx context.Context, appID int32, newName string) (*layer2.AppInfo, error) {
	req := &metaadmin.ConfigurationRecallAppRequest{AppID: appID, NewAppName_: newName}
	resp := metaadmin.NewConfigurationRecallAppResponse()
	err := a.call(ctx, "recall_app", fmt.Sprint(appID), "RPC_CM_RECALL_APP", req, resp)
	return resp.GetInfo(), err
}

// RenameApp gives a table another name.
func (a *Admin) RenameApp(ctx context.Context, oldName, newName string) error {
	req := &metaadmin.ConfigurationRenameAppRequest{OldAppName: oldName, NewAppName_: newName}
	defer a.c.Forget(oldName)
	return a.call(ctx, "rename_app", oldName, "RPC_CM_RENAME_APP", req, metaadmin.NewConfigurationRenameAppResponse())
}

// ListApps lists tables of a status (AS_INVALID: all, dropped ones included). An empty pattern
// matches every name.
func (a *Admin) ListApps(ctx context.Context, status layer2.AppStatus, pattern string, match utils.PatternMatchType) ([]*layer2.AppInfo, error) {
	req := &metaadmin.ConfigurationListAppsRequest{Status: status}
	if pattern != "" {
		req.AppNamePattern, req.MatchType = &pattern, &match
	}
	resp := metaadmin.NewConfigurationListAppsResponse()
	err := a.call(ctx, "list_apps", "", "RPC_CM_LIST_APPS", req, resp)
	return resp.Infos, err
}

// ListNodes lists replica servers of a status (NS_INVALID: all).
func (a *Admin) ListNodes(ctx context.Context, status metaadmin.NodeStatus) ([]*metaadmin.NodeInfo, error) {
	resp := metaadmin.NewConfigurationListNodesResponse()
	err := a.call(ctx, "list_nodes", "", "RPC_CM_LIST_NODES", &metaadmin.ConfigurationListNodesRequest{Status: status}, resp)
	return resp.Infos, err
}

// ClusterInfo is the meta's list of names and values, in its order.
func (a *Admin) ClusterInfo(ctx context.Context) (keys, values []string, err error) {
	resp := metaadmin.NewConfigurationClusterInfoResponse()
	err = a.call(ctx, "cluster_info", "", "RPC_CM_CLUSTER_INFO", metaadmin.NewConfigurationClusterInfoRequest(), resp)
	if err == nil && len(resp.Keys) != len(resp.Values) {
		err = &Error{Op: "cluster_info", Code: base.ErrInvalidData}
	}
	return resp.Keys, resp.Values, err
}

// QueryConfig fetches the configuration of a table's partitions (no indices: all of them). Every
// partition of the answer has an id within the partition count.
func (a *Admin) QueryConfig(ctx context.Context, name string, indices ...int32) (*layer2.QueryCfgResponse, error) {
	req := &layer2.QueryCfgRequest{AppName: name, PartitionIndices: indices}
	resp := layer2.NewQueryCfgResponse()
	err := a.call(ctx, "query_cfg", name, queryCfgCode, req, resp)
	if err == nil && !validConfig(resp) {
		err = &Error{Op: "query_cfg", Target: name, Code: base.ErrInvalidData}
	}
	return resp, err
}

// SetMetaLevel sets the function level and returns the former one.
func (a *Admin) SetMetaLevel(ctx context.Context, level metaadmin.MetaFunctionLevel) (metaadmin.MetaFunctionLevel, error) {
	resp := metaadmin.NewConfigurationMetaControlResponse()
	err := a.call(ctx, "control_meta", "", "RPC_CM_CONTROL_META", &metaadmin.ConfigurationMetaControlRequest{Level: level}, resp)
	return resp.OldLevel, err
}

// MetaLevel reads the function level.
func (a *Admin) MetaLevel(ctx context.Context) (metaadmin.MetaFunctionLevel, error) {
	return a.SetMetaLevel(ctx, metaadmin.MetaFunctionLevel_fl_invalid)
}

// Propose sends configuration actions for one partition.
func (a *Admin) Propose(ctx context.Context, req *metaadmin.ConfigurationBalancerRequest) error {
	return a.call(ctx, "propose", req.GetGpid().String(), "RPC_CM_PROPOSE_BALANCER", req, metaadmin.NewConfigurationBalancerResponse())
}

// RemoteCommand runs a command on any server, meta or replica, and returns its text.
func (a *Admin) RemoteCommand(ctx context.Context, node base.RPCAddress, cmd string, args ...string) (string, error) {
	ctx, cancel := a.c.bound(ctx)
	defer cancel()
	if args == nil {
		args = []string{}
	}
	req := &command.Command{Cmd: cmd, Arguments: args}
	body, err := a.c.pool.CallBytes(ctx, node, rpc.Call{
		Name: "RPC_CLI_CLI_CALL", TimeoutMs: remainingMs(ctx),
		Body: rpc.AppendValue(nil, a.c.pool.ArgField(), req),
	})
	if err != nil {
		return "", &Error{Op: "remote_command", Target: node.String(), Code: codeOfCall(err), Err: err}
	}
	text, _, err := rpc.ReadString(body)
	if err != nil {
		return "", &Error{Op: "remote_command", Target: node.String(), Code: base.ErrInvalidData, Err: err}
	}
	return text, nil
}
