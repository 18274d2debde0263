package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/gen-go/base"
)

const (
	loadersMin    = 128    // writes in flight while loading: more than most workloads, because nobody times them
	loadBytesMax  = 400e3  // of values in one multi_put, well below what servers accept
	loadTriesMax  = 5      // of one write, each with the operation's whole timeout
	loadTimeoutMs = 10_000 // of one try
)

// Loaded says what the load phase did.
type Loaded struct {
	Rows          int64   `json:"rows"`
	Seconds       float64 `json:"seconds"`
	RowsPerSecond float64 `json:"rows_per_second"`
}

// load writes all rows of the layout, in order of their groups.
func load(ctx context.Context, o *Options, l *layout, tables []*client.Table, progress func(done int64)) (Loaded, error) {
	began := time.Now()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	perWrite := min(l.group, max(1, int64(loadBytesMax)/int64(o.ValueBytes+32)))
	writesPerGroup := (l.group + perWrite - 1) / perWrite
	writes := l.groups(o.Rows) * writesPerGroup
	var next, rows atomic.Int64
	var workers sync.WaitGroup
	for i := range max(loadersMin, o.Callers) {
		workers.Add(1)
		go func() {
			defer workers.Done()
			w := &loader{options: o, layout: l, rng: rand.New(rand.NewPCG(o.Seed, 1<<40+uint64(i))), wait: make(chan outcome, 1)}
			w.request = request{table: tables[i%len(tables)], dialect: o.Dialect}
			for ctx.Err() == nil {
				n := next.Add(1) - 1
				if n >= writes {
					return
				}
				count, err := w.write(ctx, n/writesPerGroup, n%writesPerGroup*perWrite, perWrite)
				if err != nil {
					cancel(err)
					return
				}
				progress(rows.Add(count))
			}
		}()
	}
	workers.Wait()
	if err := context.Cause(ctx); err != nil {
		return Loaded{}, fmt.Errorf("bench: load: %w", err)
	}
	took := time.Since(began).Seconds()
	return Loaded{Rows: rows.Load(), Seconds: took, RowsPerSecond: float64(rows.Load()) / took}, nil
}

// loader writes rows one request at a time.
type loader struct {
	options *Options
	layout  *layout
	rng     *rand.Rand
	request request
	wait    chan outcome
}

// write stores members [first, first+most) of a group, as far as they exist, and returns how many did.
func (w *loader) write(ctx context.Context, group, first, most int64) (int64, error) {
	count := min(most, w.layout.group-first, w.options.Rows-group*w.layout.group-first)
	if count <= 0 {
		return 0, nil
	}
	w.request.setRow(w.layout, group*w.layout.group+first, false)
	value := func() []byte { return w.layout.value(w.rng) }
	var op client.Op
	if w.layout.group == 1 {
		op = w.request.set(value())
	} else {
		op = w.request.multiSet(w.layout, first, int(count), value)
	}
	var last outcome
	for range loadTriesMax {
		w.request.table.Go(op, w.request.hashOf(), w.request.body, loadTimeoutMs, func(code base.ErrorCode, body []byte) {
			w.wait <- judge(op, code, body)
		})
		if last = <-w.wait; last.failure == "" {
			return count, nil
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(failurePause):
		}
	}
	return 0, fmt.Errorf("%v of row %d failed %d times: %s", op, group*w.layout.group+first, loadTriesMax, last.failure)
}
