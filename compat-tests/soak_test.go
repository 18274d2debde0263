package compattests

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/compat-tests/cluster"
	"github.com/pegasus-go/pegasus/compat-tests/soak"
)

const (
	soakShort    = 40 * time.Second // SOAK=10m makes it longer
	soakSamples  = 240              // at most; one a second at most
	soakCallers  = 6
	soakPause    = 3 * time.Millisecond
	soakRestarts = 12 * time.Second // between restarts of a server
	soakTables   = 3 * time.Second  // between births of a table
	soakSettle   = 5 * time.Second  // before the first sample
	soakQuiet    = 90 * time.Second // for what served the load to end after it
	soakLeftMax  = 10               // goroutines that a server may have more than before the load
	// soakLeaderGoroutines is what a meta server has more once it leads: workers and timers.
	soakLeaderGoroutines = 48
)

// soakArgs make buffers fill and files turn over within seconds, so that what is bounded reaches its bound in the warm-up.
var soakArgs = []string{
	"--set", "pegasus.server.rocksdb_write_buffer_size=1048576",
	"--set", "pegasus.server.rocksdb_total_size_across_write_buffer=4194304",
	"--set", "pegasus.server.rocksdb_block_cache_capacity=8388608",
	"--set", "replication.log_private_file_size_mb=1",
	"--set", "replication.log_private_reserve_max_size_mb=1",
	"--set", "replication.checkpoint_interval_seconds=2",
	"--set", "replication.config_sync_interval_ms=2000", // how dropped tables are noticed: the teeth of all measures
	"--set", "replication.gc_memory_replica_interval_ms=2000",
	"--set", "replication.gc_disk_garbage_replica_interval_seconds=2",
	"--set", "replication.disk_stat_interval_seconds=2",
}

// TestSoak holds processes to plateaus under everything that comes and goes: rows that expire, scans, tables, connections,
// clients, and two servers that are stopped, killed and started again. The other four are watched.
func TestSoak(t *testing.T) {
	t.Parallel() // the short form leaves the machine to others
	length := soakShort
	if text := os.Getenv("SOAK"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatalf("SOAK: %v", err)
		}
	}
	c := cluster.Start(t, cluster.Options{Args: soakArgs})
	conn, err := client.New(c.Metas, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	table, err := conn.Open(t.Context(), "temp")
	if err != nil {
		t.Fatal(err)
	}
	watched := []string{"replica1", "replica2", "meta1", "meta2"}
	before := lookAt(t, c, watched)
	m := startMixed(t, table, "soak", soakCallers, soakPause)
	churn := startChurn(t, c)
	watch := watchServers(t, c, length, watched)
	churn.end()
	m.end()
	c.AwaitHealthy(healWithin, "temp", "stat")
	all, failed, _, _ := m.sums()
	t.Logf("%v: %d operations, %d failed while servers were killed; %s", length, all, failed, churn)
	if churn.tables == 0 || churn.connections == 0 || churn.restarts < 2 {
		t.Errorf("nothing came and went: %s", churn)
	}
	judge(t, watch)
	report(t, watch)
	awaitQuiet(t, c, watched, before)
	identicalReplicas(t, c, "temp")
}

// watchServers samples until the time is over.
func watchServers(t *testing.T, c *cluster.Cluster, length time.Duration, names []string) soak.Watch {
	t.Helper()
	time.Sleep(soakSettle)
	w := soak.Watch{Names: names, Series: map[string][]soak.Sample{}}
	ticker := time.NewTicker(max(time.Second, length/soakSamples))
	defer ticker.Stop()
	for start := time.Now(); time.Since(start) < length; <-ticker.C {
		for name, s := range lookAt(t, c, names) {
			s.At = time.Since(start)
			w.Series[name] = append(w.Series[name], s)
		}
	}
	return w
}

func lookAt(t *testing.T, c *cluster.Cluster, names []string) map[string]soak.Sample {
	t.Helper()
	pids, now := c.Pids(), map[string]soak.Sample{}
	for _, a := range slices.Concat(c.Metas, c.Replicas) {
		name := c.NameOf(a)
		if !slices.Contains(names, name) {
			continue
		}
		s, err := soak.Look(t.Context(), pids[name], a)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		now[name] = s
	}
	return now
}

// awaitQuiet waits until every server runs about as many goroutines as before the load.
func awaitQuiet(t *testing.T, c *cluster.Cluster, names []string, before map[string]soak.Sample) {
	t.Helper()
	for end := time.Now().Add(soakQuiet); ; time.Sleep(time.Second) {
		now, quiet := lookAt(t, c, names), true
		for _, name := range names {
			left := float64(soakLeftMax)
			if strings.HasPrefix(name, "meta") {
				left += soakLeaderGoroutines // it may have come to lead meanwhile
			}
			quiet = quiet && now[name].Goroutines <= before[name].Goroutines+left
		}
		if !quiet && time.Now().Before(end) {
			continue
		}
		for _, name := range names {
			t.Logf("%-9s goroutines: %.0f before the load, %.0f after it", name, before[name].Goroutines, now[name].Goroutines)
		}
		if !quiet {
			t.Errorf("goroutines are left %v after the load", soakQuiet)
		}
		return
	}
}

func judge(t *testing.T, w soak.Watch) {
	t.Helper()
	for _, name := range w.Names {
		for _, m := range soak.Measures {
			v := soak.Judge(w.Series[name], m)
			t.Logf("%-9s %v", name, v)
			if !v.Flat() {
				t.Errorf("%s: %v", name, v)
			}
		}
	}
}

// report leaves the samples and a picture in the directory that SOAK_OUT names.
func report(t *testing.T, w soak.Watch) {
	dir := os.Getenv("SOAK_OUT")
	if dir == "" {
		return
	}
	for name, write := range map[string]func(*os.File) error{
		"soak.csv": func(f *os.File) error { return w.WriteCSV(f) },
		"soak.svg": func(f *os.File) error { return w.WriteSVG(f) },
	} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := write(f); err != nil {
			t.Error(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// churn makes tables, connections and servers come and go.
type churn struct {
	t      *testing.T
	c      *cluster.Cluster
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	tables, connections, restarts int // read after end
}

func startChurn(t *testing.T, c *cluster.Cluster) *churn {
	ch := &churn{t: t, c: c}
	ch.ctx, ch.cancel = context.WithCancel(context.Background())
	t.Cleanup(ch.end)
	ch.every(soakTables, ch.table)
	ch.every(100*time.Millisecond, ch.connect)
	ch.every(soakRestarts, ch.restart)
	return ch
}

// every calls f with 0, 1, 2 ... until the end.
func (ch *churn) every(pause time.Duration, f func(n int)) {
	ch.wg.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-ch.ctx.Done():
				return
			case <-time.After(pause):
				f(n)
			}
		}
	})
}

func (ch *churn) end() {
	ch.cancel()
	ch.wg.Wait()
}

func (ch *churn) String() string {
	return fmt.Sprintf("%d tables created and dropped, %d connections, %d servers restarted", ch.tables, ch.connections, ch.restarts)
}
