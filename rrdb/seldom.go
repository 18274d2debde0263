package rrdb

import (
	"sync/atomic"
	"time"
)

// seldom lets something through that happens too often to be told each time. The zero value is ready.
type seldom struct{ lastMs atomic.Int64 }

// due reports whether it was not due for that long, to one caller.
func (s *seldom) due(now time.Time, every time.Duration) bool {
	last, ms := s.lastMs.Load(), now.UnixMilli()
	return (ms < last || ms-last >= every.Milliseconds()) && s.lastMs.CompareAndSwap(last, ms)
}
