package rrdb

import (
	"context"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/time/rate"
)

const (
	// paceBurstBytes may be written at once after a pause.
	paceBurstBytes = 1 << 20
	// paceBytesPerProcessor a second is what compactions for which nobody waits write by default; manualPaceMax at most if an operator ordered
	// them, which may go on for hours.
	paceBytesPerProcessor = 8 << 20
	manualPaceMax         = 64 << 20
	// paceLooks a second at least, somebody who waits for his turn looks whether he still has to.
	paceLooks = 10
)

// pace bounds what the stores write per second for some purpose, so that it leaves disk and processors to the clients. Flushes for which
// writes may have to wait are not bounded.
type pace struct {
	l     *rate.Limiter // nil: no bound
	slice int           // is waited for in one go
}

func newPace(bytesPerSecond int64) pace {
	if bytesPerSecond <= 0 {
		return pace{}
	}
	slice := max(1, min(paceBurstBytes, bytesPerSecond/paceLooks))
	return pace{rate.NewLimiter(rate.Limit(bytesPerSecond), paceBurstBytes), int(slice)}
}

// take waits until so many bytes may be written, until ctx ends, or until there is no need any more.
func (p pace) take(ctx context.Context, bytes int, needed func() bool) {
	for bytes > 0 && p.l != nil && needed() {
		n := min(bytes, p.slice)
		if p.l.WaitN(ctx, n) != nil {
			return
		}
		bytes -= n
	}
}

// How the engine names what compactions and flushes write.
const (
	compactionCategory vfs.DiskWriteCategory = "pebble-compaction"
	flushCategory      vfs.DiskWriteCategory = "pebble-memtable-flush"
)

// flushCostBytes is what the syncs of a flush count as beside what it writes.
const flushCostBytes = 1 << 20

// flushedFile is a table that a flush writes.
type flushedFile struct{ fencedFile }

func (f flushedFile) Write(b []byte) (int, error) {
	s := f.f.s
	s.engine.flushPace.take(s.ctx, len(b), s.unhurried)
	return f.fencedFile.Write(b)
}

// unhurried: a flush was asked for by somebody who has time, nobody else waits for one, and writes will not soon.
func (s *Store) unhurried() bool {
	return s.gentle.Load() > 0 && s.awaited.Load() == 0 && !s.engine.tight() &&
		s.unflushed.Load()-s.flushing.Load() <= s.engine.opts.MemtableBytesMax/2
}

// FlushGently is Flush for somebody who has time: all such flushes together keep to a rate. One that somebody else comes to wait for, or
// that keeps memory from writes, goes on without.
func (s *Store) FlushGently() error {
	if s.LastDurable() >= s.LastApplied() {
		return nil
	}
	if err := s.enter("flush"); err != nil {
		return err
	}
	defer s.life.RUnlock()
	s.gentle.Add(1)
	defer s.gentle.Add(-1)
	if !s.engine.opts.Deterministic {
		s.engine.flushPace.take(s.ctx, flushCostBytes, s.unhurried)
	}
	return s.flushEntered()
}

// pacedFile is a table that a compaction writes.
type pacedFile struct{ fencedFile }

func (f pacedFile) Write(b []byte) (int, error) {
	s := f.f.s
	s.engine.pace.take(s.ctx, len(b), always)
	if s.manual.Load() {
		s.engine.manualPace.take(s.ctx, len(b), s.slowByOrder)
	} else {
		s.engine.gentlePace.take(s.ctx, len(b), s.engine.keepsUp)
	}
	if s.cutting.Load() {
		return 0, errCutShort
	}
	return f.fencedFile.Write(b)
}

func always() bool { return true }

// behindSublevels is how far flushes may pile up on a store before compactions are in a hurry. Pebble begins one at two sublevels, and
// stops writes at L0StopWritesThreshold. What the lower levels are owed (Pebble's estimate) says little: it counts as if all of
// level 0 had to go down at once.
const behindSublevels = 6

// setBehind is called by one goroutine at a time: the janitor's, then the one that closes the store.
func (s *Store) setBehind(behind bool) {
	if s.behind.Swap(behind) == behind {
		return
	}
	if behind {
		s.engine.behind.Add(1)
	} else {
		s.engine.behind.Add(-1)
	}
}

// keepsUp: no store waits for compactions that are in a hurry. One that is behind may need the slot of any other.
func (e *Engine) keepsUp() bool { return e.behind.Load() == 0 && !e.tight() && !e.blind() }

// slowByOrder: a manual compaction of the store goes on, and it is not behind.
func (s *Store) slowByOrder() bool { return s.manual.Load() && !s.behind.Load() && !s.engine.blind() }

// blind: the janitor, who looks how stores keep up, has not come by for long. A disk on which it hangs must not slow the others down.
func (e *Engine) blind() bool { return time.Since(*e.lastLook.Load()) > 3*janitorPeriod }

// errCutShort ends a compaction of a store that closes, which waits for it. Pebble takes it for one of its own reasons to give one up:
// what was written so far is deleted, and nobody is told.
var errCutShort = pebble.ErrCancelledCompaction

// sourceFile is a table that is read. In a store that has ended only compactions still do, and they may find nothing left to write for a long time.
type sourceFile struct {
	vfs.File
	s *Store
}

func (f sourceFile) ReadAt(b []byte, off int64) (int, error) {
	if f.s.ended.Load() {
		return 0, errCutShort
	}
	return f.File.ReadAt(b, off)
}

// paceManual slows the compactions of the store down until end is called: a manual compaction rewrites all of it and nobody waits for
// that, while others share disk and processors with it. Its slot for compactions waits most of the time, so that other stores get
// one more.
func (s *Store) paceManual() (end func()) {
	s.manual.Store(true)
	s.engine.compactions.lend(1)
	return func() {
		s.manual.Store(false)
		s.engine.compactions.lend(-1)
	}
}
