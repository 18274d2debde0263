package replica

import "sync/atomic"

// lease is the right of this node's replicas to answer clients. It was granted by the meta server
// and runs out by this node's monotonic clock, counted from when the granted beacon was sent.
type lease struct {
	untilMs atomic.Int64
}

// valid reports whether the lease holds at a monotonic time.
func (l *lease) valid(nowMs int64) bool { return nowMs < l.untilMs.Load() }

// extend never shortens: an answer to an older beacon proves less.
func (l *lease) extend(untilMs int64) {
	for {
		old := l.untilMs.Load()
		if untilMs <= old || l.untilMs.CompareAndSwap(old, untilMs) {
			return
		}
	}
}
