package meta

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/meta/cluster"
	"github.com/pegasus-go/pegasus/rpc"
)

// handled are all RPCs of a meta.
var handled = []string{
	"RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX", "RPC_FD_FAILURE_DETECTOR_PING", "RPC_FD_PROCESS_ENDED", "RPC_CLI_CLI_CALL", "RPC_NEGOTIATION",
	"RPC_CM_CREATE_APP", "RPC_CM_DROP_APP", "RPC_CM_RECALL_APP", "RPC_CM_RENAME_APP", "RPC_CM_LIST_APPS", "RPC_CM_LIST_NODES",
	"RPC_CM_CLUSTER_INFO", "RPC_CM_CONTROL_META", "RPC_CM_PROPOSE_BALANCER", "RPC_CM_START_RECOVERY", "RPC_CM_UPDATE_APP_ENV",
	"RPC_CM_DDD_DIAGNOSE", "RPC_CM_ADD_BACKUP_POLICY", "RPC_CM_QUERY_BACKUP_POLICY", "RPC_CM_MODIFY_BACKUP_POLICY",
	"RPC_CM_START_BACKUP_APP", "RPC_CM_QUERY_BACKUP_STATUS", "RPC_CM_START_RESTORE", "RPC_CM_QUERY_RESTORE_STATUS",
	"RPC_CM_ADD_DUPLICATION", "RPC_CM_MODIFY_DUPLICATION", "RPC_CM_QUERY_DUPLICATION", "RPC_CM_LIST_DUPLICATION",
	"RPC_CM_START_PARTITION_SPLIT", "RPC_CM_CONTROL_PARTITION_SPLIT", "RPC_CM_QUERY_PARTITION_SPLIT",
	"RPC_CM_START_BULK_LOAD", "RPC_CM_CONTROL_BULK_LOAD", "RPC_CM_CLEAR_BULK_LOAD", "RPC_CM_QUERY_BULK_LOAD_STATUS",
	"RPC_CM_START_MANUAL_COMPACT", "RPC_CM_QUERY_MANUAL_COMPACT_STATUS", "RPC_CM_GET_MAX_REPLICA_COUNT",
	"RPC_CM_SET_MAX_REPLICA_COUNT", "RPC_CM_GET_ATOMIC_IDEMPOTENT", "RPC_CM_SET_ATOMIC_IDEMPOTENT", "RPC_CM_CONFIG_SYNC",
	"RPC_CM_UPDATE_PARTITION_CONFIGURATION", "RPC_CM_DUPLICATION_SYNC", "RPC_CM_REPORT_RESTORE_STATUS",
	"RPC_CM_REGISTER_CHILD_REPLICA", "RPC_CM_NOTIFY_STOP_SPLIT", "RPC_CM_QUERY_CHILD_STATE",
}

// Requests without fields, with bodies cut short or made of noise, and those of a follower are all
// answered, and the leader goes on leading.
func TestNoRequestEndsATerm(t *testing.T) {
	c := startCluster(t, 1, 0, rpc.THFTv0)
	s := c.leader()
	term := s.term.Load()
	rng := rand.New(rand.NewPCG(7, 7))
	noise := make([]byte, 60)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	bodies := [][]byte{
		{0x0C, 0, 1, 0, 0}, // {1: {}}
		{}, {0x0C}, {0x0C, 0, 1}, {0x0C, 0, 1, 0x0B, 0, 1, 0x7F, 0xFF, 0xFF, 0xFF},
		{0x0C, 0, 1, 0x0C, 0, 2, 0, 0, 0}, {0x0C, 0, 1, 0x0F, 0, 2, 0x0C, 0x7F, 0xFF, 0xFF, 0xFF, 0},
		noise,
	}
	for _, name := range handled {
		for i, body := range bodies {
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
			_, err := c.pool.CallBytes(ctx, s.Addr(), rpc.Call{Name: name, TimeoutMs: 3000, Body: body})
			cancel()
			if errors.Is(err, base.ErrTimeout) || errors.Is(err, base.ErrHandlerNotFound) || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s, body %d: %v", name, i, err)
			}
		}
	}
	if s.term.Load() != term || !s.Leading() {
		t.Error("the term ended")
	}
	c.check()
}

// A defect in the core ends the term, not the process, and nobody waits forever.
func TestPanicEndsTheTermOnly(t *testing.T) {
	s, _ := startFlaky(t, nil)
	waitLeading(t, s)
	first := s.term.Load()
	first.do(func(int64) { panic("defect") })
	eventually(t, 5*time.Second, func() error {
		if s.term.Load() == first || !s.Leading() {
			return errors.New("still in the first term")
		}
		return nil
	})
}

func FuzzDecodeConfig(f *testing.F) {
	f.Add([]byte(`{"pid":"2.0","ballot":3,"max_replica_count":3,"primary":"10.0.0.1:34801","secondaries":["10.0.0.2:34801"],"last_drops":[],"last_committed_decree":0,"partition_flags":0,"hp_primary":"n1:34801","hp_secondaries":["n2:34801"],"hp_last_drops":[]}`))
	f.Add([]byte(`{"pid":"2.0","ballot":3,"primary":"invalid address","secondaries":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		names := map[base.RPCAddress]base.HostPort{}
		c, err := decodeConfig(data, names)
		if err != nil {
			return
		}
		again, err := decodeConfig(encodeConfig(c, nil), names)
		if err != nil || again.Pid != c.Pid || again.Ballot != c.Ballot || again.Primary != c.Primary || len(again.Secondaries) != len(c.Secondaries) {
			t.Errorf("%s: %v, %+v became %+v", data, err, c, again)
		}
	})
}

func FuzzDecodeApp(f *testing.F) {
	f.Add([]byte(`{"status":"app_status::AS_AVAILABLE","app_type":"pegasus","app_name":"t","app_id":2,"partition_count":8,"envs":{"default_ttl":"0"},"is_stateful":1,"max_replica_count":3,"expire_second":0,"create_second":1700000000,"drop_second":0,"duplicating":0,"init_partition_count":8,"is_bulk_loading":0,"atomic_idempotent":0}`))
	f.Add([]byte(`{"status":"app_status::AS_DROPPED","app_name":"\u0001\"","partition_count":1,"max_replica_count":1,"is_stateful":true}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := decodeApp(data)
		if err != nil {
			return
		}
		again, err := decodeApp(encodeApp(a))
		if err != nil || !again.Equals(a) {
			t.Errorf("%s: %v, %v became %v", data, err, a, again)
		}
		s := cluster.New(cluster.DefaultOptions())
		_ = s.Load(1, []cluster.LoadedApp{{Info: a, Partitions: make([]*cluster.Config, min(a.PartitionCount, 4))}})
	})
}
