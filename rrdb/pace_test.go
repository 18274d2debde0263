package rrdb

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// tablesFS counts the tables that are begun.
type tablesFS struct {
	vfs.FS
	begun atomic.Int64
}

func (f *tablesFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasSuffix(name, ".sst") {
		f.begun.Add(1)
	}
	return f.FS.Create(name, c)
}

// gentleFlush begins a flush that would take hours, of a store that has a turn to begin it or has not.
func gentleFlush(t *testing.T, turn bool, change ...func(*EngineOptions)) (r *rig, flushed <-chan error) {
	fs := &tablesFS{FS: vfs.NewMem()}
	r = newRigOn(t, fs, append(change, func(o *EngineOptions) { o.GentleFlushBytesPerSecond = 100 })...)
	if !turn {
		r.e.flushPace.take(ctxb, paceBurstBytes, always)
	}
	r.noise(20, 100_000)
	done := make(chan error, 1)
	go func() { done <- r.s.FlushGently() }()
	eventually(t, "the flush begins", func() bool { return r.s.gentle.Load() > 0 && (!turn || fs.begun.Load() > 0) })
	if r.s.LastDurable() != 0 {
		t.Fatal("flushed at once")
	}
	return r, done
}

// A flush for which nobody waits takes its time, until somebody does.
func TestGentleFlushesKeepToARateUntilSomebodyWaits(t *testing.T) {
	for _, turn := range []bool{false, true} {
		for name, hurry := range map[string]func(r *rig) error{
			"another flush": func(r *rig) error { return r.s.Flush() },
			"a checkpoint":  func(r *rig) error { _, err := r.s.Checkpoint("copy"); return err },
			"the close":     func(r *rig) error { return r.s.Close() },
		} {
			t.Run(fmt.Sprintf("%s, begun %v", name, turn), func(t *testing.T) {
				r, flushed := gentleFlush(t, turn)
				applied := r.s.LastApplied()
				if err := hurry(r); err != nil {
					t.Fatal(err)
				}
				eq(t, "durable", r.s.LastDurable(), applied)
				if turn || name == "the close" {
					if err := <-flushed; err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

// A gentle flush that keeps memory from writes goes on at full speed.
func TestGentleFlushesMakeRoomForWrites(t *testing.T) {
	for _, turn := range []bool{false, true} {
		const budget = 64 << 20
		r, flushed := gentleFlush(t, turn, func(o *EngineOptions) { o.MemtableBudgetBytes = budget })
		r.e.unflushed.Add(budget) // of other stores
		err := <-flushed
		r.e.unflushed.Add(-budget)
		if err != nil {
			t.Fatal(err)
		}
		eq(t, "durable", r.s.LastDurable(), r.s.LastApplied())
	}
}
