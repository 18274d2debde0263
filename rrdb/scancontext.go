package rrdb

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// scanContext is a scan between two batches: an iterator, which pins the state of the store the
// scan began with, positioned at the next row.
type scanContext struct {
	it           *pebble.Iterator
	confined     bool // to one hash key; the iterator is in prefix mode
	stop         []byte
	stopIncl     bool
	batch        int
	noValue      bool
	validateHash bool
	returnExpire bool
	onlyCount    bool
	hashFilter   keyFilter
	sortFilter   keyFilter
	expires      time.Time
}

func (c *scanContext) close() { _ = c.it.Close() }

// scanContexts holds a store's contexts. An id is good for one use within a lifetime; ids count
// up from a random start, so that one of another incarnation is not taken for a live one.
type scanContexts struct {
	mu     sync.Mutex
	max    int
	life   time.Duration
	nextID int64
	live   map[int64]*scanContext
	order  []int64 // ids by age, those already used included
}

func (s *scanContexts) init(max int, life time.Duration) {
	s.max, s.life = max, life
	s.nextID = int64(rand.Uint32N(1<<31-1)+1) << 32
	s.live = map[int64]*scanContext{}
}

// put stores c and returns its id. Beyond max the oldest context is dropped; its client is told
// "not found" and starts over from its last key.
func (s *scanContexts) put(c *scanContext) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.live) >= s.max {
		s.dropOldest()
	}
	c.expires = time.Now().Add(s.life)
	id := s.nextID
	s.nextID++
	s.live[id] = c
	if len(s.order) > 2*s.max {
		s.compactOrder()
	}
	s.order = append(s.order, id)
	return id
}

func (s *scanContexts) dropOldest() {
	for len(s.order) > 0 {
		id := s.order[0]
		s.order = s.order[1:]
		if c := s.live[id]; c != nil {
			delete(s.live, id)
			c.close()
			return
		}
	}
}

// compactOrder forgets ids that were used.
func (s *scanContexts) compactOrder() {
	kept := make([]int64, 0, s.max+1)
	for _, id := range s.order {
		if s.live[id] != nil {
			kept = append(kept, id)
		}
	}
	s.order = kept
}

// take removes and returns the context, nil when there is none or its time was up.
func (s *scanContexts) take(id int64) *scanContext {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.live[id]
	if c == nil {
		return nil
	}
	delete(s.live, id)
	if time.Now().After(c.expires) {
		c.close()
		return nil
	}
	return c
}

// expire closes contexts whose time is up.
func (s *scanContexts) expire(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.order) > 0 {
		id := s.order[0]
		c := s.live[id]
		if c != nil && now.Before(c.expires) {
			return
		}
		s.order = s.order[1:]
		if c != nil {
			delete(s.live, id)
			c.close()
		}
	}
}

// clear closes all contexts.
func (s *scanContexts) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, c := range s.live {
		delete(s.live, id)
		c.close()
	}
	s.order = nil
}

func (s *scanContexts) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.live)
}
