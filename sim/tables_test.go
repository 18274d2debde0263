package sim

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/gen-go/base"
)

// open opens a table as soon as it can be written and read.
func (b *bench) open(cl *client.Client, name string) *client.Table {
	b.t.Helper()
	if _, err := b.cl.Admin().WaitHealthy(b.ctx, name, nil); err != nil {
		b.t.Fatal(err)
	}
	table, err := cl.Open(b.ctx, name)
	if err != nil {
		b.t.Fatal(err)
	}
	return table
}

func TestDropAndRecall(t *testing.T) {
	t.Parallel()
	b := newBench(t, quick(Config{}))
	admin := b.cl.Admin()
	id, err := admin.CreateApp(b.ctx, "fleeting", client.CreateOptions{Partitions: 4, Replicas: 3})
	if err != nil {
		t.Fatal(err)
	}
	table := b.open(b.cl, "fleeting")
	for i := range 200 {
		if err := table.Set(b.ctx, fmt.Appendf(nil, "k%d", i), []byte("s"), fmt.Appendf(nil, "v%d", i), 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := admin.DropApp(b.ctx, "fleeting", 3600, false); err != nil {
		t.Fatal(err)
	}
	b.until("replicas of a dropped table close", func() bool {
		for i := range b.Replicas {
			if strings.Contains(b.command(i, "replica.query-progress"), fmt.Sprintf("    %d.", id)) {
				return false
			}
		}
		return true
	})
	// A server that starts in between must neither serve nor lose them.
	if err := b.Replicas[0].Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.RestartReplica(0); err != nil {
		t.Fatal(err)
	}
	b.healthy()
	if _, err := admin.RecallApp(b.ctx, id, "back"); err != nil {
		t.Fatal(err)
	}
	b.cl.Forget("fleeting")
	table = b.open(b.cl, "back")
	for i := range 200 {
		v, found, err := table.Get(b.ctx, fmt.Appendf(nil, "k%d", i), []byte("s"))
		if err != nil || !found || string(v) != fmt.Sprintf("v%d", i) {
			t.Fatalf("row %d after the recall: %q, found %v, %v", i, v, found, err)
		}
	}
}

// envInForce waits until every member of the test table knows an env's value; empty means unset.
func (b *bench) envInForce(key, value string) {
	b.t.Helper()
	b.until("env "+key, func() bool {
		n := 0
		for i := range b.Replicas {
			for _, line := range strings.Split(b.command(i, "replica.query-app-envs", fmt.Sprint(b.table.AppID())), "\n")[1:] {
				if strings.Contains(line, key+"="+value) == (value != "") && (value != "" || !strings.Contains(line, key+"=")) {
					n++
				}
			}
		}
		return n == 3*testPartitions
	})
}

// setEnv sets an env of the test table, or removes it, and waits for it.
func (b *bench) setEnv(key, value string) {
	b.t.Helper()
	var err error
	if value == "" {
		_, err = b.cl.Admin().DelAppEnvs(b.ctx, "temp", []string{key})
	} else {
		err = b.cl.Admin().SetAppEnvs(b.ctx, "temp", []string{key}, []string{value})
	}
	if err != nil {
		b.t.Fatal(err)
	}
	b.envInForce(key, value)
}

// TestDefaultTTLOverRestarts opens tables whose env default_ttl is set, with rows, on every server.
func TestDefaultTTLOverRestarts(t *testing.T) {
	t.Parallel()
	b := newBench(t, quick(Config{}))
	key, sort := []byte("k"), []byte("s")
	if err := b.table.Set(b.ctx, []byte("old"), sort, []byte("v"), 0); err != nil {
		t.Fatal(err)
	}
	b.setEnv("default_ttl", "1000")
	check := func(when string) {
		t.Helper()
		if err := b.table.Set(b.ctx, key, sort, []byte(when), 0); err != nil {
			t.Fatal(err)
		}
		if ttl, found, err := b.table.TTL(b.ctx, key, sort); err != nil || !found || ttl <= 0 || ttl > 1000 {
			t.Errorf("%s: ttl %d, found %v, %v; wanted the table's default", when, ttl, found, err)
		}
		if ttl, found, err := b.table.TTL(b.ctx, []byte("old"), sort); err != nil || !found || ttl != -1 {
			t.Errorf("%s: ttl of the older row is %d, found %v, %v", when, ttl, found, err)
		}
	}
	check("set")
	b.rows("ttl", 40)
	for i := range b.Replicas {
		if err := b.Replicas[i].Close(); err != nil {
			t.Fatal(err)
		}
		if err := b.RestartReplica(i); err != nil {
			t.Fatal(err)
		}
	}
	b.healthy()
	check("after restarts")
	b.sameEverywhere()
	b.setEnv("default_ttl", "")
	if err := b.table.Set(b.ctx, key, sort, []byte("forever"), 0); err != nil {
		t.Fatal(err)
	}
	if ttl, found, err := b.table.TTL(b.ctx, key, sort); err != nil || !found || ttl != -1 {
		t.Errorf("default_ttl removed: ttl %d, found %v, %v", ttl, found, err)
	}
	b.sameEverywhere()
}

func TestDenyAndThrottle(t *testing.T) {
	t.Parallel()
	b := newBench(t, quick(Config{}))
	once, err := client.New(b.MetaList(), client.Options{NoRetry: true})
	if err != nil {
		t.Fatal(err)
	}
	defer once.Close()
	table := b.open(once, "temp")
	set := func() error {
		ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
		defer cancel()
		return table.Set(ctx, []byte("k"), []byte("s"), []byte("v"), 0)
	}
	get := func() error { _, _, err := table.Get(b.ctx, []byte("k"), []byte("s")); return err }
	if err := errors.Join(set(), get()); err != nil {
		t.Fatal(err)
	}

	b.setEnv("replica.deny_client_request", "reconfig*write")
	if err := set(); client.CodeOf(err) != base.ErrInvalidState {
		t.Errorf("denied write: %v", err)
	}
	if err := get(); err != nil {
		t.Errorf("read while writes are denied: %v", err)
	}
	b.setEnv("replica.deny_client_request", "")

	b.setEnv("replica.write_throttling", "8*reject*0")
	rejected := 0
	for range 100 {
		if err := set(); client.CodeOf(err) == base.ErrBusy {
			rejected++
		} else if err != nil {
			t.Fatalf("throttled write: %v", err)
		}
	}
	if rejected == 0 {
		t.Error("a hundred writes at once pass a throttle of eight a second")
	}
	b.setEnv("replica.write_throttling", "8*delay*50")
	for range 10 {
		if err := set(); err != nil {
			t.Fatalf("delayed write: %v", err)
		}
	}
	b.setEnv("replica.write_throttling", "")
	for range 50 {
		if err := set(); err != nil {
			t.Fatalf("write after the throttle was taken away: %v", err)
		}
	}
	b.sameEverywhere()
}
