package cluster

import "slices"

// Partitions that need a secondary may have to wait until the server that should have it takes one
// more learner (Options.AddSecondaryMaxPerNode). They wait in its line, so that the end of one
// learning is followed by the beginning of the next at once.

// wait says in which line a partition stands.
type wait struct {
	on   *Node // nil: in none
	turn uint64
}

// waitingPartition is a place in a line. It is given up when the partition's wait is another one.
type waitingPartition struct {
	p    *Partition
	turn uint64
}

// waitFor puts the partition at the end of a server's line, and takes it out of any other.
func (s *State) waitFor(p *Partition, n *Node) {
	if p.waits.on == n {
		return
	}
	s.stopWaiting(p)
	s.lastTurn++
	p.waits = wait{on: n, turn: s.lastTurn}
	n.waiters++
	// Places that were given up must not pile up.
	if len(n.waiting) > 2*n.waiters+16 {
		n.waiting = slices.DeleteFunc(n.waiting, func(w waitingPartition) bool { return w.p.waits != wait{n, w.turn} })
	}
	n.waiting = append(n.waiting, waitingPartition{p: p, turn: p.waits.turn})
}

func (s *State) stopWaiting(p *Partition) {
	if n := p.waits.on; n != nil {
		n.waiters--
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
			if w.p.waits == (wait{n, w.turn}) {
				s.stopWaiting(w.p)
				s.cure(now, w.p)
			}
		}
	}
	s.freed = nil
}
