package rrdb

import (
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// flushPollMs is how often a waiting Flush looks whether the disk refused.
const flushPollMs = 20

// Flush writes everything applied so far to tables and waits for it. The engine retries a failed
// flush for ever; Flush returns at the first failure.
func (s *Store) Flush() error {
	if err := s.enter("flush"); err != nil {
		return err
	}
	defer s.life.RUnlock()
	return s.flush()
}

func (s *Store) flush() error {
	s.awaited.Add(1)
	defer s.awaited.Add(-1)
	return s.flushEntered()
}

func (s *Store) flushEntered() error {
	if err := s.flushBroken(); err != nil {
		return err // asking again would only cut off another memtable
	}
	fails := s.flushFails.Load()
	done, err := s.db.AsyncFlush()
	if err != nil {
		return wrap("flush", err)
	}
	tick := time.NewTicker(flushPollMs * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			s.await()
			freeSpare(s.db)
			return s.Err()
		case <-tick.C:
		}
		if f := s.failed.Load(); f != nil {
			return f
		}
		if s.flushFails.Load() != fails {
			if err := s.flushBroken(); err != nil {
				return err
			}
		}
	}
}

// await returns when the engine has done what it does after a call, in a simulation.
func (s *Store) await() {
	if !s.engine.opts.Deterministic {
		return
	}
	s.db.NewSnapshot().Close() // the flush has let go of the engine's lock
	s.engine.chargeMemtables(true)
	s.db.TestOnlyWaitForCleaning()
}

// flushBroken is why the last flush failed, nil when it did not. The engine keeps retrying; a
// success clears it.
func (s *Store) flushBroken() error {
	if err := s.flushErr.Load(); err != nil {
		return wrap("flush", *err)
	}
	return nil
}

// applyRoom refuses writes when flushes fail and the memtables fill: the engine would stall the
// writer until the disk recovers, and with it Close. Entries take up to eight times their bytes.
func (s *Store) applyRoom() error {
	if s.unflushed.Load() > s.engine.opts.MemtableBytesMax/8 {
		return s.flushBroken()
	}
	return nil
}

// entryBytes is what a memtable takes for an entry beside key and value, on average.
const entryBytes = 36

// batchHeaderBytes of a batch do not go into a memtable.
const batchHeaderBytes = 12

// grew accounts for what a batch of so many bytes and entries takes in the memtables.
func (s *Store) grew(bytes, entries int) {
	n := int64(bytes-batchHeaderBytes) + entryBytes*int64(entries)
	s.unflushed.Add(n)
	s.engine.unflushed.Add(n)
	s.engine.chargeMemtables(false)
	if s.engine.tight() {
		s.engine.relieve()
	}
}

// flushBegan notes what the flush will take off. The engine tells how large the memtables are that it writes; the rest was written since
// to their successor. Our count is an estimate, so when nearly all is written, all is; and when there was nothing to write, what is
// counted is the error of earlier estimates.
func (s *Store) flushBegan(written int64) {
	n := s.unflushed.Load()
	if written > 0 && written < n-n/8 {
		n = written
	}
	s.flushing.Store(n)
}

// emptyFlush is how the engine's event says that there was nothing to write; it has no exported value.
const emptyFlush = "pebble: empty table"

func (s *Store) flushEnded(err error) {
	if err != nil && err.Error() != emptyFlush {
		s.flushErr.Store(&err)
		s.flushFails.Add(1)
		return
	}
	s.flushErr.Store(nil)
	s.flushed.Store(true)
	n := min(s.flushing.Swap(0), s.unflushed.Load())
	s.unflushed.Add(-n)
	s.engine.unflushed.Add(-n)
	s.engine.room.broadcast()
	s.noteFlush()
	s.durableDirty.Store(true)
	s.versions.Store(false)
	if s.opts.OnDurable != nil {
		s.engine.opts.Notify(s.opts.OnDurable)
	}
}

// noteFlush lets the janitor give back the memory of what was flushed, when the engine has let go of it.
func (s *Store) noteFlush() {
	if s.engine.opts.Deterministic {
		return
	}
	select {
	case s.engine.flushes <- s:
	default:
		s.toSettle.Store(true)
	}
}

// LastDurable is a decree up to which everything is in tables on disk; a private log needs
// nothing at or below it. It never decreases.
func (s *Store) LastDurable() int64 {
	s.durableMu.Lock()
	defer s.durableMu.Unlock()
	if !s.durableDirty.Swap(false) {
		return s.durable
	}
	if err := s.enter("last durable"); err != nil {
		return s.durable
	}
	defer s.life.RUnlock()
	if _, decree, _, err := readState(s.db, true); err == nil {
		s.durable = max(s.durable, decree)
	} else {
		s.durableDirty.Store(true)
		s.log.Warn("reading the durable decree failed", "err", err)
	}
	return s.durable
}

// Checkpoint flushes and makes dir, which must not exist, a consistent copy of the store's tables
// (hard links where the file system has them). It returns the decree the copy holds, which is at
// least LastApplied at the time of the call. Writes go on meanwhile.
func (s *Store) Checkpoint(dir string) (decree int64, err error) {
	if err := s.enter("checkpoint"); err != nil {
		return 0, err
	}
	defer s.life.RUnlock()
	if _, err := s.engine.opts.FS.Stat(dir); err == nil {
		return 0, &Error{Op: "checkpoint " + dir, Class: ClassOther, Err: fs.ErrExist}
	}
	want := s.LastApplied()
	if err := s.flush(); err != nil {
		return 0, err
	}
	err = s.db.Checkpoint(dir)
	if f := s.Err(); f != nil {
		err = f // whatever the engine thinks of it
	}
	if err != nil {
		return 0, errors.Join(wrap("checkpoint "+dir, err), s.engine.opts.FS.RemoveAll(dir))
	}
	decree, err = s.engine.DecreeOf(dir)
	if err == nil && decree < want {
		err = &Error{Op: "checkpoint " + dir, Class: ClassCorruption, Err: fmt.Errorf("holds decree %d, want %d", decree, want)}
	}
	return decree, err
}

// DecreeOf opens a checkpoint read-only, which also checks that it can be opened, and returns the
// decree it holds.
func (e *Engine) DecreeOf(dir string) (int64, error) {
	db, _, err := e.openReadOnly(dir)
	if err != nil {
		return 0, err
	}
	_, decree, _, err := readState(db, false)
	return decree, errors.Join(err, wrap("close "+dir, db.Close()))
}
