package compattests

import (
	"fmt"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/compat-tests/cluster"
	"github.com/pegasus-go/pegasus/compat-tests/thft"
)

// How long things may take. The bounds are loose: a slow machine must not fail the test, a stuck cluster must.
const (
	resumeWithin = 60 * time.Second
	healWithin   = 90 * time.Second
	leaderWithin = 40 * time.Second
	envWithin    = 40 * time.Second // envs reach the replicas with the next config sync
	// The Go client dials an address that refused it again after 60 s only.
	goRedialWithin = 150 * time.Second
	settle         = 3 * time.Second
)

// TestFailover kills servers under the load of real clients. Every write that was acknowledged must be there in the end,
// clients must go on by themselves, and killed servers must come back into every partition.
func TestFailover(t *testing.T) {
	t.Parallel() // it mostly waits
	c := cluster.Start(t, cluster.Options{})
	goLoad := startLoad(t, "go load", "", goProgram(t, "go/apache", ".", ""), "-metas", c.MetaList(), "-table", "temp", "-mode", "load")
	pyLoad := startLoad(t, "python load", t.TempDir(), python(t), here("python", "client.py"), "load", c.MetaList(), "temp")
	begin := time.Now()
	goLoad.awaitFlow(begin, resumeWithin)
	pyLoad.awaitFlow(begin, resumeWithin)
	time.Sleep(settle)

	ok := t.Run("kill -9 a replica server", func(t *testing.T) { killReplica(t, c, goLoad, pyLoad) })
	ok = ok && t.Run("kill -9 the leading meta server", func(t *testing.T) { killLeader(t, c, goLoad, pyLoad) })
	ok = ok && t.Run("kill -9 everything at once", func(t *testing.T) { killAll(t, c, goLoad, pyLoad) })
	if !ok {
		t.FailNow()
	}
	goLoad.stop()
	pyLoad.stop()
	identicalReplicas(t, c, "temp", "stat")
}

func killReplica(t *testing.T, c *cluster.Cluster, loads ...*load) {
	// A table with default_ttl crashed the original when a server opened it.
	leader := c.Leader()
	r, err := thft.AskMeta(leader, "UPDATE_APP_ENV", func(a *thft.Args) {
		a.Str(1, "stat").I32(2, 1).Strings(3, "default_ttl").Strings(4, "100000")
	})
	if err != nil || r[1] != "ERR_OK" {
		t.Fatalf("set default_ttl: %v %v", r, err)
	}
	cfg, err := thft.AwaitHealthy(c.Metas, "temp", healWithin)
	if err != nil {
		t.Fatal(err)
	}
	victim := cfg.Partitions[0].Primary
	name := c.NameOf(victim)
	killed := time.Now()
	c.Kill(name)
	for _, l := range loads {
		t.Logf("%s works again %.1f s after %s was killed, with %d failed calls", l.name, l.awaitFlow(killed, resumeWithin).Seconds(), name, l.failures(killed))
	}
	for _, table := range []string{"temp", "stat"} {
		if cfg, err := thft.Query(c.Leader(), table); err != nil || hosts(cfg, victim) {
			t.Errorf("the dead server is still in the configuration of %s: %+v %v", table, cfg, err)
		}
	}
	started := time.Now()
	c.StartServers(name)
	c.AwaitHealthy(healWithin, "temp", "stat")
	t.Logf("every partition has 1+2 members again %.1f s after %s was started", time.Since(started).Seconds(), name)
	for _, l := range loads {
		l.awaitFlow(started, resumeWithin)
	}
	awaitDefaultTTL(t, c)
}

// awaitDefaultTTL waits until every partition of stat gives rows the ttl of the table.
func awaitDefaultTTL(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	tb := openTable(t, c, "stat")
	for i := range 8 {
		h, ttl := fmt.Sprint("default ttl ", i), int32(-1)
		for end := time.Now().Add(envWithin); ttl == -1 && time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
			tb.put(h, "k", "v")
			ttl = tb.ttl(h, "k")
		}
		if ttl < 99000 || ttl > 100000 {
			t.Errorf("ttl of a row without one in a table with default_ttl 100000: %d", ttl)
		}
	}
}

func hosts(cfg thft.Config, server string) bool {
	for _, p := range cfg.Partitions {
		for _, member := range append(p.Secondaries, p.Primary) {
			if member == server {
				return true
			}
		}
	}
	return false
}

func killLeader(t *testing.T, c *cluster.Cluster, loads ...*load) {
	old := c.Leader()
	killed := time.Now()
	c.Kill(c.NameOf(old))
	leader, err := thft.Leader(others(c.Metas, old), leaderWithin)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s leads %.1f s after %s was killed", c.NameOf(leader), time.Since(killed).Seconds(), c.NameOf(old))
	if err := thft.CreateTable(leader, "born_after_failover", 4); err != nil {
		t.Errorf("the new leader does not work: %v", err)
	}
	c.AwaitHealthy(healWithin, "temp", "stat", "born_after_failover")
	c.StartServers(c.NameOf(old))
	back := time.Now()
	awaitMeta(t, old)
	for _, l := range loads {
		l.awaitFlow(back, resumeWithin)
		// Reads and writes need no meta server.
		if n := l.failures(killed); n > 0 {
			t.Errorf("%s had %d failed calls while the leading meta was dead", l.name, n)
		}
	}
}

// awaitMeta waits until a meta server that was started answers, as leader or as follower.
func awaitMeta(t *testing.T, address string) {
	t.Helper()
	for end := time.Now().Add(leaderWithin); ; time.Sleep(100 * time.Millisecond) {
		if cfg, err := thft.Query(address, "temp"); err == nil && (cfg.Err == "ERR_FORWARD_TO_OTHERS" || cfg.Healthy()) {
			return
		} else if time.Now().After(end) {
			t.Fatalf("the meta server %s does not answer again: %+v %v", address, cfg, err)
		}
	}
}

func others(list []string, not string) (out []string) {
	for _, s := range list {
		if s != not {
			out = append(out, s)
		}
	}
	return out
}

func killAll(t *testing.T, c *cluster.Cluster, loads ...*load) {
	c.KillAll()
	time.Sleep(settle)
	c.Run()
	started := time.Now()
	c.AwaitHealthy(healWithin, "temp", "stat", "born_after_failover")
	t.Logf("every partition has 1+2 members %.1f s after the restart", time.Since(started).Seconds())
	for _, l := range loads {
		t.Logf("%s works again after %.1f s", l.name, l.awaitFlow(started, goRedialWithin).Seconds())
	}
}
