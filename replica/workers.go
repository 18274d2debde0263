package replica

import "github.com/pegasus-go/pegasus/internal/host"

// workers bounds the goroutines that serve long reads; what does not fit at once waits in the
// queue, what does not fit there is refused.
type workers struct {
	on    host.Host
	slots chan struct{}
	queue chan func()
	// panicked is told what a job panicked with; nil ignores it.
	panicked func(any)
}

func newWorkers(on host.Host, running, waiting int) *workers {
	return &workers{on: on, slots: make(chan struct{}, running), queue: make(chan func(), waiting)}
}

// run starts f, now or when another ends; false when the queue is full.
func (w *workers) run(f func()) bool {
	select {
	case w.slots <- struct{}{}:
		w.on.Go(func() { w.work(f) })
		return true
	default:
	}
	select {
	case w.queue <- f:
	default:
		return false
	}
	// A worker may have ended between the two; then this one takes over.
	select {
	case w.slots <- struct{}{}:
		w.on.Go(func() { w.work(nil) })
	default:
	}
	return true
}

func (w *workers) work(f func()) {
	defer func() { <-w.slots }()
	if f != nil {
		w.do(f)
	}
	for {
		select {
		case f := <-w.queue:
			w.do(f)
		default:
			return
		}
	}
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
