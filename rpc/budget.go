package rpc

import "sync/atomic"

// budget counts bytes that all connections of a server hold together. The zero value has no limit.
//
// A connection takes part only with what it holds beyond shareBytes, so that the counter costs nothing
// where connections are as they should be, and a connection that holds little is never hindered by
// what others hold.
type budget struct {
	used atomic.Int64
	max  int64 // 0: no limit
}

// shareBytes may be held by every connection, whatever all hold together.
const shareBytes = 64 << 10

// over reports whether more is held than should be.
func (b *budget) over() bool { return b.max > 0 && b.used.Load() > b.max }

// tight reports whether it is time to give back what is only kept for later.
func (b *budget) tight() bool { return b.max > 0 && b.used.Load() > b.max/2 }

// take adds n unless that is too much.
func (b *budget) take(n int) bool {
	if b.max > 0 && b.used.Add(int64(n)) > b.max {
		b.used.Add(-int64(n))
		return false
	}
	return true
}

// give takes n off again after take.
func (b *budget) give(n int) {
	if b.max > 0 {
		b.used.Add(-int64(n))
	}
}

// share is what one connection counts in a budget. Whoever owns it guards it.
type share struct {
	of      *budget // nil: there is none
	counted int
}

// set says how much the connection holds now.
func (s *share) set(held int) {
	if held <= shareBytes {
		held = 0
	}
	if held != s.counted && s.of != nil {
		s.of.used.Add(int64(held - s.counted))
		s.counted = held
	}
}

// hindered reports whether a connection that holds so much must not hold more, for the sake of all.
func (s *share) hindered(held int) bool { return held > shareBytes && s.of != nil && s.of.over() }
