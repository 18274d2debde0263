package replica

import (
	"sync"

	"github.com/pegasus-go/pegasus/internal/host"
)

// workers bounds the goroutines that serve long reads; what does not fit at once waits in the
// queue, what does not fit there is refused. A few workers stay: their stacks have grown to what reads need, and growing
// another costs as much as a short scan.
type workers struct {
	on host.Host
	// panicked is told what a job panicked with; nil ignores it.
	panicked func(any)
	max      int // workers
	queueMax int // jobs

	mu     sync.Mutex
	count  int
	idle   []*worker // the one that waits the shortest last
	queue  []func()
	closed bool
}

// workersIdleMax bounds the workers that stay without a job.
const workersIdleMax = 16

// worker is one goroutine. It is idle, or has got a job.
type worker struct {
	job  func()
	wake chan struct{}
}

func newWorkers(on host.Host, running, waiting int) *workers {
	return &workers{on: on, max: running, queueMax: waiting}
}

// run starts f, now or when another ends; false when the queue is full.
func (w *workers) run(f func()) bool {
	w.mu.Lock()
	if n := len(w.idle); n > 0 {
		one := w.idle[n-1]
		w.idle[n-1] = nil
		w.idle = w.idle[:n-1]
		one.job = f
		w.mu.Unlock()
		one.wake <- struct{}{}
		return true
	}
	defer w.mu.Unlock()
	switch {
	case w.count < w.max:
		w.count++
		one := &worker{job: f, wake: make(chan struct{}, 1)}
		w.on.Go(func() { w.work(one) })
		return true
	case len(w.queue) < w.queueMax:
		w.queue = append(w.queue, f)
		return true
	}
	return false
}

func (w *workers) work(one *worker) {
	for ok := true; ok; ok = w.next(one) {
		w.do(one.job)
	}
}

// next waits for the worker's next job; false when there is none and it ends.
func (w *workers) next(one *worker) bool {
	w.mu.Lock()
	one.job = nil
	switch {
	case len(w.queue) > 0:
		one.job = w.queue[0]
		w.queue[0] = nil
		w.queue = w.queue[1:]
		w.mu.Unlock()
		return true
	case w.closed || len(w.idle) >= workersIdleMax:
		w.count--
		w.mu.Unlock()
		return false
	}
	w.idle = append(w.idle, one)
	w.mu.Unlock()
	w.on.Recv(one.wake)
	return one.job != nil // close wakes without a job
}

// close lets idle workers go; the others end with their jobs.
func (w *workers) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for _, one := range w.idle {
		one.wake <- struct{}{}
	}
	w.count -= len(w.idle)
	w.idle = nil
}

// do runs one job; its panic is its own.
func (w *workers) do(f func()) {
	defer func() {
		if r := recover(); r != nil && w.panicked != nil {
			w.panicked(r)
		}
	}()
	f()
}
