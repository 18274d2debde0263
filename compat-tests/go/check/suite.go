package check

import (
	"context"
	"time"
)

const opTimeout = 5 * time.Second

// Suite runs every call of a table that is empty at the start, with edges, and counts what held.
type Suite struct {
	Checks
	tb Table
	// modern clients have MultiGetOptions.NoValue and refuse bad arguments with an error.
	modern bool
}

func NewSuite(tb Table, modern bool) *Suite { return &Suite{tb: tb, modern: modern} }

// Run leaves thousands of rows behind.
func (s *Suite) Run() {
	s.scanEmptyTable()
	s.pointOps()
	s.argumentErrors()
	s.ttl()
	s.multiOps()
	s.multiGetRanges()
	s.checkAndSet()
	if i, ok := s.tb.(Incrementer); ok {
		s.incr(i)
	}
	if g, ok := s.tb.(BatchGetter); ok {
		s.batchGet(g)
	}
	s.hashKeyScans()
	s.unorderedScans()
	s.concurrent()
}

// In runs one call with a fresh deadline.
func In(f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), opTimeout)
	defer cancel()
	return f(ctx)
}

func b(s string) []byte { return []byte(s) }

func bs(ss ...string) [][]byte {
	out := make([][]byte, len(ss))
	for i, s := range ss {
		out[i] = []byte(s)
	}
	return out
}
