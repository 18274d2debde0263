package meta

import (
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/rpc"
	"github.com/pegasus-go/pegasus/zkmeta"
	"github.com/pegasus-go/pegasus/zkmeta/zktest"
)

// TestOnZooKeeper runs two metas on a real ZooKeeper: tables are made, the leader goes, the other
// one has them all.
func TestOnZooKeeper(t *testing.T) {
	zk := zktest.Start(t, zktest.Options{})
	c := &testCluster{t: t, client: newClient(t, rpc.THFTv0)}
	for range 2 {
		store, err := zkmeta.OpenZooKeeper([]string{zk.Addr()}, zkmeta.ZooKeeperOptions{
			LockRoot: "/pegasus/test/lock", SessionTimeout: 4 * time.Second, Logger: quiet(),
		})
		if err != nil {
			t.Fatal(err)
		}
		s, err := Start(testOptions(store))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			s.Close()
			store.Close()
		})
		c.metas = append(c.metas, s)
		c.addrs = append(c.addrs, s.Addr())
	}
	for range 3 {
		c.fakes = append(c.fakes, startFake(t, c.addrs, "127.0.0.1:0"))
	}
	c.complete("temp", 2, 20*time.Second)
	begin := time.Now()
	var created metaadmin.ConfigurationCreateAppResponse
	c.mustCall(c.leader().Addr(), "RPC_CM_CREATE_APP", &metaadmin.ConfigurationCreateAppRequest{
		AppName: "t", Options: &metaadmin.CreateAppOptions{PartitionCount: 32, ReplicaCount: 3, AppType: "pegasus", IsStateful: true},
	}, &created)
	if created.Err.Val() != base.ErrOK {
		t.Fatal(created.Err)
	}
	c.complete("t", 2, 5*time.Second)
	t.Logf("32 partitions complete after %v", time.Since(begin))
	before, _ := c.config("t")
	old := c.leader()
	for i, s := range c.metas {
		if s == old {
			c.metas[i] = nil
			old.Close()
		}
	}
	after, err := c.config("t")
	if err != nil || !after.Equals(before) {
		t.Errorf("after the change of leader: %v\n%v\nwant\n%v", err, after, before)
	}
	c.check()
}
