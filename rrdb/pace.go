package rrdb

import (
	"context"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/time/rate"
)

// paceBurstBytes may be written at once after a pause.
const paceBurstBytes = 1 << 20

// pace bounds what the compactions of all stores write per second, so that they leave disk and processors to the clients. Flushes are
// not bounded: writes wait for them.
type pace struct{ l *rate.Limiter } // nil: no bound

func newPace(bytesPerSecond int64) pace {
	if bytesPerSecond <= 0 {
		return pace{}
	}
	return pace{rate.NewLimiter(rate.Limit(bytesPerSecond), paceBurstBytes)}
}

// take waits until so many bytes may be written, or until ctx ends.
func (p pace) take(ctx context.Context, bytes int) {
	for bytes > 0 && p.l != nil {
		n := min(bytes, paceBurstBytes)
		if p.l.WaitN(ctx, n) != nil {
			return
		}
		bytes -= n
	}
}

// compactionCategory is how the engine names what compactions write.
const compactionCategory vfs.DiskWriteCategory = "pebble-compaction"

// pacedFile is a table that a compaction writes.
type pacedFile struct{ fencedFile }

func (f pacedFile) Write(b []byte) (int, error) {
	s := f.f.s
	s.engine.pace.take(s.ctx, len(b))
	if s.manual.Load() {
		s.engine.manualPace.take(s.ctx, len(b))
	}
	if s.closing.Load() {
		return 0, errCutShort
	}
	return f.fencedFile.Write(b)
}

// errCutShort ends a compaction of a store that closes, which waits for it. Pebble takes it for one of its own reasons to give one up:
// what was written so far is deleted, and nobody is told.
var errCutShort = pebble.ErrCancelledCompaction

// sourceFile is a file that compactions read. In a store that closes they may find nothing left to write for a long time.
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

const (
	// manualLiftSublevels is how far flushes may pile up on a store that is compacted slowly by order: from there on it is as fast as
	// any other. Pebble stops writes at L0StopWritesThreshold.
	manualLiftSublevels = 12
	manualLookEvery     = time.Second
)

// paceManual slows the compactions of the store down until end is called: a manual compaction rewrites all of it and nobody waits for
// that, while others share disk and processors with it. Its slot for compactions waits most of the time, so that other stores get
// one more.
func (s *Store) paceManual() (end func()) {
	s.manual.Store(true)
	s.engine.compactions.lend(1)
	ctx, cancel := context.WithCancel(s.ctx)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(manualLookEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				s.manual.Store(s.db.Metrics().Levels[0].Sublevels < manualLiftSublevels)
			}
		}
	}()
	return func() {
		cancel()
		<-gone
		s.manual.Store(false)
		s.engine.compactions.lend(-1)
	}
}
