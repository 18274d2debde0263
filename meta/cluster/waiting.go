package cluster

import "slices"

// Partitions that need a secondary may have to wait until the server that should have it takes one
// more learner (Options.AddSecondaryMaxPerNode). They wait in its line, so that the end of one
// learning is followed by the beginning of the next at once, and count as replicas that it will
// have, so that others choose another server.

// waitAgainMs is how long a partition waits for a server, chosen for its load alone, before it chooses again.
const waitAgainMs = 10_000

// wait says in which line a partition stands.
type wait struct {
	on      *Node // nil: in none
	turn    uint64
	sinceMs int64
}

// waitingPartition is a place in a line. It is given up when the partition's wait is another one.
type waitingPartition struct {
	p    *Partition
	turn uint64
}

func (w waitingPartition) stands(n *Node) bool { return w.p.waits.on == n && w.p.waits.turn == w.turn }

// waitFor puts the partition at the end of a server's line, and takes it out of any other.
func (s *State) waitFor(now int64, p *Partition, n *Node) {
	if p.waits.on == n {
		return
	}
	s.stopWaiting(p)
	s.lastTurn++
	p.waits = wait{on: n, turn: s.lastTurn, sinceMs: now}
	n.waiters++
	p.app.tally(n).newPartitions++
	n.total.newPartitions++
	// Places that were given up must not pile up.
	if len(n.waiting) > 2*n.waiters+16 {
		n.waiting = slices.DeleteFunc(n.waiting, func(w waitingPartition) bool { return !w.stands(n) })
	}
	n.waiting = append(n.waiting, waitingPartition{p: p, turn: p.waits.turn})
}

func (s *State) stopWaiting(p *Partition) {
	if n := p.waits.on; n != nil {
		n.waiters--
		p.app.tally(n).newPartitions--
		n.total.newPartitions--
		if n.waiters == 0 {
			n.waiting = nil
		}
		p.waits = wait{}
	}
}

// cureWaiting looks at the partitions whose turn has come since servers were freed of a learner.
func (s *State) cureWaiting(now int64) {
	for len(s.freed) > 0 {
		n := s.freed[0]
		s.freed = s.freed[1:]
		for len(n.waiting) > 0 && s.mayLearn(n.addr) {
			w := n.waiting[0]
			n.waiting = n.waiting[1:]
			if !w.stands(n) {
				continue
			}
			s.cure(now, w.p)
			if w.stands(n) { // it needs something else first
				s.stopWaiting(w.p)
			}
		}
	}
	s.freed = nil
}
