package rpc

import "time"

// tickMs is how exact timeouts are: a call ends within two ticks after its time.
const tickMs = 10

// wheelSlots times tickMs is how far one turn reaches; a call with a longer timeout is looked at
// once per turn.
const wheelSlots = 512

// wheel holds the calls of a connection by deadline. Everything but advance costs constant time.
//
// Invariant: a call is in slot deadline mod wheelSlots, and its deadline is later than at.
type wheel struct {
	at    int64 // tick up to which calls have been ended
	slots [wheelSlots]*pending
}

func (w *wheel) add(e *pending) {
	head := &w.slots[uint64(e.deadline)%wheelSlots]
	e.prev, e.next = nil, *head
	if *head != nil {
		(*head).prev = e
	}
	*head = e
}

func (w *wheel) remove(e *pending) {
	if e.next != nil {
		e.next.prev = e.prev
	}
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		w.slots[uint64(e.deadline)%wheelSlots] = e.next
	}
	e.prev, e.next = nil, nil
}

// advance removes every call whose deadline is now or earlier and gives it to late.
func (w *wheel) advance(now int64, late func(*pending)) {
	from := max(w.at+1, now-wheelSlots+1)
	for t := from; t <= now; t++ {
		for e := w.slots[uint64(t)%wheelSlots]; e != nil; {
			next := e.next
			if e.deadline <= now {
				w.remove(e)
				late(e)
			}
			e = next
		}
	}
	w.at = max(w.at, now)
}

// tick is the time since the pool was made.
func (p *Pool) tick() int64 { return int64(time.Since(p.epoch)) / (tickMs * int64(time.Millisecond)) }

// Times of the timer when no call waits.
const (
	timerRest  = time.Second      // before it rests
	timerCheck = 30 * time.Second // between looks for idle connections
)

// keepTime is the pool's only timer. It rests while no call waits.
func (p *Pool) keepTime() {
	defer p.wg.Done()
	ticker := time.NewTicker(tickMs * time.Millisecond)
	defer ticker.Stop()
	p.timing.Store(true)
	var conns []*clientConn
	var late []Done
	quiet := time.Now()
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-ticker.C:
		}
		busy := false
		conns = p.all(conns[:0], nil)
		for i, c := range conns {
			var b bool
			b, late = c.expire(p.tick(), late)
			busy = busy || b
			conns[i] = nil
		}
		switch {
		case busy:
			quiet = time.Now()
		case time.Since(quiet) > timerRest:
			ticker.Stop()
			if !p.rest() {
				return
			}
			ticker.Reset(tickMs * time.Millisecond)
			quiet = time.Now()
		}
	}
}

// rest waits until a call is made or it is time to look again; false when the pool is closed.
func (p *Pool) rest() bool {
	p.timing.Store(false)
	defer p.timing.Store(true)
	for _, c := range p.all(nil, nil) { // a call made before timing was false did not wake us
		c.out.mu.Lock()
		busy := len(c.calls) > 0
		c.out.mu.Unlock()
		if busy {
			return true
		}
	}
	timer := time.NewTimer(timerCheck)
	defer timer.Stop()
	select {
	case <-p.wake:
	case <-timer.C:
	case <-p.ctx.Done():
		return false
	}
	return true
}

func (p *Pool) wakeTimer() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}
