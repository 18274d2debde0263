package sim

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
	"github.com/pegasus-go/pegasus/sim/faultfs"
)

// call is one operation on a key: a read, a write, a removal, or a write under the condition that
// the row holds expect.
type call struct {
	kind   string
	key    int
	value  string
	expect string
}

// result of a call; value is what a read, or a condition that did not hold, saw. unknown: it may have
// taken effect at any time after it began, or never.
type result struct {
	value   string
	passed  bool
	unknown bool
}

// register is the model of a row; the empty string is no row.
var register = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[int][]porcupine.Operation{}
		for _, op := range history {
			byKey[op.Input.(call).key] = append(byKey[op.Input.(call).key], op)
		}
		var out [][]porcupine.Operation
		for _, ops := range byKey {
			out = append(out, ops)
		}
		return out
	},
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		in, out := input.(call), output.(result)
		switch in.kind {
		case "get":
			return out.value == state.(string), state
		case "set", "del":
			return true, in.value
		}
		passes := state.(string) == in.expect
		next := state
		if passes {
			next = in.value
		}
		return out.unknown || (out.passed == passes && (passes || out.value == state.(string))), next
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
}

// notExecuted are the errors that promise that a write will never take effect.
var notExecuted = map[base.ErrorCode]bool{
	base.ErrInvalidState: true, base.ErrObjectNotFound: true, base.ErrNotEnoughMember: true,
	base.ErrCapacityExceeded: true, base.ErrBusy: true,
}

type history struct {
	mu    sync.Mutex
	ops   []porcupine.Operation
	start time.Time
}

func (h *history) record(client int, in call, begun time.Time, out result) {
	op := porcupine.Operation{ClientId: client, Input: in, Call: begun.Sub(h.start).Nanoseconds(), Output: out, Return: time.Since(h.start).Nanoseconds()}
	if out.unknown {
		op.Return = math.MaxInt64
	}
	h.mu.Lock()
	h.ops = append(h.ops, op)
	h.mu.Unlock()
}

// caller works on the keys until stop is closed.
func (h *history) caller(b *bench, table *client.Table, id int, stop <-chan struct{}) {
	rng := rand.New(rand.NewPCG(*seed, uint64(id)))
	known := map[int]string{}
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		in := call{kind: []string{"get", "get", "get", "set", "set", "set", "cas", "cas", "cas", "del"}[rng.IntN(10)], key: rng.IntN(5)}
		if in.kind == "set" || in.kind == "cas" {
			in.value = fmt.Sprintf("%d-%d", id, n)
		}
		in.expect = known[in.key]
		ctx, cancel := context.WithTimeout(b.ctx, 3*time.Second)
		begun := time.Now()
		out, err := execute(ctx, table, in)
		cancel()
		switch {
		case err == nil:
			h.record(id, in, begun, out)
			known[in.key] = out.value
			if in.kind != "get" && (in.kind != "cas" || out.passed) {
				known[in.key] = in.value
			}
			time.Sleep(time.Duration(rng.IntN(4)) * time.Millisecond)
		case in.kind == "get" || notExecuted[client.CodeOf(err)]:
			time.Sleep(20 * time.Millisecond)
		default:
			h.record(id, in, begun, result{unknown: true})
			time.Sleep(50 * time.Millisecond)
		}
	}
}

func execute(ctx context.Context, t *client.Table, in call) (out result, err error) {
	key, sort := fmt.Appendf(nil, "linear%d", in.key), []byte("s")
	switch in.kind {
	case "get":
		v, _, err := t.Get(ctx, key, sort)
		return result{value: string(v)}, err
	case "set":
		return result{}, t.Set(ctx, key, sort, []byte(in.value), 0)
	case "del":
		return result{}, t.Del(ctx, key, sort)
	}
	check := client.Check{SortKey: sort, Type: rrdb.CasCheckType_CT_VALUE_BYTES_EQUAL, Operand: []byte(in.expect), ReturnValue: true}
	if in.expect == "" {
		check = client.Check{SortKey: sort, Type: rrdb.CasCheckType_CT_VALUE_NOT_EXIST, ReturnValue: true}
	}
	r, err := t.CheckAndSet(ctx, key, check, sort, []byte(in.value), 0)
	return result{passed: r.Passed, value: string(r.Value)}, err
}

// seen drops the writes of unknown outcome whose value nobody saw. Every other operation tells the
// state it met, so they may as well come after all others; keeping them makes the check hopeless.
func (h *history) seen() (ops []porcupine.Operation, unknown int) {
	met := map[string]bool{"": true}
	for _, op := range h.ops {
		in, out := op.Input.(call), op.Output.(result)
		met[out.value] = true
		if out.passed {
			met[in.expect] = true
		}
	}
	for _, op := range h.ops {
		if op.Output.(result).unknown {
			unknown++
			if !met[op.Input.(call).value] {
				continue
			}
		}
		ops = append(ops, op)
	}
	return ops, unknown
}

// TestLinearizable lets several clients work on a few rows while servers lose power, stop and come back.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	b := newBench(t, quick(Config{Disk: func(int) *faultfs.Disk { return faultfs.New(faultfs.Options{}) }}))
	once, err := client.New(b.MetaList(), client.Options{NoRetry: true})
	if err != nil {
		t.Fatal(err)
	}
	defer once.Close()
	table := b.open(once, "temp")
	h := &history{start: time.Now()}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for id := range 6 {
		wg.Go(func() { h.caller(b, table, id, stop) })
	}
	rng := rand.New(rand.NewPCG(*seed, 99))
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		time.Sleep(time.Duration(rng.IntN(600)) * time.Millisecond)
		i := rng.IntN(3)
		switch rng.IntN(4) {
		case 0:
			if err := b.Replicas[i].Close(); err != nil {
				t.Error(err)
			}
		case 1:
			ctx, cancel := context.WithTimeout(b.ctx, 2*time.Second)
			if err := b.Replicas[i].Shutdown(ctx); err != nil {
				t.Error(err)
			}
			cancel()
		default:
			b.CrashReplica(i, func(d *faultfs.Disk) *faultfs.Disk { return d.Crash(rng, anyCrash(rng)) })
		}
		if rng.IntN(2) == 0 {
			time.Sleep(time.Duration(rng.IntN(1500)) * time.Millisecond)
		}
		if err := b.RestartReplica(i); err != nil {
			t.Fatal(err)
		}
		if rng.IntN(3) != 0 {
			b.healthy()
		}
	}
	b.healthy()
	time.Sleep(200 * time.Millisecond)
	close(stop)
	wg.Wait()
	ops, unknown := h.seen()
	t.Logf("%d operations, %d with unknown outcome, %d to check", len(h.ops), unknown, len(ops))
	if len(ops) < 500 {
		t.Errorf("only %d operations: nothing was tested", len(h.ops))
	}
	switch porcupine.CheckOperationsTimeout(register, ops, 30*time.Second) {
	case porcupine.Illegal:
		_, info := porcupine.CheckOperationsVerbose(register, ops, 30*time.Second)
		t.Error(errors.Join(errors.New("the history is not linearizable"), porcupine.VisualizePath(register, info, t.TempDir()+"/history.html")))
	case porcupine.Unknown:
		t.Log("the history was too hard to check in time")
	}
	b.sameEverywhere()
}
