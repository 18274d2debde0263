package memory

import (
	"math"
	"os"
	"runtime/debug"
	"sync"
)

// Runtime is what a server asks of the Go runtime.
type Runtime struct {
	LimitBytes int64 // soft limit of what the runtime holds
	GCPercent  int   // growth of the heap after which it is collected
}

// Effect is what a claim led to.
type Effect struct {
	LimitBytes                   int64
	GCPercent                    int
	LimitFromEnv, PercentFromEnv bool
}

// process is what the servers of this process claim together.
var process struct {
	mu     sync.Mutex
	claims map[*Runtime]struct{}
	// before is what was in force before the first claim.
	before Runtime
}

// Claim tells the runtime what a server wants. The limits of all servers of the process add up, and the lowest
// percentage counts. GOMEMLIMIT and GOGC in the environment come first. release takes the claim back.
func Claim(want Runtime) (now Effect, release func()) {
	process.mu.Lock()
	defer process.mu.Unlock()
	if len(process.claims) == 0 {
		boundAllocator()
		process.claims = map[*Runtime]struct{}{}
		now := Now()
		process.before = Runtime{LimitBytes: now.GoLimit, GCPercent: int(now.GCPercent)}
	}
	claim := &want
	process.claims[claim] = struct{}{}
	return apply(), sync.OnceFunc(func() {
		process.mu.Lock()
		defer process.mu.Unlock()
		delete(process.claims, claim)
		apply()
	})
}

// together adds up claims; before counts when there is none.
func together(claims map[*Runtime]struct{}, before Runtime) Runtime {
	if len(claims) == 0 {
		return before
	}
	sum := Runtime{GCPercent: math.MaxInt}
	for c := range claims {
		sum.LimitBytes += c.LimitBytes
		sum.GCPercent = min(sum.GCPercent, c.GCPercent)
	}
	return sum
}

// apply is called with mu held.
func apply() Effect {
	want := together(process.claims, process.before)
	e := Effect{LimitBytes: process.before.LimitBytes, GCPercent: process.before.GCPercent,
		LimitFromEnv: os.Getenv("GOMEMLIMIT") != "", PercentFromEnv: os.Getenv("GOGC") != ""}
	if !e.LimitFromEnv {
		e.LimitBytes = want.LimitBytes
		debug.SetMemoryLimit(want.LimitBytes)
	}
	if !e.PercentFromEnv {
		e.GCPercent = want.GCPercent
		debug.SetGCPercent(want.GCPercent)
	}
	return e
}
