package sim

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestShutdownUnseen stops each server gracefully under load; a client that retries sees no error.
func TestShutdownUnseen(t *testing.T) {
	t.Parallel()
	b := newBench(t, quick(Config{}))
	load := startLedger(b, b.cl, "shutdown", 8, 30*time.Second)
	for i := range b.Replicas {
		load.more(b, 300)
		ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
		if err := b.Replicas[i].Shutdown(ctx); err != nil {
			t.Fatal(err)
		}
		if ctx.Err() != nil {
			t.Error("primaries were not handed over in time")
		}
		cancel()
		load.more(b, 100)
		if err := b.RestartReplica(i); err != nil {
			t.Fatal(err)
		}
		b.healthy()
	}
	load.end()
	if n := load.errors.Load(); n > 0 {
		t.Errorf("%d errors; last: %v", n, errOf(&load.last))
	}
	load.verify(b)
	b.sameEverywhere()
}

// TestShutdownCountsOnce stops each server gracefully while clients count: an increment is not tried
// again when its outcome is unknown, so each must be answered, and each must count once.
func TestShutdownCountsOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, quick(Config{}))
	const callers = 12
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var total, failed atomic.Int64
	counts := make([]int64, callers)
	for g := range callers {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
				_, err := b.table.Incr(ctx, fmt.Appendf(nil, "counter%d", g), []byte("s"), 1, 0)
				cancel()
				if err != nil {
					if failed.Add(1) <= 3 {
						t.Errorf("incr: %v", err)
					}
					continue
				}
				counts[g]++
				total.Add(1)
			}
		})
	}
	more := func(n int64) {
		for want := total.Load() + n; total.Load() < want && b.ctx.Err() == nil; {
			time.Sleep(5 * time.Millisecond)
		}
	}
	for i := range b.Replicas {
		more(300)
		ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
		if err := b.Replicas[i].Shutdown(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		more(100)
		if err := b.RestartReplica(i); err != nil {
			t.Fatal(err)
		}
		b.healthy()
	}
	close(stop)
	wg.Wait()
	for g, n := range counts {
		v, _, err := b.table.Get(b.ctx, fmt.Appendf(nil, "counter%d", g), []byte("s"))
		if err != nil || (failed.Load() == 0 && string(v) != strconv.FormatInt(n, 10)) {
			t.Errorf("counter %d: %d increments acknowledged, value %s, %v", g, n, v, err)
		}
	}
}
