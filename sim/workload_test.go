package sim

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

// churn calls every kind of write at random, from several goroutines, on few enough keys that they meet.
type churn struct {
	stop chan struct{}
	wg   sync.WaitGroup
	done atomic.Int64 // operations that succeeded
	last atomic.Pointer[error]
}

func startChurn(b *bench, callers int) *churn {
	c := &churn{stop: make(chan struct{})}
	for g := range callers {
		rng := rand.New(rand.NewPCG(*seed, uint64(g)))
		c.wg.Go(func() {
			for {
				select {
				case <-c.stop:
					return
				default:
				}
				ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
				err := randomWrite(ctx, b.table, rng)
				cancel()
				if err == nil {
					c.done.Add(1)
					continue
				}
				c.last.Store(&err)
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	return c
}

// more waits for n more operations.
func (c *churn) more(b *bench, n int64) {
	b.t.Helper()
	want := c.done.Load() + n
	for c.done.Load() < want {
		if b.ctx.Err() != nil {
			b.t.Fatalf("the workload does not go on; last error: %v", errOf(&c.last))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (c *churn) end() { close(c.stop); c.wg.Wait() }

func errOf(p *atomic.Pointer[error]) error {
	if e := p.Load(); e != nil {
		return *e
	}
	return nil
}

func randomWrite(ctx context.Context, t *client.Table, rng *rand.Rand) error {
	hash := fmt.Appendf(nil, "user%d", rng.IntN(40))
	sort := func() []byte { return fmt.Appendf(nil, "s%d", rng.IntN(12)) }
	value := func() []byte { return bytes.Repeat([]byte{byte('a' + rng.IntN(26))}, rng.IntN(300)) }
	ttl := func() int32 { return []int32{0, 0, 1, 2, 1000}[rng.IntN(5)] }
	switch rng.IntN(9) {
	case 0, 1:
		return t.Set(ctx, hash, sort(), value(), ttl())
	case 2:
		return t.Del(ctx, hash, sort())
	case 3:
		return t.MultiSet(ctx, hash, []client.KV{{SortKey: sort(), Value: value()}, {SortKey: sort(), Value: value()}, {SortKey: sort(), Value: value()}}, ttl())
	case 4:
		_, err := t.MultiDel(ctx, hash, [][]byte{sort(), sort()})
		return err
	case 5, 6:
		_, err := t.Incr(ctx, hash, []byte("counter"), rng.Int64N(100)-50, []int32{0, 1, -1}[rng.IntN(3)])
		return err
	case 7:
		_, err := t.CheckAndSet(ctx, hash, client.Check{SortKey: sort(), Type: rrdb.CasCheckType_CT_VALUE_NOT_EXIST, ReturnValue: true}, sort(), value(), ttl())
		return err
	}
	_, err := t.CheckAndMutate(ctx, hash, client.Check{SortKey: sort(), Type: rrdb.CasCheckType_CT_VALUE_EXIST}, []client.Mutation{
		{SortKey: sort(), Value: value(), TTLSeconds: ttl()}, {Delete: true, SortKey: sort()},
	})
	return err
}

// TestReplicasHoldTheSame shakes a cluster that writes all the time: stores flush, servers restart,
// rows expire and are swept. When it rests, the members of a partition hold the same.
func TestReplicasHoldTheSame(t *testing.T) {
	t.Parallel()
	b := newBench(t, quick(Config{}))
	load := startChurn(b, 8)
	load.more(b, 1500)
	b.command(0, "replica.trigger-checkpoint")
	load.more(b, 500)
	for i := range b.Replicas {
		if err := b.Replicas[i].Close(); err != nil {
			t.Fatal(err)
		}
		load.more(b, 200)
		if err := b.RestartReplica(i); err != nil {
			t.Fatal(err)
		}
		b.healthy()
		load.more(b, 300)
		b.command((i+1)%3, "replica.trigger-checkpoint")
	}
	load.end()
	if rows := b.sameEverywhere(); rows == 0 {
		t.Error("nothing is left to compare")
	}
	// Rows that expired meanwhile do not count, swept or not.
	time.Sleep(2 * time.Second)
	for range 200 {
		if err := randomWrite(b.ctx, b.table, rand.New(rand.NewPCG(1, 1))); err != nil {
			t.Fatal(err)
		}
	}
	b.sameEverywhere()
}
