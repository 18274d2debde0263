package seeded

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// epoch is the wall clock when a run begins.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// World is time and chance: one thread, a clock that jumps from event to event, and a generator that
// makes every choice.
type World struct {
	rng   *rand.Rand
	now   time.Duration // since the run began; true time, which no node sees
	seq   uint64
	queue eventQueue
	ready []runnable
	cur   *task // whose code runs; nil while an event or the driver runs
	trace *Trace
	fault error // the first violation

	mu     sync.Mutex
	posted []runnable // by threads outside of the simulation (the engine's)
}

// runnable is what waits for its turn: a task to go on, or a function.
type runnable struct {
	node *Node
	task *task
	fn   func()
}

func newWorld(seed uint64, trace *Trace) *World {
	return &World{rng: rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)), trace: trace}
}

// at runs fn for node after a true time d; node may be nil.
func (w *World) at(d time.Duration, node *Node, fn func()) {
	w.seq++
	w.queue.push(event{at: w.now + max(d, 0), seq: w.seq, node: node, fn: fn})
}

// run lets time pass until the true time end, or until done says so.
func (w *World) run(end time.Duration, done func() bool) {
	for w.fault == nil {
		w.settle()
		if done != nil && done() {
			return
		}
		if len(w.queue) == 0 || w.queue[0].at > end {
			w.now = end
			return
		}
		e := w.queue.pop()
		w.now = e.at
		w.step(runnable{node: e.node, fn: e.fn})
	}
}

// settle runs whatever can run at this instant, in an order of chance.
func (w *World) settle() {
	for len(w.ready) > 0 && w.fault == nil {
		i := 0
		if len(w.ready) > 1 {
			i = w.rng.IntN(len(w.ready))
		}
		r := w.ready[i]
		last := len(w.ready) - 1
		copy(w.ready[i:], w.ready[i+1:])
		w.ready[last] = runnable{}
		w.ready = w.ready[:last]
		w.step(r)
	}
}

// step runs one runnable and wakes who waited for what it did.
func (w *World) step(r runnable) {
	n := r.node
	switch {
	case n != nil && n.gone:
		return
	case n != nil && n.paused:
		n.backlog = append(n.backlog, r)
		return
	case r.task != nil:
		w.resume(r.task)
	default:
		r.fn()
	}
	w.takePosted()
	if n != nil {
		n.wake()
	}
}

func (w *World) takePosted() {
	w.mu.Lock()
	posted := w.posted
	w.posted = nil
	w.mu.Unlock()
	w.ready = append(w.ready, posted...)
}

// post lets a thread outside of the simulation say something to a node.
func (w *World) post(n *Node, fn func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.posted = append(w.posted, runnable{node: n, fn: fn})
}

// drainStepsMax bounds the events that taking a node apart may need.
const drainStepsMax = 1_000_000

// drain runs a node that is taken apart until done, while the time of the others stands still.
func (w *World) drain(n *Node, done func() bool) {
	n.hurry = true
	n.resume()
	for steps := 0; w.fault == nil; steps++ {
		w.settle()
		if done() {
			break
		}
		e, ok := w.queue.takeFirst(n)
		if !ok || steps == drainStepsMax {
			w.fail("%s does not stop", n.name)
			return
		}
		w.step(runnable{node: e.node, fn: e.fn})
	}
}

// fail ends the run: something that must never happen did.
func (w *World) fail(format string, args ...any) {
	if w.fault == nil {
		w.fault = fmt.Errorf(format, args...)
		w.trace.line(w.now, "VIOLATION %v", w.fault)
	}
}

// between draws a duration in [lo, hi].
func (w *World) between(lo, hi time.Duration) time.Duration {
	return lo + time.Duration(w.rng.Int64N(int64(hi-lo)+1))
}

// chance is true in percent of a hundred cases.
func (w *World) chance(percent int) bool { return w.rng.IntN(100) < percent }

// pick draws one of a list, which is not empty.
func pick[T any](w *World, list []T) T { return list[w.rng.IntN(len(list))] }

type event struct {
	at   time.Duration
	seq  uint64
	node *Node
	fn   func()
}

// eventQueue is a heap by time, then by order of creation.
type eventQueue []event

func (q eventQueue) less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}

func (q *eventQueue) push(e event) {
	*q = append(*q, e)
	h := *q
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if !h.less(i, up) {
			break
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
}

func (q *eventQueue) pop() event {
	h := *q
	top, last := h[0], len(h)-1
	h[0], h[last] = h[last], event{}
	h = h[:last]
	*q = h
	for i := 0; ; {
		down := 2*i + 1
		if down >= last {
			break
		}
		if down+1 < last && h.less(down+1, down) {
			down++
		}
		if !h.less(down, i) {
			break
		}
		h[i], h[down] = h[down], h[i]
		i = down
	}
	return top
}

// takeFirst removes the event of one node that was made first, so that a loop which waits for no time
// does not hold up a timer that would end it.
func (q *eventQueue) takeFirst(n *Node) (event, bool) {
	best := -1
	for i := range *q {
		if (*q)[i].node == n && (best < 0 || (*q)[i].seq < (*q)[best].seq) {
			best = i
		}
	}
	if best < 0 {
		return event{}, false
	}
	rest := make(eventQueue, 0, len(*q))
	for i, e := range *q {
		if i != best {
			rest.push(e)
		}
	}
	e := (*q)[best]
	*q = rest
	return e, true
}
