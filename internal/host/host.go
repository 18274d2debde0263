package host

import (
	"context"
	"time"
)

// Host is time, goroutines and waiting.
type Host interface {
	// Now is the wall clock, which may jump.
	Now() time.Time
	// Elapsed is the time since some fixed instant by a clock that never jumps.
	Elapsed() time.Duration

	// Go runs f beside its caller.
	Go(f func())
	// AfterFunc runs f beside everybody else once d is over.
	AfterFunc(d time.Duration, f func())
	// WithTimeout is context.WithTimeout by this host's clock.
	WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc)

	// Recv waits until ch delivers or is closed.
	Recv(ch <-chan struct{})
	// Wait waits until one of the channels delivers or is closed and returns its index, or TimedOut
	// when d was over first. A nil channel never delivers.
	Wait(d time.Duration, on ...<-chan struct{}) int
}

// TimedOut is what Wait returns when its time is over.
const TimedOut = -1

// Forever is the d of a Wait without an end.
const Forever time.Duration = 1<<63 - 1

// Sleep waits for d or the end of ctx, whatever is first; it reports whether ctx goes on.
func Sleep(h Host, ctx context.Context, d time.Duration) bool {
	return h.Wait(d, ctx.Done()) == TimedOut
}
