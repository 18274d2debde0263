package rrdb

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

// gateFS stops the first listing of a directory until it is let through.
type gateFS struct {
	vfs.FS
	reached, pass chan struct{}
}

func (g *gateFS) List(dir string) ([]string, error) {
	if g.reached != nil {
		close(g.reached)
		g.reached = nil
		<-g.pass
	}
	return g.FS.List(dir)
}

// The engine knows a store while it is being opened; whoever goes over all stores then must pass it by.
func TestStoreThatIsOpeningIsPassedBy(t *testing.T) {
	reached := make(chan struct{})
	gate := &gateFS{FS: vfs.NewMem(), reached: reached, pass: make(chan struct{})}
	e := NewEngine(EngineOptions{FS: gate, SweepPeriod: -1})
	defer e.Close()
	opened := make(chan *Store)
	go func() {
		s, err := e.Open("db", StoreOptions{})
		if err != nil {
			t.Error(err)
		}
		opened <- s
	}()
	<-reached
	stores := e.openStores()
	if len(stores) != 1 {
		t.Fatalf("%d stores are known", len(stores))
	}
	stuck := map[*Store]bool{}
	if e.flushLargest(stuck); !stuck[stores[0]] {
		t.Error("the store was flushed")
	}
	e.settle(stores[0])
	stores[0].TriggerSweep()
	if _, err := stores[0].Stats(); !IsClosed(err) {
		t.Errorf("stats: %v", err)
	}
	close(gate.pass)
	s := <-opened
	if s == nil {
		t.FailNow()
	}
	defer s.Close()
	if err := s.Flush(); err != nil {
		t.Error(err)
	}
}

// putRow applies one row and returns the error.
func putRow(s *Store, key string, value []byte) error {
	b := body(1, &rrdb.UpdateRequest{Key: base.BlobOf(rawKey("h", key)), Value: base.BlobOf(value)})
	return s.Apply(s.LastApplied()+1, t0, 0, []Update{{OpPut, b}}, nil)
}

// The version of Pebble in use keeps its last memtable where freeSpare looks for it.
func TestSpareMemtableIsFreed(t *testing.T) {
	r := newRig(t, func(o *EngineOptions) { o.Deterministic = true }) // no janitor comes in between
	arenas := func() int64 {
		m := r.s.db.Metrics()
		return int64(m.MemTable.ZombieSize)
	}
	r.put("h", "s", "v")
	done, err := r.s.db.AsyncFlush()
	if err != nil {
		t.Fatal(err)
	}
	<-done
	if arenas() == 0 {
		t.Fatal("this version of Pebble keeps no memtable; freeSpare is not needed")
	}
	freeSpare(r.s.db)
	eq(t, "kept by the engine", arenas(), 0)
	r.put("h", "s2", "v")
	if err := r.s.Flush(); err != nil {
		t.Fatal(err)
	}
	eq(t, "kept after a flush", arenas(), 0)
	eq(t, "rows are there", r.get("h", "s2"), "v")
}

// A memtable that fills up is flushed by the engine itself; what it keeps of it is freed, too.
func TestSpareMemtableIsFreedAfterRotation(t *testing.T) {
	r := newRig(t, func(o *EngineOptions) { o.MemtableBytesMax = 1 << 20 })
	value := make([]byte, 10_000)
	for i := range 400 {
		if err := putRow(r.s, fmt.Sprint(i), value); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "no memtable but the one that is written to", func() bool {
		m := r.s.db.Metrics().MemTable
		return m.Count == 1 && m.ZombieSize == 0
	})
}

// What a store counts as unflushed is close to what its memtable takes, for small rows and for large ones, and a flush takes all of it off.
func TestUnflushedBytesAreThoseOfTheMemtables(t *testing.T) {
	for _, size := range []int{1, 100, 10_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			r := newRig(t, func(o *EngineOptions) { o.MemtableBytesMax = 64 << 20 })
			value := make([]byte, size)
			fill := func() int64 {
				for i := range 2_000 {
					if err := putRow(r.s, fmt.Sprint(i), value); err != nil {
						t.Fatal(err)
					}
				}
				return r.s.unflushed.Load()
			}
			counted := fill()
			if err := r.s.Flush(); err != nil {
				t.Fatal(err)
			}
			eq(t, "after the flush", r.s.unflushed.Load(), 0)
			eq(t, "of the engine", r.e.UnflushedBytes(), 0)
			// With something in a next memtable, no more is taken off than was in the flushed one.
			fill()
			const next = 1 << 30
			r.s.unflushed.Add(next)
			r.e.unflushed.Add(next)
			if err := r.s.Flush(); err != nil {
				t.Fatal(err)
			}
			taken := counted + next - r.s.unflushed.Load()
			if counted < taken*8/10 || counted > taken*12/10 {
				t.Errorf("counted %d, the memtable had %d", counted, taken)
			}
			eq(t, "of the engine", r.e.UnflushedBytes(), r.s.unflushed.Load())
		})
	}
}

