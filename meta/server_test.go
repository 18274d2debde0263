package meta

import (
	"fmt"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/meta/cluster"
	"github.com/pegasus-go/pegasus/rpc"
	"github.com/pegasus-go/pegasus/zkmeta"
)

// testCluster is a few metas on one store and a few fake replica servers.
type testCluster struct {
	t     testing.TB
	metas []*Server
	addrs []base.RPCAddress
	fakes []*fakeReplica
	*client
}

func testOptions(store zkmeta.Backend) Options {
	o := cluster.DefaultOptions()
	o.FDGraceMs, o.FDSuspectMs = 1000, 300
	o.MinLiveNodesForUnfreeze = 1
	o.LivePercentage = 0
	o.SettleMs = 200
	o.ResendMs, o.ResendAddMs = 200, 200
	return Options{
		Listen: "127.0.0.1:0", Backend: store, ClusterRoot: "/pegasus/test", Cluster: o, ClusterName: "test",
		DefaultApps: []cluster.DefaultApp{
			{Name: "stat", Type: "pegasus", PartitionCount: 4, ReplicaCount: 3},
			{Name: "temp", Type: "pegasus", PartitionCount: 8, ReplicaCount: 3},
		},
		TickEvery: 20 * time.Millisecond, Logger: quiet(),
	}
}

func startCluster(t testing.TB, metas, fakes int, dialect rpc.Dialect) *testCluster {
	t.Helper()
	c := &testCluster{t: t, client: newClient(t, dialect)}
	dir := t.TempDir()
	for range metas {
		c.addMeta(dir)
	}
	for range fakes {
		c.fakes = append(c.fakes, startFake(t, c.addrs, "127.0.0.1:0"))
	}
	return c
}

func (c *testCluster) addMeta(dir string) {
	c.t.Helper()
	store, err := zkmeta.OpenEmbedded(dir, zkmeta.EmbeddedOptions{Logger: quiet()})
	if err != nil {
		c.t.Fatal(err)
	}
	s, err := Start(testOptions(store))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		s.Close()
		store.Close()
	})
	c.metas = append(c.metas, s)
	c.addrs = append(c.addrs, s.Addr())
}

// leader waits for one meta to lead.
func (c *testCluster) leader() *Server {
	c.t.Helper()
	var found *Server
	eventually(c.t, 10*time.Second, func() error {
		for _, s := range c.metas {
			if s != nil && s.Leading() {
				found = s
				return nil
			}
		}
		return fmt.Errorf("nobody leads")
	})
	return found
}

func (c *testCluster) config(table string) (*layer2.QueryCfgResponse, error) {
	var resp layer2.QueryCfgResponse
	err := c.call(c.leader().Addr(), "RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX", &layer2.QueryCfgRequest{AppName: table}, &resp)
	if err == nil && resp.Err.Val() != base.ErrOK {
		err = resp.Err.Val()
	}
	return &resp, err
}

// complete waits until every partition of the table has a primary and all its secondaries.
func (c *testCluster) complete(table string, secondaries int, limit time.Duration) time.Duration {
	c.t.Helper()
	return eventually(c.t, limit, func() error {
		resp, err := c.config(table)
		if err != nil {
			return err
		}
		for _, p := range resp.Partitions {
			if !p.Primary.Val().IsValid() || len(p.Secondaries) != secondaries {
				return fmt.Errorf("%s: primary %s, %d secondaries", p.Pid, p.Primary, len(p.Secondaries))
			}
		}
		return nil
	})
}

func (c *testCluster) check() {
	c.t.Helper()
	t := c.leader().term.Load()
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.core.Check(); err != nil {
		c.t.Error(err)
	}
}

func TestNewTableIsUsableWithinASecond(t *testing.T) {
	c := startCluster(t, 1, 3, rpc.THFTv0)
	c.complete("stat", 2, 10*time.Second)
	c.complete("temp", 2, 10*time.Second)
	begin := time.Now()
	var created metaadmin.ConfigurationCreateAppResponse
	c.mustCall(c.addrs[0], "RPC_CM_CREATE_APP", &metaadmin.ConfigurationCreateAppRequest{
		AppName: "t", Options: &metaadmin.CreateAppOptions{PartitionCount: 16, ReplicaCount: 3, AppType: "pegasus", IsStateful: true},
	}, &created)
	if created.Err.Val() != base.ErrOK || created.Appid != 3 {
		t.Fatalf("create: %v, id %d", created.Err, created.Appid)
	}
	c.complete("t", 2, time.Second)
	t.Logf("complete %v after the request", time.Since(begin))
	primaries := map[base.RPCAddress]int{}
	resp, _ := c.config("t")
	for _, p := range resp.Partitions {
		primaries[p.Primary.Val()]++
	}
	for _, f := range c.fakes {
		if n := primaries[f.addr]; n < 5 || n > 6 {
			t.Errorf("%s has %d of 16 primaries", f.addr, n)
		}
	}
	c.check()
}

func TestFollowerTakesOverWithTheSameState(t *testing.T) {
	c := startCluster(t, 3, 3, rpc.THFTv0)
	c.complete("temp", 2, 10*time.Second)
	before, _ := c.config("temp")
	old := c.leader()
	for i, s := range c.metas {
		if s == old {
			c.metas[i] = nil
			old.Close()
			old.opts.Backend.Close()
		}
	}
	next := c.leader()
	after, err := c.config("temp")
	if err != nil || !after.Equals(before) {
		t.Errorf("after the change of leader: %v\n%v\nwant\n%v", err, after, before)
	}
	for _, s := range c.metas {
		if s == nil || s == next {
			continue
		}
		eventually(t, 2*time.Second, func() error {
			var resp layer2.QueryCfgResponse
			c.mustCall(s.Addr(), "RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX", &layer2.QueryCfgRequest{AppName: "temp"}, &resp)
			if resp.Err.Val() != base.ErrForwardToOthers || len(resp.Partitions) != 1 || resp.Partitions[0].Primary.Val() != next.Addr() {
				return fmt.Errorf("follower answers %v, want a hint to %s", &resp, next.Addr())
			}
			return nil
		})
	}
	c.fakes[0].kill()
	c.complete("temp", 1, 5*time.Second)
	c.check()
}

func TestDeadPrimaryIsReplaced(t *testing.T) {
	c := startCluster(t, 1, 3, rpc.Native)
	c.complete("temp", 2, 10*time.Second)
	c.fakes[1].kill()
	took := c.complete("temp", 1, 4*time.Second)
	t.Logf("replaced %v after the kill", took)
	c.check()
	var nodes metaadmin.ConfigurationListNodesResponse
	c.mustCall(c.addrs[0], "RPC_CM_LIST_NODES", &metaadmin.ConfigurationListNodesRequest{Status: metaadmin.NodeStatus_NS_UNALIVE}, &nodes)
	if len(nodes.Infos) != 1 || nodes.Infos[0].Node.Val() != c.fakes[1].addr {
		t.Errorf("dead servers: %v", nodes.Infos)
	}
	startFake(t, c.addrs, c.fakes[1].addr.String())
	took = c.complete("temp", 2, 5*time.Second)
	t.Logf("complete %v after the return", took)
	c.check()
}
