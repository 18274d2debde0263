package rrdb

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

// wanting is a DB with a number of compactions to run, each ended by the test.
type wanting struct {
	pool    *compactionPool
	mu      sync.Mutex
	want    int
	running []pebble.CompactionGrantHandle
	max     int
}

func (w *wanting) GetAllowedWithoutPermission() int { return w.max }

func (w *wanting) GetWaitingCompaction() (bool, pebble.WaitingCompaction) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.want > 0, pebble.WaitingCompaction{}
}

func (w *wanting) Schedule(h pebble.CompactionGrantHandle) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.want == 0 {
		return false
	}
	w.want--
	w.running = append(w.running, h)
	return true
}

func (w *wanting) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.running)
}

func (w *wanting) finish() {
	w.mu.Lock()
	h := w.running[0]
	w.running = w.running[1:]
	w.mu.Unlock()
	h.Done()
}

func TestCompactionSlotsAreShared(t *testing.T) {
	p := newCompactionPool(2)
	defer p.close()
	var dbs []*wanting
	var members []*poolMember
	for range 3 {
		w := &wanting{pool: p, want: 3, max: 2}
		m := p.member(nil)
		m.Register(1, w)
		dbs, members = append(dbs, w), append(members, m)
	}
	total := func() (n int) {
		for _, w := range dbs {
			n += w.count()
		}
		return n
	}
	for i, w := range dbs { // the first two take the slots, the third waits
		if ok, h := members[i].TrySchedule(); ok != (i < 2) {
			t.Fatalf("store %d: %v", i, ok)
		} else if ok {
			w.Schedule(h)
		}
	}
	for ended := 0; ended < 7; ended++ {
		eq(t, "running", total() <= 2, true)
		for _, w := range dbs {
			if w.count() > 0 {
				w.finish()
				break
			}
		}
		for _, m := range members { // a DB asks again after each compaction
			if ok, h := m.TrySchedule(); ok && !m.db.Schedule(h) {
				h.Done()
			}
		}
		if ended < 6 {
			eventually(t, "the next grant", func() bool { return total() > 0 })
		}
	}
	members[2].Unregister()
	if ok, _ := members[2].TrySchedule(); ok {
		t.Error("a closed store was given a slot")
	}
}

// Many stores with one slot among them all get their compactions done.
func TestOneCompactionSlotForAll(t *testing.T) {
	e := NewEngine(EngineOptions{FS: vfs.NewMem(), CompactionsMax: 1, SweepPeriod: -1})
	defer e.Close()
	var wg sync.WaitGroup
	for i := range 6 {
		s, err := e.Open(fmt.Sprint("db", i), StoreOptions{Gpid: base.Gpid{AppID: 1, PartitionIndex: int32(i)}})
		if err != nil {
			t.Fatal(err)
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer s.Close()
			for round := range 10 {
				b := body(1, &rrdb.MultiPutRequest{HashKey: blob("h"), Kvs: kvs(fmt.Sprint(round%3), "v", "x", "y")})
				if err := s.Apply(s.LastApplied()+1, t0, 0, []Update{{OpMultiPut, b}}, nil); err != nil {
					t.Error(err)
				}
				if err := s.Flush(); err != nil {
					t.Error(err)
				}
			}
			if err := s.Compact(ctxb); err != nil {
				t.Error(err)
			}
		}()
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("compactions starve")
	}
}

// A store that is compacted slowly by order takes no slot from the others, and its own is gone with it.
func TestSlowCompactionsBringASlot(t *testing.T) {
	p := newCompactionPool(1)
	defer p.close()
	schedule := func() (bool, *wanting) {
		w := &wanting{pool: p, max: 1}
		m := p.member(nil)
		m.Register(1, w)
		t.Cleanup(m.Unregister)
		ok, h := m.TrySchedule()
		if ok {
			w.running = append(w.running, h)
		}
		return ok, w
	}
	p.lend(1)
	slow, slowOne := schedule()
	other, otherOne := schedule()
	third, _ := schedule()
	if !slow || !other || third {
		t.Fatalf("slots: slow %v, other %v, a third %v", slow, other, third)
	}
	slowOne.finish()
	p.lend(-1)
	if ok, _ := schedule(); ok {
		t.Error("the extra slot stayed")
	}
	otherOne.finish()
	if ok, w := schedule(); ok {
		w.finish()
	} else {
		t.Error("no slot is free")
	}
}
