package zkmeta

import (
	"context"
	"errors"
	"sync"
	"time"
)

// zkLease is leadership through a lock node.
//
// A proof is a read of the lock node that the server answered: the server cannot
// expire the session before the session timeout has passed since the read was
// sent. The lease ends when the last proof is older than two thirds of that, so
// with room to spare before another candidate can win.
type zkLease struct {
	z       *ZooKeeper
	name    string // of the lock node in its directory
	node    string // its path
	session int64

	pokes chan struct{} // capacity 1: prove again now
	lost  chan struct{}
	ended chan struct{} // deleting the lock node was tried

	mu     sync.Mutex
	proof  time.Time
	isLost bool
}

func newZKLease(z *ZooKeeper, name string, session int64, proof time.Time) *zkLease {
	return &zkLease{
		z: z, name: name, node: Join(z.lockDir, name), session: session, proof: proof,
		pokes: make(chan struct{}, 1),
		lost:  make(chan struct{}), ended: make(chan struct{}),
	}
}

func (l *zkLease) Lost() <-chan struct{} { return l.lost }

func (l *zkLease) Valid() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.isLost && l.remaining() > 0
}

// remaining is how long the last proof still holds. The caller holds mu.
func (l *zkLease) remaining() time.Duration {
	return l.z.sessionTimeout()*2/3 - time.Since(l.proof)
}

func (l *zkLease) deadline() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(0, l.remaining())
}

// poke asks for a proof soon. It never blocks.
func (l *zkLease) poke() {
	select {
	case l.pokes <- struct{}{}:
	default:
	}
}

// Resign returns when the lock node is deleted, or that could not be done in
// time; then the node lasts as long as the session.
func (l *zkLease) Resign() {
	l.lose("")
	<-l.ended
}

// lose closes Lost, once. The lock node is deleted afterwards, by run.
func (l *zkLease) lose(reason string) {
	l.mu.Lock()
	first := !l.isLost
	l.isLost = true
	l.mu.Unlock()
	if !first {
		return
	}
	if reason != "" {
		l.z.opts.Logger.Error("zkmeta: leadership ends", "node", l.node, "reason", reason)
	}
	l.z.mu.Lock()
	if l.z.led == l {
		l.z.led = nil
	}
	l.z.mu.Unlock()
	close(l.lost)
}

// run holds the lease and frees the lock afterwards.
func (l *zkLease) run() {
	l.keep()
	gone := l.free()
	close(l.ended)
	for !gone {
		select {
		case <-time.After(campaignRetry):
			gone = l.free()
		case <-l.z.closed:
			return
		}
	}
}

// free deletes the lock node, which would otherwise keep everybody out for as
// long as our session lives. It reports whether that is settled.
func (l *zkLease) free() bool {
	if l.z.conn.SessionID() != l.session {
		return true
	}
	err := l.z.deleteCandidate(context.Background(), l.name)
	if err != nil {
		l.z.opts.Logger.Warn("zkmeta: delete the lock node", "node", l.node, "err", err)
	}
	return err == nil
}

// keep renews the proof until the lease is lost.
func (l *zkLease) keep() {
	interval := max(l.z.sessionTimeout()/8, 20*time.Millisecond)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	results := make(chan string, 1) // of the one probe under way
	probing := false
	changed := l.z.observer.wait()
	for {
		expire := time.NewTimer(l.deadline())
		probe := false
		select {
		case <-l.lost:
		case <-expire.C:
			if l.deadline() == 0 {
				l.lose("the session could not be proven alive in time")
			}
		case reason := <-results:
			probing = false
			if reason != "" {
				l.lose(reason)
			}
		case <-tick.C:
			probe = true
		case <-l.pokes:
			probe = true
		case <-changed:
			changed = l.z.observer.wait()
			probe = true
		}
		expire.Stop()
		if !l.held() {
			return
		}
		if probe && !probing {
			probing = true
			go func() { results <- l.probe(interval * 2) }()
		}
	}
}

func (l *zkLease) held() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.isLost
}

// probe reads the lock node. It returns why leadership is over, or "" when it is
// proven or nothing was learned.
func (l *zkLease) probe(timeout time.Duration) string {
	if l.z.conn.SessionID() != l.session {
		return "the session expired"
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	sent := time.Now()
	c, err := l.z.readCandidate(ctx, l.name)
	switch {
	case errors.Is(err, ErrNotExist):
		return "the lock node was deleted"
	case err != nil:
		return ""
	case c.session != l.session:
		return "the lock node belongs to another session"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.proof = sent
	return ""
}
