package rrdb

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// Engine is what the stores of a process share. Its methods are safe for concurrent use.
type Engine struct {
	opts        EngineOptions
	cache       *pebble.Cache
	rows        *rowCache     // nil: none
	arenas      *pebble.Cache // never has a block; what memtables reserve, see reserveElsewhere
	files       *pebble.FileCache
	compactions *compactionPool
	pace        pace
	manualPace  pace
	gentlePace  pace
	flushPace   pace

	lives     atomic.Uint64             // stores that were opened
	unflushed atomic.Int64              // bytes in memtables over all stores, roughly
	pinned    atomic.Int64              // bytes in flushed memtables that iterators still read
	behind    atomic.Int64              // stores whose compactions are
	lastLook  atomic.Pointer[time.Time] // of the janitor
	relieving atomic.Bool               // a flush for the sake of the budget was asked for
	charge    charge                    // of memtables, to the block cache
	first     atomic.Int64              // bytes reserved in the block cache for memtables that Open made
	flushes   chan *Store               // stores that were flushed, for the janitor; it finds those that do not fit
	room      roomSignal                // memtables were flushed
	sweepSlot chan struct{}             // one sweep at a time

	mu     sync.Mutex
	stores map[*Store]struct{}
	closed bool

	stop chan struct{}
	done chan struct{}
}

// janitorPeriod is how often scan contexts are checked for age and sweeps for being due.
const janitorPeriod = 5 * time.Second

// flushesNotedMax bounds the stores that wait for the janitor after a flush.
const flushesNotedMax = 256

// NewEngine makes the shared parts. Close it after the last store.
func NewEngine(o EngineOptions) *Engine {
	o.setDefaults(runtime.GOMAXPROCS(0))
	rows := newRowCache(o.RowCacheBytes)
	if rows == nil {
		o.RowCacheBytes = 0
	}
	e := &Engine{
		opts:        o,
		cache:       pebble.NewCache(o.BlockCacheBytes - o.RowCacheBytes),
		rows:        rows,
		arenas:      pebble.NewCache(0),
		files:       pebble.NewFileCache(max(1, runtime.GOMAXPROCS(0)), o.FilesMax),
		compactions: newCompactionPool(o.CompactionsMax),
		pace:        newPace(o.CompactionBytesPerSecond),
		manualPace:  newPace(o.ManualCompactionBytesPerSecond),
		gentlePace:  newPace(o.GentleCompactionBytesPerSecond),
		flushPace:   newPace(o.GentleFlushBytesPerSecond),
		sweepSlot:   make(chan struct{}, 1),
		flushes:     make(chan *Store, flushesNotedMax),
		stores:      map[*Store]struct{}{},
		stop:        make(chan struct{}),
		done:        make(chan struct{}),
	}
	e.looked()
	go e.janitor()
	return e
}

// Close ends the shared goroutines and frees the caches. Stores must be closed before.
func (e *Engine) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	if n := len(e.stores); n > 0 {
		e.mu.Unlock()
		return &Error{Op: "close engine", Class: ClassOther, Err: fmt.Errorf("%d stores are open", n)}
	}
	e.closed = true
	e.mu.Unlock()
	close(e.stop)
	<-e.done
	e.compactions.close()
	e.files.Unref()
	e.cache.Unref()
	e.arenas.Unref()
	e.rows.close()
	return nil
}

// Abandon makes every open store fail with err, for a disk that is gone: nothing more is written,
// also not by Close.
func (e *Engine) Abandon(err error) {
	for _, s := range e.openStores() {
		s.closing.Store(true)
		s.failed.CompareAndSwap(nil, &Error{Op: "abandoned", Class: ClassIO, Err: err})
	}
}

// Destroy removes a store's directory. The store must not be open.
func (e *Engine) Destroy(dir string) error {
	e.mu.Lock()
	for s := range e.stores {
		if s.dir == dir {
			e.mu.Unlock()
			return &Error{Op: "destroy " + dir, Class: ClassOther, Err: errors.New("store is open")}
		}
	}
	e.mu.Unlock()
	if err := e.opts.FS.RemoveAll(dir); err != nil {
		return wrap("destroy "+dir, err)
	}
	parent, err := e.opts.FS.OpenDir(e.opts.FS.PathDir(dir))
	if err != nil {
		return wrap("destroy "+dir, err)
	}
	return wrap("destroy "+dir, errors.Join(parent.Sync(), parent.Close()))
}

func (e *Engine) add(s *Store) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return closedError("open " + s.dir)
	}
	e.stores[s] = struct{}{}
	return nil
}

func (e *Engine) remove(s *Store) {
	e.mu.Lock()
	delete(e.stores, s)
	e.mu.Unlock()
	e.unflushed.Add(-s.unflushed.Swap(0))
	s.pin(0)
	s.setBehind(false)
	s.giveFirst(0)
	e.chargeMemtables(true)
	e.room.broadcast()
}

func (e *Engine) openStores() []*Store {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make([]*Store, 0, len(e.stores))
	for s := range e.stores {
		out = append(out, s)
	}
	return out
}

// UnflushedBytes is how much of the memtable budget is in use.
func (e *Engine) UnflushedBytes() int64 { return e.unflushed.Load() }

// RowCacheStats are the gets that the row cache answered, those that it did not, and the bytes that it holds.
func (e *Engine) RowCacheStats() (hits, misses, usedBytes int64) { return e.rows.stats() }

// BlockCacheUsedBytes is what the blocks in the cache take.
func (e *Engine) BlockCacheUsedBytes() int64 { return e.cache.Size() }

// looked notes that the janitor comes by.
func (e *Engine) looked() {
	now := time.Now()
	e.lastLook.Store(&now)
}

func (e *Engine) janitor() {
	defer close(e.done)
	tick := time.NewTicker(janitorPeriod)
	defer tick.Stop()
	for {
		e.looked()
		select {
		case <-e.stop:
			return
		case s := <-e.flushes:
			e.settle(s)
		case now := <-tick.C:
			for _, s := range e.openStores() {
				s.scans.expire(now)
				if s.toSettle.Swap(false) || s.pinned.Load() > 0 || s.behind.Load() {
					e.settle(s)
				}
				if s.sweepDue(now) {
					s.TriggerSweep()
				}
			}
			if !e.opts.Deterministic {
				e.chargeMemtables(true)
			}
		}
	}
}

// nextSweep spreads the passes of stores that were opened together over the period.
func (e *Engine) nextSweep(now time.Time) time.Time {
	p := e.opts.SweepPeriod
	if p < 0 {
		return time.Time{}
	}
	return now.Add(p/2 + rand.N(p/2+1))
}
