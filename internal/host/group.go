package host

import "sync"

// Group is goroutines that somebody waits for, like sync.WaitGroup. The zero value runs on System.
type Group struct {
	// On is where they run; set before first use.
	On Host

	mu   sync.Mutex
	n    int
	idle chan struct{} // made by somebody who waits, closed when n falls to 0
}

func (g *Group) host() Host {
	if g.On == nil {
		return System
	}
	return g.On
}

// Go runs f as part of the group.
func (g *Group) Go(f func()) {
	g.mu.Lock()
	g.n++
	g.mu.Unlock()
	g.host().Go(func() {
		defer g.done()
		f()
	})
}

func (g *Group) done() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.n--; g.n == 0 && g.idle != nil {
		close(g.idle)
		g.idle = nil
	}
}

// Wait returns when no function of the group runs.
func (g *Group) Wait() {
	g.mu.Lock()
	if g.n == 0 {
		g.mu.Unlock()
		return
	}
	if g.idle == nil {
		g.idle = make(chan struct{})
	}
	idle := g.idle
	g.mu.Unlock()
	g.host().Recv(idle)
}

// Slots bounds how much happens at once.
type Slots chan struct{}

// NewSlots makes n slots.
func NewSlots(n int) Slots {
	s := make(Slots, n)
	for range n {
		s <- struct{}{}
	}
	return s
}

// Take waits for a slot; false when done came first.
func (s Slots) Take(h Host, done <-chan struct{}) bool { return h.Wait(Forever, s, done) == 0 }

// Release gives a slot back.
func (s Slots) Release() { s <- struct{}{} }

// Mutex is a lock that may be held while its owner waits.
type Mutex struct{ slot Slots }

// NewMutex makes an open lock.
func NewMutex() Mutex { return Mutex{slot: NewSlots(1)} }

// Lock waits for the lock.
func (m Mutex) Lock(h Host) { h.Recv(m.slot) }

// Unlock opens it.
func (m Mutex) Unlock() { m.slot.Release() }
