package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/rpc"
)

const (
	progressEvery = time.Second
	drainWait     = 15 * time.Second // for operations in flight when the time is over
)

// Run loads the table if the workload reads, runs the workload and reports. The context ends it early, with an error.
func Run(ctx context.Context, o Options) (*Result, error) {
	if err := o.setDefaults(); err != nil {
		return nil, err
	}
	w, err := o.plan()
	if err != nil {
		return nil, err
	}
	conns, err := connect(ctx, &o)
	if err != nil {
		return nil, err
	}
	defer conns.close()
	group := int64(o.RowsPerKey)
	if w.any(kind.grouped) {
		group = int64(o.Batch)
	}
	result := newResult(&o, &w, conns.tables[0].PartitionCount())
	t := &traffic{options: &o, workload: w, layout: newLayout(group, o.ValueBytes, o.Seed), idle: make(chan struct{}, o.Callers)}
	counters := *t.layout
	counters.prefix = counterPrefix
	t.counters = &counters
	t.people.rows.Store(o.Rows)
	if !o.SkipLoad {
		p := newProgress(&o)
		loaded, err := load(ctx, &o, t.layout, conns.tables, func(done int64) { p.loading(done, o.Rows) })
		p.end()
		if err != nil {
			return nil, err
		}
		result.Load = &loaded
	}
	if o.LoadOnly {
		return result, nil
	}
	return result, t.run(ctx, conns, result)
}

// connections are the clients of a run; each has one connection per server.
type connections struct {
	pools   []*rpc.Pool
	clients []*client.Client
	tables  []*client.Table
}

func connect(ctx context.Context, o *Options) (*connections, error) {
	c := &connections{}
	quiet := slog.New(slog.DiscardHandler)
	for len(c.tables) < o.Connections {
		pool := rpc.NewPool(rpc.PoolOptions{Dialect: o.Dialect, Logger: quiet})
		c.pools = append(c.pools, pool)
		one, err := client.New(o.Metas, client.Options{Dialect: o.Dialect, DialectSet: true, Pool: pool, Logger: quiet})
		if err != nil {
			c.close()
			return nil, fmt.Errorf("bench: %w", err)
		}
		c.clients = append(c.clients, one)
		table, err := one.Open(ctx, o.Table)
		if err != nil {
			c.close()
			return nil, fmt.Errorf("bench: open table %s: %w", o.Table, err)
		}
		c.tables = append(c.tables, table)
		if o.InFlight > 0 {
			perClient := o.InFlight * primaries(table)
			o.Connections = min(max(1, (o.Callers+perClient/2)/perClient), connectionsMax)
		}
	}
	return c, nil
}

// primaries is the number of servers that are primary of a partition: a client has so many connections.
func primaries(table *client.Table) int {
	servers := map[string]bool{}
	for i := range table.PartitionCount() {
		servers[table.Primary(i).String()] = true
	}
	return max(1, len(servers))
}

func (c *connections) close() {
	for _, one := range c.clients {
		one.Close()
	}
	for _, pool := range c.pools {
		pool.Close()
	}
}

// run is warm-up and measurement.
func (t *traffic) run(ctx context.Context, conns *connections, result *Result) error {
	o := t.options
	servers := watchServers(ctx, conns.clients[0], o)
	if o.RatePerSecond > 0 {
		t.interval = time.Duration(float64(time.Second) / o.RatePerSecond)
	}
	if err := t.start(conns); err != nil {
		return err
	}
	progress := newProgress(o)
	var discarded, measured tally
	t.wait(ctx, o.Warmup, "warm-up", progress, &discarded)
	t.records.take() // whatever ended since the last look still belongs to the warm-up
	servers.begin(ctx)
	began := time.Now()
	t.wait(ctx, o.Duration, "measuring", progress, &measured)
	rest := t.records.take()
	measured.merge(&rest)
	took := time.Since(began)
	server := servers.end(ctx)
	progress.end()
	drained := t.drain()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("bench: interrupted: %w", err)
	}
	result.fill(&measured, took)
	result.Server = server.perOperation(result.Operations)
	if !drained {
		return errors.New("bench: operations were still unanswered long after the end")
	}
	return nil
}

// start sets all callers off.
func (t *traffic) start(conns *connections) error {
	var zipf *zipfTable
	if t.workload.distribution == Zipfian || t.workload.distribution == Latest {
		zipf = newZipfTable(t.options.Rows)
	}
	var sequence atomic.Int64
	callers := make([]*caller, t.options.Callers)
	for i := range callers {
		choose, err := newChooser(t.workload.distribution, &t.people, zipf, &sequence)
		if err != nil {
			return err
		}
		callers[i] = newCaller(t, i, conns.tables[i%len(conns.tables)], choose)
	}
	t.began = time.Now()
	for _, c := range callers {
		if t.interval > 0 {
			go c.paced()
		} else {
			c.next()
		}
	}
	return nil
}

// wait lets the callers work for a while, collects what they record and reports progress.
func (t *traffic) wait(ctx context.Context, long time.Duration, phase string, p *progress, into *tally) {
	end := time.NewTimer(long)
	defer end.Stop()
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	began := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-end.C:
			return
		case <-tick.C:
			part := t.records.take()
			p.working(phase, time.Since(began), long, &part)
			into.merge(&part)
		}
	}
}

// drain stops the callers and waits for their operations in flight.
func (t *traffic) drain() bool {
	t.stopping.Store(true)
	late := time.After(drainWait)
	for range t.options.Callers {
		select {
		case <-t.idle:
		case <-late:
			return false
		}
	}
	return true
}

// progress writes one line per second, over the last one on a terminal.
type progress struct {
	out  io.Writer
	over bool
	last atomic.Int64 // when the load's line was last written, in Unix ns
	open atomic.Bool  // a line was begun
}

func newProgress(o *Options) *progress { return &progress{out: o.Progress, over: o.Overwrite} }

func (p *progress) loading(done, all int64) {
	now, last := time.Now().UnixNano(), p.last.Load()
	if now-last < int64(progressEvery) && done < all || !p.last.CompareAndSwap(last, now) {
		return
	}
	p.line("loading    %d of %d rows (%d %%)", done, all, 100*done/all)
}

func (p *progress) working(phase string, passed, long time.Duration, part *tally) {
	h := part.all()
	p.line("%-10s %3.0f/%.0f s  %8d ops/s  p99 %8s  errors %d", phase, passed.Seconds(), long.Seconds(),
		int64(float64(h.TotalCount())/progressEvery.Seconds()), microseconds(h.ValueAtQuantile(99)), part.errorCount())
}

func (p *progress) line(format string, args ...any) {
	if !p.over {
		fmt.Fprintf(p.out, format+"\n", args...)
		return
	}
	p.open.Store(true)
	fmt.Fprintf(p.out, "\r%-78s", fmt.Sprintf(format, args...))
}

func (p *progress) end() {
	if p.open.Swap(false) {
		fmt.Fprintln(p.out)
	}
}