// tableGate stops or refuses the making of tables.
type tableGate struct {
	vfs.FS
	open chan struct{}
	full atomic.Bool
	only string // directory whose tables are concerned; empty: all
}

func (g *tableGate) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasSuffix(name, ".sst") && strings.Contains(name, g.only) {
		<-g.open
		if g.full.Load() {
			return nil, syscall.ENOSPC
		}
	}
	return g.FS.Create(name, c)
}

// A write that meets a spent budget waits for a flush; the budget is exceeded by one write of each store at most.
func TestWritesWaitForMemtables(t *testing.T) {
	gate := &tableGate{FS: vfs.NewMem(), open: make(chan struct{})}
	const budget, row = 1 << 20, 10_000
	e := NewEngine(EngineOptions{FS: gate, MemtableBudgetBytes: budget, MemtableBytesMax: 16 << 20, SweepPeriod: -1})
	defer e.Close()
	var stores []*Store
	for i := range 4 {
		s, err := e.Open(fmt.Sprint("db", i), StoreOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		stores = append(stores, s)
	}
	var writers sync.WaitGroup
	var most atomic.Int64
	for _, s := range stores {
		writers.Go(func() {
			for i := range 200 {
				if err := putRow(s, fmt.Sprint(i), make([]byte, row)); err != nil {
					t.Error(err)
				}
				for n := e.UnflushedBytes(); ; {
					if was := most.Load(); n <= was || most.CompareAndSwap(was, n) {
						break
					}
				}
			}
		})
	}
	eventually(t, "all writers wait", func() bool {
		for _, s := range stores {
			if s.stats.stalledWrites.Load() == 0 {
				return false
			}
		}
		return true
	})
	for _, s := range stores {
		if s.LastApplied() == 200 {
			t.Error("a writer got through while nothing could be flushed")
		}
	}
	close(gate.open)
	writers.Wait()
	if n := most.Load(); n > budget+4*(row+500) {
		t.Errorf("%d bytes unflushed of %d", n, budget)
	}
}

// lockedBuffer is a log.
type lockedBuffer struct {
	mu sync.Mutex
	strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Builder.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Builder.String()
}

// Where nothing can be flushed, a write is refused and does not wait for ever; neither does Close. The log does not grow with every write.
func TestWritesDoNotWaitForADiskThatRefuses(t *testing.T) {
	gate := &tableGate{FS: vfs.NewMem(), open: make(chan struct{})}
	gate.full.Store(true)
	close(gate.open)
	var said lockedBuffer
	e := NewEngine(EngineOptions{FS: gate, MemtableBudgetBytes: 256 << 10, MemtableBytesMax: 16 << 20, SweepPeriod: -1, Logger: slog.New(slog.NewTextHandler(&said, nil))})
	defer e.Close()
	s, err := e.Open("db", StoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 10_000 {
		if err = putRow(s, fmt.Sprint(i), make([]byte, 10_000)); err != nil {
			break
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("after %d bytes: %v", e.UnflushedBytes(), err)
	}
	for range 100 {
		if e.flushOne(s) {
			t.Error("flushed on a full disk")
		}
	}
	if n := strings.Count(said.String(), "memtable budget"); n == 0 || n > 50 {
		t.Errorf("warned %d times", n)
	}
	gate.full.Store(false)
}

// What every write would tell is told at once, and then once in a while.
func TestSeldom(t *testing.T) {
	var s seldom
	start := time.UnixMilli(1_700_000_000_000)
	for after, want := range []bool{true, false, false, true, false, false, true} {
		eq(t, fmt.Sprint("after ", after), s.due(start.Add(time.Duration(after)*time.Second), 3*time.Second), want)
	}
}

// Stores on a disk that refuses may take all of the budget; those on other disks go on.
func TestABrokenDiskHoldsNoOtherBack(t *testing.T) {
	gate := &tableGate{FS: vfs.NewMem(), open: make(chan struct{}), only: "broken"}
	gate.full.Store(true)
	close(gate.open)
	const budget = 256 << 10
	e := NewEngine(EngineOptions{FS: gate, MemtableBudgetBytes: budget, MemtableBytesMax: 16 << 20, SweepPeriod: -1})
	defer e.Close()
	var stores []*Store
	for _, dir := range []string{"broken", "good"} {
		s, err := e.Open(dir, StoreOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		stores = append(stores, s)
	}
	var err error
	for i := 0; err == nil; i++ {
		err = putRow(stores[0], fmt.Sprint(i), make([]byte, 10_000))
	}
	if e.UnflushedBytes() <= budget {
		t.Fatalf("%d bytes on the broken disk do not spend the budget: %v", e.UnflushedBytes(), err)
	}
	for i := range 500 {
		if err := putRow(stores[1], fmt.Sprint(i), make([]byte, 10_000)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the good store is flushed", func() bool { return stores[1].unflushed.Load() <= budget && stores[1].LastDurable() > 0 })
	gate.full.Store(false)
}

// A closed store wakes its writer, whose write fails.
func TestCloseEndsTheWaitForMemtables(t *testing.T) {
	gate := &tableGate{FS: vfs.NewMem(), open: make(chan struct{})}
	e := NewEngine(EngineOptions{FS: gate, MemtableBudgetBytes: 256 << 10, MemtableBytesMax: 16 << 20, SweepPeriod: -1})
	defer e.Close()
	s, err := e.Open("db", StoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		var err error
		for i := 0; err == nil; i++ {
			err = putRow(s, fmt.Sprint(i), make([]byte, 10_000))
		}
		ended <- err
	}()
	eventually(t, "the writer waits", func() bool { return s.stats.stalledWrites.Load() > 0 })
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	eventually(t, "the store closes", s.closing.Load)
	close(gate.open)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if err := <-ended; !IsClosed(err) {
		t.Errorf("write: %v", err)
	}
}

// Scans that pin flushed memtables give way when the budget is spent; one that pins nothing stays.
func TestScansGiveWayToWrites(t *testing.T) {
	r := newRig(t, func(o *EngineOptions) { o.MemtableBudgetBytes = 1 << 20; o.MemtableBytesMax = 1 << 20 })
	for i := range 10 {
		r.put("h", fmt.Sprint(i), "v")
	}
	scan := func() {
		it, err := r.s.db.NewIter(nil)
		if err != nil {
			t.Fatal(err)
		}
		r.s.scans.put(&scanContext{it: it})
	}
	if err := r.s.Flush(); err != nil {
		t.Fatal(err)
	}
	scan()
	if err := r.s.Flush(); err != nil { // an empty memtable of 256 KiB
		t.Fatal(err)
	}
	r.e.settle(r.s)
	eq(t, "scans within the budget", r.s.scans.len(), 1)
	value := make([]byte, 10_000)
	for i := 0; r.s.scans.len() > 0; i++ {
		if i == 10_000 {
			t.Fatalf("%d scans hold %d bytes", r.s.scans.len(), r.e.pinned.Load())
		}
		if err := putRow(r.s, fmt.Sprint(i), value); err != nil {
			t.Fatal(err)
		}
		if i%50 == 0 && r.s.scans.len() < 8 {
			scan()
		}
	}
	eventually(t, "nothing is pinned", func() bool { r.e.settle(r.s); return r.e.pinned.Load() == 0 })
}

// A batch of many tiny rows takes more in a memtable than its bytes, so much that Pebble flushes it as it is. What is counted for it beyond
// what is written must not stay.
func TestNothingIsCountedAfterAFlush(t *testing.T) {
	r := newRig(t, func(o *EngineOptions) { o.MemtableBytesMax, o.MemtableBudgetBytes = 1<<20, 1<<30 })
	for round := range 3 {
		var pairs []string
		for i := range 20_000 {
			pairs = append(pairs, fmt.Sprintf("%08d", i), "v")
		}
		r.multiPut(fmt.Sprintf("h%d", round), pairs...)
		for range 2 { // the second finds nothing to write
			if err := r.s.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		if n, all := r.s.unflushed.Load(), r.e.unflushed.Load(); n != 0 || all != 0 {
			t.Fatalf("round %d: %d bytes are counted for the store, %d for all", round, n, all)
		}
	}
}
