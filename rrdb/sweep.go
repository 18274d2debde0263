package rrdb

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/pegasus-go/pegasus/gen-go/base"
)

// The sweeper reclaims expired rows. Pebble has no compaction filter, so it reads through the
// store, slowly, and deletes what has expired at the timestamp of the last applied mutation, in
// small chunks under the same lock as Apply. It writes no decree: a sweep lost in a crash is
// simply done again, and because batches reach the disk in order, a deletion is never on disk
// without the mutation by whose timestamp it was judged.

// sweepState is a store's sweeper.
type sweepState struct {
	mu      sync.Mutex
	due     time.Time   // zero: never by itself
	sawTTL  atomic.Bool // rows that expire may exist
	running bool
}

// init takes the lock because the engine looks at a store as soon as it is added, while it is still being opened.
func (w *sweepState) init(due time.Time) {
	w.mu.Lock()
	w.due = due
	w.mu.Unlock()
	w.sawTTL.Store(true)
}

// sweepLockMsMax bounds how long a chunk of deletions may hold up Apply.
const sweepLockMsMax = 5

// SweepResult is what one pass did.
type SweepResult struct {
	Scanned int64
	Deleted int64
}

// sweepDue reports whether the periodic pass should start.
func (s *Store) sweepDue(now time.Time) bool {
	s.sweeper.mu.Lock()
	defer s.sweeper.mu.Unlock()
	return !s.sweeper.due.IsZero() && now.After(s.sweeper.due) && !s.sweeper.running
}

// TriggerSweep starts a pass in the background; one pass at a time runs in a process, and a store
// has at most one waiting. The pass is given up when the store closes.
func (s *Store) TriggerSweep() {
	if s.enter("sweep") != nil {
		return
	}
	defer s.life.RUnlock()
	s.sweeper.mu.Lock()
	defer s.sweeper.mu.Unlock()
	if s.sweeper.running || s.closing.Load() {
		return
	}
	s.sweeper.running = true
	s.tasks.Add(1)
	go func() {
		defer s.tasks.Done()
		s.sweepInBackground()
		s.sweeper.mu.Lock()
		s.sweeper.running = false
		s.sweeper.due = s.engine.nextSweep(time.Now())
		s.sweeper.mu.Unlock()
	}()
}

func (s *Store) sweepInBackground() {
	select {
	case s.engine.sweepSlot <- struct{}{}:
		defer func() { <-s.engine.sweepSlot }()
	case <-s.ctx.Done():
		return
	}
	if !s.sweeper.sawTTL.Load() {
		return // no row of this store expires
	}
	res, err := s.Sweep(s.ctx)
	if err != nil {
		if s.ctx.Err() == nil {
			s.log.Warn("sweep failed", "err", err)
		}
		return
	}
	if res.Deleted > 0 {
		s.log.Info("swept", "scanned", res.Scanned, "deleted", res.Deleted)
	}
}

// Sweep runs one pass over the whole store at the configured rate, then flushes and compacts what
// it thinned out, which is what frees the space.
func (s *Store) Sweep(ctx context.Context) (SweepResult, error) {
	p := sweepPass{s: s, cursor: dataStart}
	s.applyMu.Lock()              // no write is between setting this and being visible
	s.sweeper.sawTTL.Store(false) // set again by a write or by this pass
	s.applyMu.Unlock()
	perChunk := time.Second * time.Duration(s.engine.opts.SweepChunkRows) / time.Duration(s.engine.opts.SweepRowsPerSecond)
	for p.cursor != nil {
		began := time.Now()
		if err := p.chunk(); err != nil {
			s.sweeper.sawTTL.Store(true)
			return p.res, err
		}
		if p.cursor == nil {
			break
		}
		select {
		case <-ctx.Done():
			s.sweeper.sawTTL.Store(true)
			return p.res, ctx.Err()
		case <-time.After(perChunk - time.Since(began)):
		}
	}
	if p.ttlRows {
		s.sweeper.sawTTL.Store(true)
	}
	if p.res.Deleted == 0 {
		return p.res, nil
	}
	return p.res, s.compact(ctx, p.first, append(p.last, 0))
}

// Compact reclaims what has expired and then pushes all rows to the bottom level: what a manual
// compaction asks for. Rows that stand alone at the bottom already stay as they are.
func (s *Store) Compact(ctx context.Context) error {
	if _, err := s.Sweep(ctx); err != nil {
		return err
	}
	return s.compact(ctx, dataStart, dataEnd)
}

