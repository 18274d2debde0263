package seeded

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/pegasus-go/pegasus/internal/host"
)

// Node is one life of one machine: the host of a server or of a client. Its clocks may run fast or
// slow, and its wall clock may jump.
type Node struct {
	w    *World
	name string

	rate    float64       // of its clocks against true time
	since   time.Duration // true time when rate was set
	elapsed time.Duration // by its own clock, at since
	skew    time.Duration // of the wall clock against elapsed

	tasks   []*task // those that wait
	backlog []runnable
	paused  bool
	gone    bool        // nothing of it runs any more
	over    atomic.Bool // its program is dead, what it logs is nobody's business
	hurry   bool        // it is being taken apart: every wait with an end is over at once
}

var _ host.Host = (*Node)(nil)

func (w *World) node(name string) *Node {
	return &Node{w: w, name: name, rate: 1, since: w.now, elapsed: w.now}
}

// Elapsed implements host.Host.
func (n *Node) Elapsed() time.Duration {
	return n.elapsed + time.Duration(float64(n.w.now-n.since)*n.rate)
}

// Now implements host.Host.
func (n *Node) Now() time.Time { return epoch.Add(n.Elapsed() + n.skew) }

// setRate changes the speed of its clocks.
func (n *Node) setRate(rate float64) {
	n.elapsed, n.since, n.rate = n.Elapsed(), n.w.now, rate
}

// trueTime is how long d of this node's time takes.
func (n *Node) trueTime(d time.Duration) time.Duration {
	if n.hurry {
		return 0
	}
	return time.Duration(float64(d)/n.rate) + 1
}

// task is a goroutine of the simulated program. Control goes back and forth between it and the
// world, so that only one of all runs.
type task struct {
	n      *Node
	next   func() (struct{}, bool)
	yield  func(struct{}) bool
	waits  []<-chan struct{}
	one    [1]<-chan struct{} // backs waits for Recv
	parked bool
	turn   uint64 // counts waits, so that a timer of an earlier one is recognised
	result int
}

// Go implements host.Host.
func (n *Node) Go(f func()) {
	if n.gone {
		return
	}
	t := &task{n: n}
	t.next, _ = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		f()
	})
	n.w.ready = append(n.w.ready, runnable{node: n, task: t})
}

func (w *World) resume(t *task) {
	before := w.cur
	w.cur = t
	t.next()
	w.cur = before
}

// AfterFunc implements host.Host.
func (n *Node) AfterFunc(d time.Duration, f func()) { n.w.at(n.trueTime(d), n, f) }

// WithTimeout implements host.Host.
func (n *Node) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	if !n.hurry {
		n.w.at(n.trueTime(d), n, cancel)
	}
	return ctx, cancel
}

// Recv implements host.Host.
func (n *Node) Recv(ch <-chan struct{}) {
	select {
	case <-ch:
		return
	default:
	}
	t := n.current()
	t.one[0] = ch
	t.park(t.one[:])
}

// Wait implements host.Host.
func (n *Node) Wait(d time.Duration, on ...<-chan struct{}) int {
	if i := poll(on); i >= 0 {
		return i
	}
	if d <= 0 {
		return host.TimedOut
	}
	t := n.current()
	if d != host.Forever {
		turn := t.turn
		n.w.at(n.trueTime(d), n, func() { t.timeOut(turn) })
	}
	return t.park(on)
}

func (n *Node) current() *task {
	if n.w.cur == nil || n.w.cur.n != n {
		panic(fmt.Sprintf("%s waits outside of its tasks", n.name))
	}
	return n.w.cur
}

// poll receives from the first channel that delivers.
func poll(on []<-chan struct{}) int {
	for i, ch := range on {
		select {
		case <-ch:
			return i
		default:
		}
	}
	return host.TimedOut
}

// park gives control back to the world until a channel delivers or the time is over.
func (t *task) park(on []<-chan struct{}) int {
	t.waits, t.parked = on, true
	t.n.tasks = append(t.n.tasks, t)
	t.yield(struct{}{})
	return t.result
}

// ready ends a wait.
func (t *task) ready(result int) {
	t.result, t.waits, t.parked = result, nil, false
	t.turn++
	t.n.w.ready = append(t.n.w.ready, runnable{node: t.n, task: t})
}

func (t *task) timeOut(turn uint64) {
	if t.turn != turn || !t.parked {
		return
	}
	n := t.n
	for i, other := range n.tasks {
		if other == t {
			n.tasks = append(n.tasks[:i], n.tasks[i+1:]...)
			break
		}
	}
	t.ready(host.TimedOut)
}

// wake readies the tasks whose channels deliver.
func (n *Node) wake() {
	kept := n.tasks[:0]
	for _, t := range n.tasks {
		if i := poll(t.waits); i >= 0 {
			t.ready(i)
			continue
		}
		kept = append(kept, t)
	}
	clear(n.tasks[len(kept):])
	n.tasks = kept
}

// pause stops everything on the node; its clocks go on.
func (n *Node) pause() { n.paused = true }

func (n *Node) resume() {
	n.paused = false
	n.w.ready = append(n.w.ready, n.backlog...)
	n.backlog = nil
}
