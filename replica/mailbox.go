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
}

// mailbox is the queue in front of a partition's loop. It is bounded by what feeds it: writes by
// Options.WriteBytesWaitingMax, messages by the connections' in-flight limits.
type mailbox struct {
	mu     sync.Mutex
	items  []item
	closed bool
	wake   chan struct{}
	on     host.Host
}

func newMailbox(on host.Host) *mailbox { return &mailbox{wake: make(chan struct{}, 1), on: on} }

// put appends items; false when the loop has ended.
func (m *mailbox) put(items ...item) bool {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return false
	}
	first := len(m.items) == 0
	m.items = append(m.items, items...)
	m.mu.Unlock()
	if first {
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
		if len(m.items) > 0 {
			out := m.items
			m.items = spare[:0]
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