// watchBackground calls giveUp when the engine's own work fails before ctx ends, and leaves the reason in
// the result: what the engine tries again and again comes before what it is asked for, so that on a broken
// disk the turn of that never comes.
func (s *Store) watchBackground(ctx context.Context, giveUp func()) *atomic.Pointer[error] {
	reason, before := &atomic.Pointer[error]{}, s.backgroundErr.Load()
	go func() {
		tick := time.NewTicker(flushPollMs * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := s.backgroundErr.Load(); err != before {
				reason.Store(err)
				giveUp()
				return
			}
		}
	}()
	return reason
}

// compact flushes and rewrites [start, end).
func (s *Store) compact(ctx context.Context, start, end []byte) error {
	if err := s.enter("compact"); err != nil {
		return err
	}
	defer s.life.RUnlock()
	return s.compactEntered(ctx, start, end)
}

func (s *Store) compactEntered(ctx context.Context, start, end []byte) error {
	if err := s.flush(); err != nil {
		return err
	}
	defer s.await()
	ctx, cancel := context.WithCancel(ctx)
	defer context.AfterFunc(s.ctx, cancel)() // of a store that failed or closes, no compaction is begun
	defer cancel()
	broken := s.watchBackground(ctx, cancel)
	err := s.db.Compact(ctx, start, end, false)
	if f := s.failed.Load(); f != nil {
		return f
	}
	if cause := broken.Load(); err != nil && cause != nil {
		return wrap("compact", *cause)
	}
	if err != nil && s.closing.Load() {
		return closedError("compact")
	}
	return wrap("compact", err)
}

// sweepPass is one pass in progress.
type sweepPass struct {
	s           *Store
	res         SweepResult
	cursor      []byte // next key to look at; nil at the end
	dead        [][]byte
	first, last []byte // what was deleted
	ttlRows     bool   // rows remain that will expire
}

// chunk looks at up to SweepChunkRows rows and deletes the expired ones among them.
func (p *sweepPass) chunk() error {
	if err := p.find(); err != nil {
		return err
	}
	for len(p.dead) > 0 {
		if err := p.reclaim(); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) sweepNow() uint32 { return base.EpochSecondsOfMicros(s.lastTimestamp.Load()) }

// find gathers candidates without holding up Apply and moves the cursor.
func (p *sweepPass) find() error {
	if err := p.s.enter("sweep"); err != nil {
		return err
	}
	defer p.s.life.RUnlock()
	it, err := p.s.db.NewIter(&pebble.IterOptions{LowerBound: p.cursor, UpperBound: dataEnd})
	if err != nil {
		return wrap("sweep", err)
	}
	defer it.Close()
	now, rows := p.s.sweepNow(), 0
	for it.First(); it.Valid(); it.Next() {
		if rows >= p.s.engine.opts.SweepChunkRows {
			p.cursor = bytes.Clone(it.Key())
			return nil
		}
		rows++
		p.res.Scanned++
		v, err := it.ValueAndErr()
		if err != nil {
			return wrap("sweep", err)
		}
		row, err := decodeValue(p.s.schema, v)
		if err != nil {
			return &Error{Op: "sweep", Class: ClassCorruption, Err: err}
		}
		if base.Expired(row.expire, now) {
			p.dead = append(p.dead, bytes.Clone(it.Key()))
		} else if row.expire != 0 {
			p.ttlRows = true
		}
	}
	p.cursor = nil
	return wrap("sweep", it.Error())
}

// reclaim takes the apply lock, looks at the candidates again, and deletes those that are still
// expired: nothing can be written between that look and the deletion.
func (p *sweepPass) reclaim() error {
	s := p.s
	s.applyMu.Lock()
	defer s.applyMu.Unlock()
	if err := s.enter("sweep"); err != nil {
		return err
	}
	defer s.life.RUnlock()
	began, now := time.Now(), s.sweepNow()
	var k keyReader
	defer k.close()
	b := s.db.NewBatch()
	defer b.Close()
	n := int64(0)
	for len(p.dead) > 0 && time.Since(began) < sweepLockMsMax*time.Millisecond {
		key := p.dead[0]
		p.dead = p.dead[1:]
		v, found, err := k.get(s, key)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		row, err := decodeValue(s.schema, v)
		if err != nil || !base.Expired(row.expire, now) {
			continue
		}
		if err := b.DeleteSized(key, uint32(len(v)), nil); err != nil {
			return wrap("sweep", err)
		}
		n++
		p.deleted(key)
	}
	if n == 0 {
		return nil
	}
	bytes, entries := b.Len(), int(b.Count())
	if err := s.commitRows(b); err != nil {
		return wrap("sweep", err)
	}
	p.res.Deleted += n
	s.stats.sweptRows.Add(n)
	s.grew(bytes, entries)
	return nil
}

func (p *sweepPass) deleted(key []byte) {
	if p.first == nil {
		p.first = key
	}
	p.last = key
}
