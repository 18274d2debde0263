package sim

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/meta"
	"github.com/pegasus-go/pegasus/meta/cluster"
	"github.com/pegasus-go/pegasus/replica"
	"github.com/pegasus-go/pegasus/sim/faultfs"
)

const testPartitions = 4

// seed of what the tests decide at random; the servers and the network go their own ways all the same.
var seed = flag.Uint64("seed", 1, "seed of the random decisions")

// testTable is the table of most tests.
var testTable = []cluster.DefaultApp{{Name: "temp", Type: "pegasus", PartitionCount: testPartitions, ReplicaCount: 3}}

// quick shortens everything that waits for failures.
func quick(cfg Config) Config {
	tune, tuneMeta := cfg.Tune, cfg.TuneMeta
	cfg.Tune = func(i int, o *replica.Options) {
		o.BeaconInterval, o.Lease, o.ConfigSyncInterval = 200*time.Millisecond, 2000*time.Millisecond, 500*time.Millisecond
		o.MetaRetry, o.KeepInactive = 200*time.Millisecond, time.Second
		o.Core.CommitNoticeMs, o.Core.GroupCheckIntervalMs, o.Core.LearnRetryMs = 100, 1000, 200
		o.Core.PrepareTimeoutMs, o.Core.LearnerTimeoutMs = 2000, 3000
		if tune != nil {
			tune(i, o)
		}
	}
	cfg.TuneMeta = func(o *meta.Options) {
		o.Cluster.FDGraceMs, o.Cluster.FDSuspectMs = 2500, 1000
		o.Cluster.UnstableRestartsMax, o.Cluster.MinLiveNodesForUnfreeze, o.Cluster.LivePercentage = 0, 1, 1
		o.Cluster.ResendAddMs, o.Cluster.AssignDelayMs = 1000, 500
		if tuneMeta != nil {
			tuneMeta(o)
		}
	}
	return cfg
}

// bench is a running cluster with a client of it.
type bench struct {
	*InProcess
	t     testing.TB
	ctx   context.Context
	cl    *client.Client
	table *client.Table

	damaged bool // files of replicas were damaged: one that is found to be is set aside and learned again
}

// newBench starts a cluster, waits until the test table is whole and ends everything with the test.
func newBench(t testing.TB, cfg Config) *bench {
	t.Helper()
	cfg.Dir, cfg.Logger = t.TempDir(), testLogger(t)
	if cfg.Replicas == 0 {
		cfg.Replicas = 3
	}
	if cfg.Tables == nil {
		cfg.Tables = testTable
	}
	c, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Second)
	b := &bench{InProcess: c, t: t, ctx: ctx}
	t.Cleanup(func() {
		cancel()
		if b.cl != nil {
			_ = b.cl.Close()
		}
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if b.cl, err = client.New(c.MetaList(), client.Options{OpTimeout: 60 * time.Second}); err != nil {
		t.Fatal(err)
	}
	b.healthy()
	if b.table, err = b.cl.Open(ctx, "temp"); err != nil {
		t.Fatal(err)
	}
	return b
}

// healthy waits until every partition has all its members.
func (b *bench) healthy() {
	b.t.Helper()
	if h, err := b.cl.Admin().WaitHealthy(b.ctx, "temp", nil); err != nil {
		b.t.Fatalf("the table does not become whole: %+v: %v", h, err)
	}
}

// command runs a remote command on server i.
func (b *bench) command(i int, cmd string, args ...string) string {
	b.t.Helper()
	out, err := b.cl.Admin().RemoteCommand(b.ctx, b.Replicas[i].Addr(), cmd, args...)
	if err != nil {
		b.t.Fatalf("%s on server %d: %v", cmd, i, err)
	}
	return out
}

type digest struct {
	Decree      int64  `json:"decree"`
	TimestampUs int64  `json:"timestamp_us"`
	Rows        int64  `json:"rows"`
	Digest      string `json:"digest"`
}

// digestsOf asks all servers; the result is by partition, then by server.
func (b *bench) digestsOf(appID int32) map[string]map[string]digest {
	b.t.Helper()
	out := map[string]map[string]digest{}
	for i, s := range b.Replicas {
		for _, line := range strings.Split(b.command(i, "replica.digest", fmt.Sprint(appID)), "\n")[1:] {
			where, text, ok := strings.Cut(strings.TrimSpace(line), " : ")
			gpid, _, _ := strings.Cut(where, "@")
			var d digest
			if err := json.Unmarshal([]byte(text), &d); !ok || err != nil {
				if b.damaged {
					b.t.Logf("found damaged: %s", line)
					continue
				}
				b.t.Fatalf("digest line %q: %v", line, err)
			}
			if out[gpid] == nil {
				out[gpid] = map[string]digest{}
			}
			out[gpid][s.Addr().String()] = d
		}
	}
	return out
}

// sameEverywhere waits until all members of all partitions are at the same decree and compares
// their digests. It returns the number of rows.
func (b *bench) sameEverywhere() (rows int64) {
	b.t.Helper()
	b.healthy()
	var last map[string]map[string]digest
	for b.ctx.Err() == nil {
		last = b.digestsOf(b.table.AppID())
		even := len(last) == int(b.table.PartitionCount())
		rows = 0
		for _, members := range last {
			var first *digest
			for _, d := range members {
				if first == nil {
					first = &d
					rows += d.Rows
				}
				even = even && d.Decree == first.Decree
			}
			even = even && len(members) == 3
		}
		if even {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if b.ctx.Err() != nil {
		b.t.Fatalf("members do not reach the same decree: %v", last)
	}
	for gpid, members := range last {
		var first *digest
		for node, d := range members {
			if first == nil {
				first = &d
			}
			if d != *first {
				b.t.Errorf("replicas of %s differ: %s has %+v, another %+v", gpid, node, d, *first)
			}
		}
	}
	return rows
}

// until repeats f until it is true.
func (b *bench) until(what string, f func() bool) {
	b.t.Helper()
	for !f() {
		if b.ctx.Err() != nil {
			b.t.Fatalf("%s: not in time", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// anyCrash draws how a server ends: alone, or with the power and some of what was not synced.
func anyCrash(rng *rand.Rand) faultfs.CrashOptions {
	if rng.IntN(3) == 0 {
		return faultfs.CrashOptions{KeepAll: true}
	}
	return faultfs.AnyCrash(rng)
}
