package sim

import (
	"fmt"
	"math/rand/v2"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/replica"
	"github.com/pegasus-go/pegasus/sim/faultfs"
)

// setAside counts the replica directories of server i that were renamed as damaged.
func (b *bench) setAside(i int) int {
	names := map[string]bool{}
	for _, f := range b.Disks[i].Files("/") {
		if at := strings.Index(f.Path, "/reps/"); at >= 0 {
			name, _, _ := strings.Cut(f.Path[at+len("/reps/"):], "/")
			names[name] = strings.HasSuffix(name, ".err")
		}
	}
	n := 0
	for _, aside := range names {
		if aside {
			n++
		}
	}
	return n
}

// flip damages the files of server i whose names match: some bits of each, but only of live replicas. When their damage is
// found is open: a table may lie on disk while its rows are still served from memory.
func (b *bench) flip(i int, rng *rand.Rand, bits int, match func(name string) bool) (files int) {
	b.t.Helper()
	b.damaged = true
	d := b.Disks[i]
	for _, f := range d.Files("/") {
		if f.Size == 0 || strings.Contains(f.Path, ".err/") || !strings.Contains(f.Path, ".pegasus/") || !match(path.Base(f.Path)) {
			continue
		}
		for range bits {
			if err := d.FlipBit(f.Path, rng.Int64N(f.Size*8)); err != nil {
				b.t.Fatal(err)
			}
		}
		files++
	}
	return files
}

// readEverything makes server i read all rows of all its replicas, whatever comes of it. It returns how many it has.
func (b *bench) readEverything(i int) (replicas int) {
	out, _ := b.cl.Admin().RemoteCommand(b.ctx, b.Replicas[i].Addr(), "replica.digest", fmt.Sprint(b.table.AppID()))
	_, _ = fmt.Sscanf(out, "%d processed", &replicas)
	return replicas
}

// readWithErrors reads every acknowledged row again until it comes. A damaged block costs a caller one clear error; a row
// that is missing or different would be an answer that nobody gave.
func (l *ledger) readWithErrors(b *bench) (errors int) {
	b.t.Helper()
	for _, key := range l.acked {
		for {
			v, found, err := b.table.Get(b.ctx, []byte(key), []byte("s"))
			if err == nil {
				if !found || string(v) != key {
					b.t.Errorf("acknowledged row %s: value %.40q, found %v", key, v, found)
				}
				break
			}
			if errors++; b.ctx.Err() != nil {
				b.t.Fatalf("row %s: %v", key, err)
			}
		}
	}
	return errors
}

func onFaultDisks(cfg Config) Config {
	cfg.Disk = func(int) *faultfs.Disk { return faultfs.New(faultfs.Options{}) }
	return quick(cfg)
}

// TestFlippedBitsWhileClosed damages every kind of file of a stopped server. It comes back, sets what it cannot trust
// aside, learns it again from the others, and no acknowledged row is gone or different.
func TestFlippedBitsWhileClosed(t *testing.T) {
	t.Parallel()
	b := newBench(t, onFaultDisks(Config{}))
	rng := rand.New(rand.NewPCG(*seed, 31))
	var loads []*ledger
	for n, kind := range []struct {
		name  string
		match func(name string) bool
	}{
		{"log", func(name string) bool { return strings.HasPrefix(name, "plog.") }},
		{"table", func(name string) bool { return strings.HasSuffix(name, ".sst") }},
		{"manifest", func(name string) bool { return strings.HasPrefix(name, "MANIFEST") }},
		{"init info", func(name string) bool { return name == ".init-info" }},
		{"app info", func(name string) bool { return name == ".app-info" }},
	} {
		load := startLedger(b, b.cl, kind.name, 8, 30*time.Second)
		load.more(b, 300)
		i := n % 3
		if err := b.Replicas[i].Close(); err != nil {
			t.Fatal(err)
		}
		before := b.setAside(i)
		if b.flip(i, rng, 8, kind.match) == 0 {
			t.Fatalf("no %s to damage", kind.name)
		}
		if err := b.RestartReplica(i); err != nil {
			t.Fatal(err)
		}
		load.more(b, 100)
		b.until("a damaged "+kind.name+" is set aside", func() bool {
			b.readEverything(i)
			return b.setAside(i) > before
		})
		load.end()
		b.healthy()
		if n := load.errors.Load(); n > 0 {
			t.Errorf("%s: %d writes failed; last: %v", kind.name, n, errOf(&load.last))
		}
		loads = append(loads, load)
	}
	for _, l := range loads {
		l.verify(b)
	}
	b.sameEverywhere()
}

