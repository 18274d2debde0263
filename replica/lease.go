package replica

import "sync/atomic"

// lease is the right of this node's replicas to answer clients. It was granted by the meta server
// and runs out by this node's monotonic clock, counted from when the granted beacon was sent.
//
// A lease that ended is not continued: in between somebody else may have got the roles of this node.
// The next one is another term, and a replica answers under it only in a role that it got in it.
type lease struct {
	untilMs atomic.Int64
	term    atomic.Int64 // how many have ended
}

// valid reports whether the lease holds at a monotonic time.
func (l *lease) valid(nowMs int64) bool { return nowMs < l.untilMs.Load() }

// holds reports whether the lease of a term holds at a time. The order matters: the term ends before
// the next one is granted.
func (l *lease) holds(term, nowMs int64) bool { return l.valid(nowMs) && l.term.Load() == term }

// extend never shortens: an answer to an older beacon proves less.
func (l *lease) extend(untilMs int64) {
	for {
		old := l.untilMs.Load()
		if untilMs <= old || l.untilMs.CompareAndSwap(old, untilMs) {
			return
		}
	}
}
