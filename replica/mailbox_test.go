package replica

import (
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
	m.add(false, event(1))
	m.add(false, event(2))
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
	m.add(false, event(5))
	if left := m.close(); len(left) != 1 || m.put(event(6)) || m.add(false, event(7)) {
		t.Errorf("%d items were left", len(left))
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
