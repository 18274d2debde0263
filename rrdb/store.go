package rrdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// Store is the data of one partition. Reads run concurrently with each other and with Apply;
// Apply calls are made one after another, in decree order.
type Store struct {
	engine *Engine
	dir    string
	opts   StoreOptions
	log    *slog.Logger
	db     *pebble.DB
	tails  tails
	schema uint8 // of the values this store writes

	life    sync.RWMutex // read side: an operation runs; write side: Close
	closed  bool         // under life; also before the store is open
	closing atomic.Bool  // tells long reads to end
	cutting atomic.Bool  // tells compactions to end
	ended   atomic.Bool  // only compactions may still read
	ctx     context.Context
	cancel  context.CancelFunc
	tasks   sync.WaitGroup // sweeps in the background

	id     uint64        // of this life of the store, for the row cache
	writes atomic.Uint64 // batches that changed rows, twice; odd while one is committed
	cached atomic.Bool   // the row cache may have rows of this store

	applyMu sync.Mutex
	applied applyBuffers // under applyMu

	lastDecree    atomic.Int64
	lastTimestamp atomic.Int64
	durableDirty  atomic.Bool
	durableMu     sync.Mutex
	durable       int64 // under durableMu

	unflushed     atomic.Int64
	pinned        atomic.Int64 // see Engine.pinned
	first         atomic.Int64 // see Engine.first
	flushed       atomic.Bool  // the memtable that Open made was
	toSettle      atomic.Bool  // a flush was not noted by the janitor
	flushing      atomic.Int64 // part of unflushed that a running flush writes out
	gentle        atomic.Int32 // flushes in progress that may take their time
	awaited       atomic.Int32 // and that may not
	flushFails    atomic.Int64
	flushErr      atomic.Pointer[error]
	failed        atomic.Pointer[Error]
	backgroundErr atomic.Pointer[error] // the last of the engine's own work
	reported      seldom
	budgetWarned  seldom

	misses   missRate    // of point lookups
	versions atomic.Bool // rows with many versions were met since the last flush
	scans    scanContexts
	envs     atomic.Pointer[envValues]
	sweeper  sweepState
	behind   atomic.Bool // compactions are
	manual   atomic.Bool // compactions are paced as those that were ordered
	stats    counters
}

// enter begins an operation; leave with s.life.RUnlock.
func (s *Store) enter(op string) error {
	s.life.RLock()
	if s.closed {
		s.life.RUnlock()
		return closedError(op)
	}
	if f := s.failed.Load(); f != nil {
		s.life.RUnlock()
		return f
	}
	return nil
}

// Dir is the directory of the store.
func (s *Store) Dir() string { return s.dir }

// LastApplied is the decree of the last applied mutation, 0 before the first.
func (s *Store) LastApplied() int64 { return s.lastDecree.Load() }

// LastAppliedTimestampUs is the largest timestamp of the applied mutations.
func (s *Store) LastAppliedTimestampUs() int64 { return s.lastTimestamp.Load() }

// Err is what stopped the store for good, nil while it works.
func (s *Store) Err() error {
	if f := s.failed.Load(); f != nil {
		return f
	}
	return nil
}

// fail stops the store: every later operation returns err.
func (s *Store) fail(err *Error) {
	if s.failed.CompareAndSwap(nil, err) {
		s.cancel()
		s.report(err, true)
	}
}

// backgroundPauseMs slows down the engine, which retries failed work at once and for ever. Its lock
// is held meanwhile; reads and writes hardly need it.
const backgroundPauseMs = 20

// background notes an error of the engine's own work, which it will try again.
func (s *Store) background(err error) {
	if errors.Is(err, errCutShort) {
		return
	}
	s.backgroundErr.Store(&err)
	s.report(wrap("background work", err), false)
	if !s.closing.Load() {
		time.Sleep(backgroundPauseMs * time.Millisecond)
	}
}

// report tells the owner and the log, at most once a second unless always.
func (s *Store) report(err error, always bool) {
	if !always && !s.reported.due(time.Now(), time.Second) {
		return
	}
	s.log.Error("engine", "err", err)
	if s.opts.OnError != nil {
		s.engine.opts.Notify(func() { s.opts.OnError(err) })
	}
}

// Close flushes, waits for running operations, and closes. Compactions are cut short. What cannot be flushed because the
// disk refuses is still in the private log; the error says so. Closing twice is fine.
func (s *Store) Close() error {
	s.sweeper.mu.Lock()
	s.closing.Store(true)
	s.sweeper.mu.Unlock()
	s.cancel()
	s.tasks.Wait()
	flushErr := s.Flush()
	s.LastDurable() // remembered, for those who ask later
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.cutting.Store(true) // only now: flushes, ours and others, may have had to wait for compactions
	s.scans.clear()
	s.ended.Store(true)
	err := errors.Join(flushErr, s.closePebble())
	s.engine.remove(s)
	return err
}

// closePebble closes the engine; one that had given up may panic over its own state.
func (s *Store) closePebble() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &Error{Op: "close", Class: ClassOther, Err: fmt.Errorf("engine panic: %v", r)}
		}
	}()
	return wrap("close", s.db.Close())
}
