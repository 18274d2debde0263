package rrdb

import "time"

// rangeLimiter bounds the work of one range read (rrdb.md §11.2). The clock is looked at once in
// a while only, so small reads never pay for it.
type rangeLimiter struct {
	store     *Store
	countMax  int           // rows visited; 0 none
	bytesMax  int64         // bytes collected; 0 none
	timeMax   time.Duration // 0 none
	begin     time.Time
	every     int // look at the clock each this many rows
	iterated  int
	bytes     int64
	exceeded  bool // the time was up
	cancelled bool // the store is closing
}

func (s *Store) newLimiter(countMax, clockBase int, bytesMax int64) rangeLimiter {
	every := 1
	if clockBase > 10 {
		every = clockBase / 10
	}
	return rangeLimiter{
		store:    s,
		countMax: countMax,
		bytesMax: bytesMax,
		timeMax:  s.envs.Load().iterationTime,
		begin:    time.Now(),
		every:    every,
	}
}

// ok reports whether another row may be visited.
func (l *rangeLimiter) ok() bool {
	if l.countMax > 0 && l.iterated >= l.countMax || l.bytesMax > 0 && l.bytes >= l.bytesMax {
		return false
	}
	if (l.iterated+1)%l.every == 0 {
		l.cancelled = l.store.closing.Load()
		return !l.cancelled && l.inTime()
	}
	return true
}

// inTime looks at the clock.
func (l *rangeLimiter) inTime() bool {
	if l.timeMax > 0 && time.Since(l.begin) > l.timeMax {
		l.exceeded = true
	}
	return !l.exceeded
}
