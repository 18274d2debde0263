package compattests

import (
	"syscall"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/compat-tests/cluster"
	"github.com/pegasus-go/pegasus/compat-tests/thft"
)

const (
	witnessGrace  = 60 * time.Second // until silence would tell
	witnessWithin = 25 * time.Second // until the witness must have told
)

// TestWitness kills a server whose silence would be noticed after a minute only: that it is replaced before is its
// witness's doing. Before that the server is suspended, which is no death and must change nothing.
func TestWitness(t *testing.T) {
	t.Parallel() // it mostly waits
	c := cluster.Start(t, cluster.Options{Args: []string{
		"--set", "replication.fd_lease_seconds=50", "--set", "replication.fd_grace_seconds=60",
		"--set", "replication.prepare_timeout_ms_for_secondaries=500000",
	}})
	conn, err := client.New(c.Metas, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	table, err := conn.Open(t.Context(), "temp")
	if err != nil {
		t.Fatal(err)
	}
	before, err := thft.AwaitHealthy(c.Metas, "temp", healWithin)
	if err != nil {
		t.Fatal(err)
	}
	victim := before.Partitions[0].Primary
	pid := c.Pids()[c.NameOf(victim)]
	time.Sleep(witnessGrace + settle) // nobody else can hold a lease at that address then
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(settle)
	if now, err := thft.Query(c.Leader(), "temp"); err != nil || now.Partitions[0].Primary != victim || !now.Healthy() {
		t.Errorf("a suspended server lost its place: %+v, %v", now, err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(witnessWithin); ; time.Sleep(100 * time.Millisecond) {
		now, err := thft.Query(c.Leader(), "temp")
		if err == nil && !hosts(now, victim) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the dead server is still a member: %+v, %v", now, err)
		}
	}
	m := startMixed(t, table, "witness", 8, 0)
	m.await(rollingOps)
	m.end()
	c.StartServers(c.NameOf(victim))
	c.AwaitHealthy(healWithin, "temp", "stat")
	identicalReplicas(t, c, "temp")
}
