package replica

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pegasus-go/pegasus/internal/host"
)

// TestWorkersBounds: no more jobs run at once than there may be workers, no more wait than the queue holds, and what was
// accepted is done, after close too.
func TestWorkersBounds(t *testing.T) {
	w := newWorkers(host.System, 2, 3)
	hold := make(chan struct{})
	var running, most, done atomic.Int64
	var wg sync.WaitGroup
	job := func() {
		defer wg.Done()
		if n := running.Add(1); n > most.Load() {
			most.Store(n)
		}
		<-hold
		running.Add(-1)
		done.Add(1)
	}
	accepted := 0
	for range 9 {
		wg.Add(1)
		if w.run(job) {
			accepted++
		} else {
			wg.Done()
		}
	}
	if accepted != 5 {
		t.Errorf("%d of 9 jobs accepted, want 2 running and 3 waiting", accepted)
	}
	close(hold)
	wg.Wait()
	if done.Load() != 5 || most.Load() > 2 {
		t.Errorf("%d jobs done, %d at once", done.Load(), most.Load())
	}
	for range 100 { // idle workers take jobs again
		wg.Add(1)
		if !w.run(job) {
			t.Fatal("refused with nothing to do")
		}
		wg.Wait()
	}
	w.close()
	wg.Add(1)
	if !w.run(job) {
		t.Fatal("refused after close")
	}
	wg.Wait()
}
