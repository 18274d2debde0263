package compattests

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

const (
	mixedOpTimeout = 30 * time.Second // a failure detector: what takes longer counts as failed
	mixedRows      = 50               // rows of one caller, so that the data does not grow
	mixedFailures  = 5                // told in full
)

// mixed is a load of every kind of operation. Each caller owns its hash keys, so it knows what it must read, and counts
// how many requests its client needed for each operation.
type mixed struct {
	t      testing.TB
	table  *client.Table
	run    string
	pause  time.Duration // between the operations of a caller
	stop   chan struct{}
	ended  sync.WaitGroup
	mu     sync.Mutex
	done   map[string]int // operations by kind
	needed map[int]int    // operations by number of requests
	failed int
	slow   time.Duration // the slowest operation
}

// startMixed runs until end or the end of the test.
func startMixed(t testing.TB, table *client.Table, run string, callers int, pause time.Duration) *mixed {
	m := &mixed{t: t, table: table, run: run, pause: pause, stop: make(chan struct{}), done: map[string]int{}, needed: map[int]int{}}
	for i := range callers {
		m.ended.Go(func() { (&mixedCaller{m: m, id: i}).loop() })
	}
	t.Cleanup(m.end)
	return m
}

// end stops the callers, which then compare the rows they own with what they wrote.
func (m *mixed) end() {
	select {
	case <-m.stop:
	default:
		close(m.stop)
	}
	m.ended.Wait()
}

func (m *mixed) note(op string, attempts int, took time.Duration, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done[op]++
	m.needed[attempts]++
	m.slow = max(m.slow, took)
	if err == nil {
		return
	}
	if m.failed++; m.failed <= mixedFailures {
		m.t.Logf("%s %s failed after %v and %d requests: %v", time.Now().Format("15:04:05.000"), op, took, attempts, err)
	}
}

// sums are the operations, those that failed, and those that needed a second request or more than two.
func (m *mixed) sums() (all, failed, twice, more int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for n, ops := range m.needed {
		all += ops
		switch {
		case n == 2:
			twice += ops
		case n > 2:
			more += ops
		}
	}
	return all, m.failed, twice, more
}

// await waits for n more operations.
func (m *mixed) await(n int) {
	m.t.Helper()
	from, _, _, _ := m.sums()
	for end := time.Now().Add(resumeWithin); ; time.Sleep(5 * time.Millisecond) {
		if all, _, _, _ := m.sums(); all >= from+n {
			return
		}
		if time.Now().After(end) {
			m.t.Fatalf("no %d operations within %v", n, resumeWithin)
		}
	}
}

type mixedCaller struct {
	m       *mixed
	id      int
	total   int64             // of the counter
	unclear bool              // an increment failed: the counter may have any value
	rows    map[string]string // sort key to value; absent: unclear
}

func (c *mixedCaller) loop() {
	c.rows = map[string]string{}
	random := rand.New(rand.NewPCG(uint64(c.id), 7))
	for n := 0; ; n++ {
		select {
		case <-c.m.stop:
			c.verify()
			return
		case <-time.After(c.m.pause):
		}
		c.step(n, random)
	}
}

func (c *mixedCaller) hash(kind string) []byte {
	return fmt.Appendf(nil, "%s-%s-%d", c.m.run, kind, c.id)
}

// do makes one operation of one request and accounts for it.
func (c *mixedCaller) do(op string, f func(context.Context, *client.Table) error) error {
	return c.count(op, func(ctx context.Context, t *client.Table, attempts *int) error {
		var info client.Info
		err := f(ctx, t.Observe(&info))
		*attempts = info.Attempts
		return err
	})
}

func (c *mixedCaller) count(op string, f func(ctx context.Context, t *client.Table, attempts *int) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), mixedOpTimeout)
	defer cancel()
	start, attempts := time.Now(), 0
	err := f(ctx, c.m.table, &attempts)
	c.m.note(op, attempts, time.Since(start), err)
	return err
}

