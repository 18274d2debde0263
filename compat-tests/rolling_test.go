package compattests

import (
	"strings"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/compat-tests/cluster"
)

const (
	rollingCallers = 8
	rollingPause   = 2 * time.Millisecond
	rollingOps     = 500 // between two steps
)

// TestRollingRestart restarts every server in turn (SIGTERM, start, wait until healthy) under load. No operation fails, those
// that must not be repeated (increments, check-and-set) included, and on a machine that keeps up none needs more than one retry. The released Python client
// does not retry by itself: its first errors are counted, and what it was acknowledged must be there.
func TestRollingRestart(t *testing.T) {
	t.Parallel() // it mostly waits
	c := cluster.Start(t, cluster.Options{})
	conn, err := client.New(c.Metas, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	table, err := conn.Open(t.Context(), "temp")
	if err != nil {
		t.Fatal(err)
	}
	pyLoad := startLoad(t, "python load", t.TempDir(), python(t), here("python", "client.py"), "load", c.MetaList(), "temp")
	begin := time.Now()
	pyLoad.awaitFlow(begin, resumeWithin)
	m := startMixed(t, table, "rolling", rollingCallers, rollingPause)
	for _, name := range append(replicaNames(), metaNames()...) {
		m.await(rollingOps)
		before, _, twiceBefore, _ := m.sums()
		rollOne(t, c, name)
		all, _, twice, _ := m.sums()
		t.Logf("%s: %d operations meanwhile, %d of them with one retry", name, all-before, twice-twiceBefore)
	}
	m.await(rollingOps)
	m.end()
	all, failed, twice, more := m.sums()
	t.Logf("%d operations: %d failed, %d needed one retry, %d more; the slowest took %v; python: %d failed calls", all, failed, twice, more, m.slow, pyLoad.failures(begin))
	// How many retries are needed is a matter of time: on a machine that is busy otherwise a successor may take longer than
	// clients are made to wait, and more so with servers that are ten times slower.
	if cluster.Race() || more*1000 <= all {
		more = 0
	}
	if failed > 0 || more > 0 {
		t.Errorf("%d operations failed and %d needed more than one retry: %v", failed, more, m.needed)
	}
	pyLoad.stop()
	identicalReplicas(t, c, "temp")
}

// rollOne restarts one server and waits until the cluster is as good as before.
func rollOne(t *testing.T, c *cluster.Cluster, name string) {
	t.Helper()
	c.Stop(name)
	started := time.Now()
	c.StartServers(name)
	if strings.HasPrefix(name, "meta") {
		awaitMeta(t, c.Metas[name[len(name)-1]-'1'])
	}
	c.AwaitHealthy(healWithin, "temp", "stat")
	t.Logf("%s: healthy %.2f s after its start", name, time.Since(started).Seconds())
}

func replicaNames() []string { return []string{"replica1", "replica2", "replica3"} }
func metaNames() []string    { return []string{"meta1", "meta2", "meta3"} }
