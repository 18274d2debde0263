package cluster

import "github.com/pegasus-go/pegasus/gen-go/base"

// OnDeath takes in the word of a witness that the process which has sent beacons from a server since startMs has ended:
// not that it is silent, but that it executes nothing any more and never will. There is no lease to wait for then.
//
// It counts only when this meta has heard that process and no other at the address for longer than the grace period. Then
// no other can hold a lease, whichever meta may have led before and whatever beacons may be late; clocks that were set
// do not matter either.
//
// It reports whether nothing is left to do about that process. False means that it cannot be told yet which processes may
// be behind the address: silence must decide, or the same word said again later.
func (s *State) OnDeath(now int64, server base.RPCAddress, startMs int64) bool {
	n := s.nodes[server]
	if n == nil || startMs <= 0 || n.processMs != startMs || now-n.soleSinceMs <= s.opts.FDGraceMs {
		return false
	}
	n.goneMs = startMs
	if n.alive {
		s.disconnected(n)
		s.cureAll(now)
	}
	return true
}
