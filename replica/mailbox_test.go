package replica

import (
	"sync"
	"testing"

	"github.com/pegasus-go/pegasus/internal/host"
	"github.com/pegasus-go/pegasus/replica/pacifica"
)

// What gets no turn waits for the next that does, and keeps its place.
func TestMailboxGivesTurns(t *testing.T) {
	m := newMailbox(host.System)
	took := make(chan []item)
	go func() {
		for range 2 {
			took <- m.take(nil)
		}
	}()
	event := func(n int64) item { return item{event: pacifica.Logged{Decree: n}} }
	never := new(arrivals) // more than arrive
	for range 10 {
		never.expect()
	}
	waitedFor := func(n int64) item { return item{event: pacifica.Logged{Decree: n}, all: never} }
	m.arrive(false, waitedFor(1))
	m.arrive(false, waitedFor(2))
	select {
	case items := <-took:
		t.Fatalf("a turn for %v", items)
	default:
	}
	m.put(event(3))
	for i, it := range <-took {
		if ev := it.event.(pacifica.Logged); ev.Decree != int64(i+1) {
			t.Errorf("event %d in place %d", ev.Decree, i)
		}
	}
	m.put(event(4))
	if items := <-took; len(items) != 1 {
		t.Errorf("%d items", len(items))
	}
	m.arrive(false, waitedFor(5))
	if left := m.close(); len(left) != 1 || m.put(event(6)) || m.add(false, []item{event(7)}) {
		t.Errorf("%d items were left", len(left))
	}
}

// What arrives at the same time is all there when the last of it gives the turn.
func TestArrivalsAtTheSameTime(t *testing.T) {
	const members = 3
	m := newMailbox(host.System)
	var spare []item
	for round := range 2000 {
		all := new(arrivals)
		for range members {
			all.expect()
		}
		var wg sync.WaitGroup
		for range members {
			wg.Go(func() { m.arrive(false, item{all: all}) })
		}
		got := 0
		for got < members { // hangs when something lies without a turn to come
			items := m.take(spare)
			got += len(items)
			spare = items
		}
		if wg.Wait(); got != members {
			t.Fatalf("round %d: %d items", round, got)
		}
	}
}

// Only the last arrival is the last one, in whatever order they come, and none is missed when they come before all are expected.
func TestArrivals(t *testing.T) {
	var none *arrivals
	if !none.last() {
		t.Error("what waits for nothing waits")
	}
	all := new(arrivals)
	for range 3 {
		all.expect()
	}
	if all.last() || all.last() || !all.last() {
		t.Error("not the third of three")
	}
	early := new(arrivals)
	early.expect()
	if !early.last() {
		t.Error("the only one so far")
	}
	early.expect()
	early.expect()
	if early.last() || !early.last() {
		t.Error("not the last of those that came later")
	}
}
