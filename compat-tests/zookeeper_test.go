package compattests

import (
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/compat-tests/cluster"
	"github.com/pegasus-go/pegasus/zkmeta/zktest"
)

// zooKeeperTick is ZooKeeper's default, which decides what session timeouts it grants and when it notices the end of one.
const zooKeeperTick = 2 * time.Second

// TestZooKeeper keeps the meta state in a real ZooKeeper: leadership moves, tables survive the restart of everything.
func TestZooKeeper(t *testing.T) {
	if testing.Short() {
		t.Skip("a whole cluster is not for -short")
	}
	install(t, "zookeeper")
	zk := zktest.Start(t, zktest.Options{Tick: zooKeeperTick})
	c := cluster.Start(t, cluster.Options{Args: []string{"--zookeeper", zk.Addr()}})
	l := startLoad(t, "go load", "", goProgram(t, "go/apache", ".", ""), "-metas", c.MetaList(), "-table", "temp", "-mode", "load")
	l.awaitFlow(time.Now(), resumeWithin)
	killLeader(t, c, l)
	l.stop()
	c.KillAll()
	c.Run()
	c.AwaitHealthy(healWithin, "temp", "stat", "born_after_failover")
}
