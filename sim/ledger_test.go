package sim

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pegasus-go/pegasus/client"
)

// ledger writes rows that are never written again and remembers which were acknowledged.
type ledger struct {
	stop   chan struct{}
	wg     sync.WaitGroup
	count  atomic.Int64 // acknowledged
	errors atomic.Int64
	last   atomic.Pointer[error]

	mu    sync.Mutex
	acked []string
}

// startLedger lets callers write; timeout bounds one write, retries of the client included.
func startLedger(b *bench, cl *client.Client, name string, callers int, timeout time.Duration) *ledger {
	b.t.Helper()
	table, err := cl.Open(b.ctx, "temp")
	if err != nil {
		b.t.Fatal(err)
	}
	l := &ledger{stop: make(chan struct{})}
	for g := range callers {
		l.wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-l.stop:
					return
				default:
				}
				key := fmt.Sprintf("%s-%d-%d", name, g, n)
				ctx, cancel := context.WithTimeout(b.ctx, timeout)
				err := table.Set(ctx, []byte(key), []byte("s"), []byte(key), 0)
				cancel()
				if err != nil {
					l.errors.Add(1)
					l.last.Store(&err)
					time.Sleep(20 * time.Millisecond)
					continue
				}
				l.count.Add(1)
				l.mu.Lock()
				l.acked = append(l.acked, key)
				l.mu.Unlock()
			}
		})
	}
	return l
}

// more waits for n more acknowledged writes.
func (l *ledger) more(b *bench, n int64) {
	b.t.Helper()
	want := l.count.Load() + n
	for l.count.Load() < want {
		if b.ctx.Err() != nil {
			b.t.Fatalf("writes do not go on; last error: %v", errOf(&l.last))
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (l *ledger) end() { close(l.stop); l.wg.Wait() }

// verify reads every acknowledged row.
func (l *ledger) verify(b *bench) {
	b.t.Helper()
	const readers = 8
	var wg sync.WaitGroup
	var lost atomic.Int64
	for r := range readers {
		wg.Go(func() {
			for i := r; i < len(l.acked); i += readers {
				key := l.acked[i]
				v, found, err := b.table.Get(b.ctx, []byte(key), []byte("s"))
				if err != nil || !found || string(v) != key {
					if lost.Add(1) <= 5 {
						b.t.Errorf("acknowledged row %s: value %.40q, found %v, error %v", key, v, found, err)
					}
				}
			}
		})
	}
	wg.Wait()
	if n := lost.Load(); n > 0 {
		b.t.Errorf("%d of %d acknowledged rows are lost", n, len(l.acked))
	}
	if len(l.acked) == 0 {
		b.t.Error("nothing was acknowledged")
	}
}
