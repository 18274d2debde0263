package bench

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/gen-go/base"
)

// failurePause keeps a caller whose operation failed at once from asking again at once, and from recursing.
const failurePause = time.Millisecond

// traffic is what the callers of a run share.
type traffic struct {
	options  *Options
	workload workload
	layout   *layout
	counters *layout
	people   population
	records  recorder
	stopping atomic.Bool
	idle     chan struct{} // receives once per caller that stopped

	began    time.Time     // open loop: operation 0 is due then
	interval time.Duration // open loop: between two operations; 0 in a closed loop
	issued   atomic.Int64  // open loop: operations taken by callers
}

// caller keeps one operation in flight. Its methods run one at a time: on the goroutine that starts it, then on whatever
// goroutine reports the end of its operation.
type caller struct {
	*traffic
	index   int
	rng     *rand.Rand
	chooser chooser
	request request
	onDone  client.Done

	kind    kind
	op      client.Op
	writing bool // second half of a read-modify-write
	started time.Time
	ended   chan struct{} // open loop: the operation is over
}

func newCaller(t *traffic, index int, table *client.Table, choose chooser) *caller {
	c := &caller{traffic: t, index: index, chooser: choose}
	c.rng = rand.New(rand.NewPCG(t.options.Seed, uint64(index)+1))
	c.request = request{table: table, dialect: t.options.Dialect}
	c.onDone = c.done
	if t.interval > 0 {
		c.ended = make(chan struct{}, 1)
	}
	return c
}

// next starts the caller's next operation, or ends the caller.
func (c *caller) next() {
	if c.stopping.Load() {
		c.idle <- struct{}{}
		return
	}
	c.started = time.Now()
	c.issue()
}

// paced is a caller's life in an open loop.
func (c *caller) paced() {
	for !c.stopping.Load() {
		due := c.began.Add(time.Duration(c.issued.Add(1)-1) * c.interval)
		time.Sleep(time.Until(due))
		if c.stopping.Load() {
			break
		}
		c.started = due
		c.issue()
		<-c.ended
	}
	c.idle <- struct{}{}
}

// issue draws an operation and sends it.
func (c *caller) issue() {
	c.kind, c.writing = c.workload.draw(c.rng), false
	missing := false
	var row int64
	switch {
	case c.kind == kindInsert:
		row = c.people.insert()
	default:
		row = c.chooser.next(c.rng)
		missing = c.kind == kindGet && c.options.MissShare > 0 && c.rng.Float64() < c.options.MissShare
	}
	if c.kind == kindIncr {
		c.request.setRow(c.counters, row, false)
	} else {
		c.request.setRow(c.layout, row, missing)
	}
	c.build()
	c.send()
}

// build writes the request of the drawn kind into the caller's buffers.
func (c *caller) build() {
	value := func() []byte { return c.layout.value(c.rng) }
	rows := c.options.Batch
	if c.workload.lengths {
		rows = 1 + c.rng.IntN(c.options.Batch)
	}
	switch c.kind {
	case kindGet, kindReadModifyWrite:
		c.op = c.request.get()
	case kindSet, kindInsert:
		c.op = c.request.set(value())
	case kindMultiGet:
		c.op = c.request.multiGet(rows)
	case kindMultiSet:
		c.op = c.request.multiSet(c.layout, 0, rows, value)
	case kindScan:
		c.op = c.request.scan(rows)
	case kindIncr:
		c.op = c.request.incr(1)
	case kindCheckAndSet:
		c.op = c.request.checkAndSet(value())
	}
}

func (c *caller) send() {
	c.request.table.Go(c.op, c.request.hashOf(), c.request.body, c.options.TimeoutMs, c.onDone)
}

// done takes the answer. It runs on a connection's goroutine.
func (c *caller) done(code base.ErrorCode, body []byte) {
	result := judge(c.op, code, body)
	if result.failure == "" && c.kind == kindReadModifyWrite && !c.writing {
		c.writing = true
		c.op = c.request.set(c.layout.value(c.rng))
		c.send()
		return
	}
	if c.kind == kindMultiSet {
		result.rows = c.options.Batch
	}
	took := time.Since(c.started)
	c.records.record(c.index, c.kind, took, result)
	if c.options.Observe != nil {
		c.options.Observe(Observation{c.kind.String(), c.started, took, result.failure})
	}
	switch {
	case c.ended != nil:
		c.ended <- struct{}{}
	case result.failure != "":
		time.AfterFunc(failurePause, c.next)
	default:
		c.next()
	}
}