func (c *mixedCaller) step(n int, random *rand.Rand) {
	sort := "row" + strconv.Itoa(random.IntN(mixedRows))
	value := fmt.Sprintf("%d-%0*d", n, random.IntN(300), 0)
	switch n % 8 {
	case 0, 1:
		err := c.do("set", func(ctx context.Context, t *client.Table) error {
			return t.Set(ctx, c.hash("rows"), []byte(sort), []byte(value), 0)
		})
		c.know(err, sort, value)
	case 2:
		err := c.do("del", func(ctx context.Context, t *client.Table) error { return t.Del(ctx, c.hash("rows"), []byte(sort)) })
		c.know(err, sort, "")
	case 3:
		c.read(sort)
	case 4:
		c.increment()
	case 5:
		kvs := []client.KV{{SortKey: []byte("a" + sort), Value: []byte(value)}, {SortKey: []byte("b" + sort), Value: []byte(value)}}
		_ = c.do("multi_set", func(ctx context.Context, t *client.Table) error {
			return t.MultiSet(ctx, c.hash("ttl"), kvs, 1+int32(n%3))
		})
	case 6:
		_ = c.do("multi_get", func(ctx context.Context, t *client.Table) error {
			_, _, err := t.MultiGet(ctx, c.hash("ttl"), client.MultiGetOptions{})
			return err
		})
	case 7:
		c.checkAndSet(n)
	}
	if n%32 == 0 {
		c.scan()
	}
}

// know notes what a row must hold now; "" is absent.
func (c *mixedCaller) know(err error, sort, value string) {
	if err != nil {
		delete(c.rows, sort)
		return
	}
	c.rows[sort] = value
}

func (c *mixedCaller) read(sort string) {
	var got string
	err := c.do("get", func(ctx context.Context, t *client.Table) error {
		v, _, err := t.Get(ctx, c.hash("rows"), []byte(sort))
		got = string(v)
		return err
	})
	if want, known := c.rows[sort]; known && err == nil && got != want {
		c.m.t.Errorf("%s %s: read %q, want %q", c.hash("rows"), sort, got, want)
	}
}

func (c *mixedCaller) increment() {
	var got int64
	err := c.do("incr", func(ctx context.Context, t *client.Table) (err error) {
		got, err = t.Incr(ctx, c.hash("counter"), []byte("n"), 1, 0)
		return err
	})
	if err != nil {
		c.unclear = true
		return
	}
	if c.total++; !c.unclear && got != c.total {
		c.m.t.Errorf("%s: increment %d answered %d", c.hash("counter"), c.total, got)
	}
}

func (c *mixedCaller) checkAndSet(n int) {
	check := client.Check{SortKey: []byte("cas"), Type: rrdb.CasCheckType_CT_NO_CHECK}
	_ = c.do("check_and_set", func(ctx context.Context, t *client.Table) error {
		_, err := t.CheckAndSet(ctx, c.hash("cas"), check, []byte("cas"), []byte(strconv.Itoa(n)), 0)
		return err
	})
}

// scan reads the caller's rows ten at a time; what counts is the request that was repeated most.
func (c *mixedCaller) scan() {
	got := map[string]string{}
	err := c.count("scan", func(ctx context.Context, t *client.Table, attempts *int) error {
		var info client.Info
		s, err := t.Observe(&info).HashScanner(c.hash("rows"), nil, nil, client.ScanOptions{BatchSize: 10})
		if err != nil {
			return err
		}
		defer s.Close()
		for {
			row, ok, err := s.Next(ctx)
			*attempts = max(*attempts, info.Attempts)
			if err != nil || !ok {
				return err
			}
			got[string(row.SortKey)] = string(row.Value)
		}
	})
	for sort, want := range c.rows {
		if err == nil && got[sort] != want {
			c.m.t.Errorf("%s %s: scanned %q, want %q", c.hash("rows"), sort, got[sort], want)
		}
	}
}

func (c *mixedCaller) verify() {
	for sort := range c.rows {
		c.read(sort)
	}
	c.increment()
}
