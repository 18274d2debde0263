package nfs

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// burstShare of a second's bytes may pass at once. Upstream lets one and a half seconds' worth pass: at 100 MB/s those are 150 MB as fast
// as the disk takes them, which clients feel.
const burstShare = 8

// limiter bounds bytes per second.
type limiter struct{ l atomic.Pointer[rate.Limiter] } // nil: no bound

func newLimiter(mbps int) *limiter {
	l := &limiter{}
	l.set(mbps)
	return l
}

// set changes the rate in MiB per second; 0 is no bound. The new rate begins with its burst.
func (l *limiter) set(mbps int) {
	if mbps <= 0 {
		l.l.Store(nil)
		return
	}
	bytes := mbps << 20
	l.l.Store(rate.NewLimiter(rate.Limit(bytes), bytes/burstShare))
}

// take waits until so many bytes may pass, or ctx ends.
func (l *limiter) take(ctx context.Context, bytes int) error {
	for bytes > 0 {
		r := l.l.Load()
		if r == nil {
			return nil
		}
		n := min(bytes, r.Burst())
		if err := r.WaitN(ctx, n); err != nil {
			return err
		}
		bytes -= n
	}
	return nil
}

// wait is take for at most limit; what does not pass until then passes all the same.
func (l *limiter) wait(bytes int, limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	_ = l.take(ctx, bytes)
}
