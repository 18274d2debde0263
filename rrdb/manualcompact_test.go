package rrdb

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"
)

func clockOf(ms int64) func() time.Time { return func() time.Time { return time.UnixMilli(ms) } }

// What a manual compaction leaves behind is its time, which survives, and the same rows.
func TestManualCompactionIsRemembered(t *testing.T) {
	r := newRig(t)
	if ms, err := r.s.CompactedMs(); ms != 0 || err != nil {
		t.Fatalf("%d, %v before the first", ms, err)
	}
	if err := r.s.CompactManually(ctxb, true, clockOf(1)); err != nil {
		t.Fatalf("of an empty store: %v", err)
	}
	for i := range 50 {
		r.put("h", fmt.Sprint(i), "v")
	}
	want := r.digest()
	for i, force := range []bool{false, true} {
		at := int64(1_700_000_000_123 + i)
		if err := r.s.CompactManually(ctxb, force, clockOf(at)); err != nil {
			t.Fatal(err)
		}
		if got := r.digest(); got != want {
			t.Errorf("force %v: %+v, want %+v", force, got, want)
		}
		r.reopen()
		if ms, err := r.s.CompactedMs(); ms != at || err != nil {
			t.Errorf("force %v: %d, %v after a restart, want %d", force, ms, err, at)
		}
		if got := r.digest(); got != want {
			t.Errorf("force %v: %+v after a restart, want %+v", force, got, want)
		}
	}
}

// Rows that stand alone at the bottom are rewritten only when that is wanted.
func TestForcedCompactionRewritesTheBottom(t *testing.T) {
	r := newRig(t)
	r.put("h", "s", "v")
	tables := func() (names []string) {
		levels, err := r.s.db.SSTables()
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range levels[6] {
			if bytes.Compare(table.Smallest.UserKey, dataEnd) < 0 {
				names = append(names, fmt.Sprint(table.FileNum))
			}
		}
		return names
	}
	compacted := func(force bool) string {
		if err := r.s.CompactManually(ctxb, force, clockOf(1)); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(tables())
	}
	compacted(true)
	before := compacted(true)
	if after := compacted(true); before == after || before == "[]" {
		t.Errorf("tables %v at the bottom before a forced compaction and %v after it", before, after)
	}
}

// A compaction waits for its turn to write, a flush does not, and a store that closes waits for neither.
func TestCompactionsArePaced(t *testing.T) {
	p := newPace(1)
	ctx, cancel := context.WithCancel(ctxb)
	p.take(ctx, paceBurstBytes)
	waited := make(chan struct{})
	go func() {
		p.take(ctx, 3*paceBurstBytes) // years
		close(waited)
	}()
	select {
	case <-waited:
		t.Fatal("a second's worth and more was written at once")
	case <-time.After(20 * time.Millisecond):
	}
	cancel()
	<-waited
	newPace(-1).take(ctxb, 1<<40)
	slow := newRig(t, func(o *EngineOptions) { o.ManualCompactionBytesPerSecond = 1 })
	slow.put("h", "s", "v")
	if slow.s.manual.Load() {
		t.Error("a store is paced without an order")
	}
	end := slow.s.paceManual()
	if !slow.s.manual.Load() {
		t.Error("a store is not paced during an order")
	}
	if end(); slow.s.manual.Load() {
		t.Error("a store is paced after an order")
	}

	r := newRig(t, func(o *EngineOptions) { o.CompactionBytesPerSecond = 1 })
	for name, category := range map[string]bool{"a.sst": true, "b.sst": false} {
		c := compactionCategory
		if !category {
			c = "pebble-memtable-flush"
		}
		file, err := fence{FS: r.fs, s: r.s}.Create(name, c)
		if err != nil {
			t.Fatal(err)
		}
		if _, paced := file.(pacedFile); paced != category {
			t.Errorf("%s: paced %v", c, paced)
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}
	for i := range 100 {
		r.put("h", fmt.Sprint(i), string(make([]byte, 100_000)))
	}
	if err := r.s.Flush(); err != nil {
		t.Fatal(err) // ten years later if flushes were paced
	}
}