// TestFlippedBitsWhileOpen damages the tables of a running server that was just started, so that no block is in memory,
// and then reads and compacts. Wrong rows are never served; the replicas are set aside and learned again.
func TestFlippedBitsWhileOpen(t *testing.T) {
	t.Parallel()
	b := newBench(t, onFaultDisks(Config{}))
	rng := rand.New(rand.NewPCG(*seed, 32))
	load := startLedger(b, b.cl, "open", 8, 30*time.Second)
	load.more(b, 600)
	load.end()
	for i := range 3 { // the store is flushed at the end, and its tables are read anew
		if err := b.Replicas[i].Close(); err != nil {
			t.Fatal(err)
		}
		if err := b.RestartReplica(i); err != nil {
			t.Fatal(err)
		}
		b.healthy()
	}
	if b.flip(1, rng, 8, func(name string) bool { return strings.HasSuffix(name, ".sst") }) == 0 {
		t.Fatal("no table to damage")
	}
	t.Logf("%d reads failed", load.readWithErrors(b))
	b.until("a damaged replica is set aside", func() bool {
		b.readEverything(1)
		return b.setAside(1) > 0
	})
	b.healthy()
	load.readWithErrors(b)
	b.sameEverywhere()
}

// TestDamagedCheckpointIsNotLearned lets a server with an empty disk learn while the tables of another one, perhaps its
// primary, have damaged blocks: the damage ends where it is.
func TestDamagedCheckpointIsNotLearned(t *testing.T) {
	t.Parallel()
	b := newBench(t, onFaultDisks(Config{
		Tune: func(_ int, o *replica.Options) {
			o.Core.PrepareListDecrees = 22
			o.Plog.FileBytesMax, o.Plog.ReserveBytesMax = 64<<10, -1
			o.FlushBehindBytes, o.CheckpointInterval = 128<<10, 100*time.Millisecond
		},
	}))
	rng := rand.New(rand.NewPCG(*seed, 33))
	const rows, valueBytes = 800, 4000 // tables of many blocks, most of which nobody reads
	value := func(i int) string { return strings.Repeat(fmt.Sprintf("%04d", i), valueBytes/4) }
	for i := range rows {
		if err := b.table.Set(b.ctx, fmt.Appendf(nil, "big-%d", i), nil, []byte(value(i)), 0); err != nil {
			t.Fatal(err)
		}
	}
	damaged := 0
	b.away(1, true, true, func() {
		damaged = b.flip(0, rng, 1, func(name string) bool { return strings.HasSuffix(name, ".sst") })
	})
	if damaged == 0 {
		t.Fatal("no table to damage")
	}
	partitions := int(b.table.PartitionCount())
	b.until("the learner has all replicas", func() bool { // nobody has read what was damaged, except for its sake
		return b.readEverything(1) == partitions
	})
	b.until("the damaged replicas are set aside", func() bool {
		b.readEverything(0)
		return b.setAside(0) > 0
	})
	b.healthy()
	for i := range rows {
		v, _, err := b.table.Get(b.ctx, fmt.Appendf(nil, "big-%d", i), nil)
		for err != nil && b.ctx.Err() == nil { // a block that is found damaged only now
			v, _, err = b.table.Get(b.ctx, fmt.Appendf(nil, "big-%d", i), nil)
		}
		if err != nil || string(v) != value(i) {
			t.Errorf("row %d: %.20q, %v", i, v, err)
		}
	}
	b.sameEverywhere()
	if n := b.setAside(1); n > 0 {
		t.Errorf("the learner set %d replicas aside: it had taken damaged ones", n)
	}
}
