package replica

import (
	"sync"

	"github.com/pegasus-go/pegasus/internal/host"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/rpc"
)

// item is what a partition's loop takes from its mailbox: an event, a write or a message together
// with the request to answer, or a piece of work that must not run beside the core.
type item struct {
	event pacifica.Event
	req   *rpc.Request
	bytes int // of a write, counted in Server.writeBytes until it is answered
	run   func()
	all   *arrivals // of an event that its mutation waits for together with others
}

// mailbox is the queue in front of a partition's loop. It is bounded by what feeds it: writes by
// Options.WriteBytesWaitingMax, messages by the connections' in-flight limits.
type mailbox struct {
	mu     sync.Mutex
	items  []item
	woken  bool // the loop is to take the items; it may not have begun yet
	closed bool
	wake   chan struct{}
	on     host.Host
}

func newMailbox(on host.Host) *mailbox { return &mailbox{wake: make(chan struct{}, 1), on: on} }

// put appends items and lets the loop take all there are; false when the loop has ended.
func (m *mailbox) put(items ...item) bool { return m.add(true, items) }

// arrive appends what mutations wait for. The loop gets a turn if it is urgent, or the last that one of them waits for; otherwise
// the items lie until it has another reason for one.
func (m *mailbox) arrive(urgent bool, items ...item) {
	m.add(urgent, items)
	last := false
	for i := range items { // only now: whoever is the last must find the others in the mailbox
		last = items[i].all.last() || last
	}
	if last { // also after an urgent one: what it waited for may have come since
		m.add(true, nil)
	}
}

// nudge gives the loop a turn when something lies: what it waits for may take long, or not matter any more.
func (m *mailbox) nudge() {
	m.mu.Lock()
	lies := len(m.items) > 0 && !m.woken
	m.mu.Unlock()
	if lies {
		m.add(true, nil)
	}
}

func (m *mailbox) add(turn bool, items []item) bool {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return false
	}
	m.items = append(m.items, items...)
	wake := turn && !m.woken
	m.woken = m.woken || turn
	m.mu.Unlock()
	if wake {
		select {
		case m.wake <- struct{}{}:
		default:
		}
	}
	return true
}

// take waits for items and returns all of them; spare is reused for the next ones.
func (m *mailbox) take(spare []item) []item {
	for {
		m.mu.Lock()
		if m.woken {
			out := m.items
			m.items, m.woken = spare[:0], false
			m.mu.Unlock()
			return out
		}
		m.mu.Unlock()
		m.on.Recv(m.wake)
	}
}

// close ends the mailbox and returns what was left in it.
func (m *mailbox) close() []item {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	left := m.items
	m.items = nil
	return left
}
