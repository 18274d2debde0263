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
	files       *pebble.FileCache
	compactions *compactionPool
	pace        pace
	manualPace  pace

	unflushed atomic.Int64  // bytes in memtables over all stores, roughly
	relieving atomic.Bool   // a flush for the sake of the budget was asked for
	sweepSlot chan struct{} // one sweep at a time

	mu     sync.Mutex
	stores map[*Store]struct{}
	closed bool

	stop chan struct{}
	done chan struct{}
}

// janitorPeriod is how often scan contexts are checked for age and sweeps for being due.
const janitorPeriod = 5 * time.Second

// NewEngine makes the shared parts. Close it after the last store.
func NewEngine(o EngineOptions) *Engine {
	o.setDefaults(runtime.GOMAXPROCS(0))
	e := &Engine{
		opts:        o,
		cache:       pebble.NewCache(o.BlockCacheBytes),
		files:       pebble.NewFileCache(max(1, runtime.GOMAXPROCS(0)), o.FilesMax),
		compactions: newCompactionPool(o.CompactionsMax),
		pace:        newPace(o.CompactionBytesPerSecond),
		manualPace:  newPace(o.ManualCompactionBytesPerSecond),
		sweepSlot:   make(chan struct{}, 1),
		stores:      map[*Store]struct{}{},
		stop:        make(chan struct{}),
		done:        make(chan struct{}),
	}
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

// BlockCacheUsedBytes is how much of the block cache is in use, memtables included.
func (e *Engine) BlockCacheUsedBytes() int64 { return e.cache.Size() }

func (e *Engine) overBudget() bool { return e.unflushed.Load() > e.opts.MemtableBudgetBytes }

// relieve flushes the store with the largest memtables, and the next, until the budget is kept
// again. It returns at once.
func (e *Engine) relieve() {
	if !e.relieving.CompareAndSwap(false, true) {
		return
	}
	go func() {
		ok, stuck := true, map[*Store]bool{}
		for ok && e.overBudget() {
			ok = e.flushLargest(stuck)
		}
		e.relieving.Store(false)
		if ok && e.overBudget() {
			e.relieve() // somebody asked between the last look and now
		}
	}()
}

// relieveRetryMs is the pause when a flush won nothing because the store grew meanwhile.
const relieveRetryMs = 5

// flushLargest flushes the largest store but those that are stuck, to which it adds one that
// cannot flush (a full disk must not keep the stores of other disks from making room). False when
// there is none left.
func (e *Engine) flushLargest(stuck map[*Store]bool) bool {
	var s *Store
	for _, o := range e.openStores() {
		if !stuck[o] && (s == nil || o.unflushed.Load() > s.unflushed.Load()) {
			s = o
		}
	}
	if s == nil {
		return false
	}
	before := s.unflushed.Load()
	if err := s.Flush(); err != nil {
		stuck[s] = true
		if !IsClosed(err) {
			s.log.Warn("flush for the memtable budget failed", "err", err)
		}
	} else if s.unflushed.Load() >= before {
		time.Sleep(relieveRetryMs * time.Millisecond)
	}
	return true
}

func (e *Engine) janitor() {
	defer close(e.done)
	tick := time.NewTicker(janitorPeriod)
	defer tick.Stop()
	for {
		select {
		case <-e.stop:
			return
		case now := <-tick.C:
			for _, s := range e.openStores() {
				s.scans.expire(now)
				if s.sweepDue(now) {
					s.TriggerSweep()
				}
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
