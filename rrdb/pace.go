package rrdb

import (
	"context"
	"time"

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

// take waits until so many bytes may be written. When ctx ends it does not wait: what is under way may then end as fast as it can.
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
	return f.fencedFile.Write(b)
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
