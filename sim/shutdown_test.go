package sim

import (
	"context"
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
