package cluster

import (
	"fmt"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// cureMissingPrimary finds a primary: among the secondaries if there are any, anywhere for a
// partition that never had a member, and by the data of the last two members otherwise.
func (s *State) cureMissingPrimary(now int64, p *Partition) {
	c := &p.config
	switch {
	case len(c.Secondaries) > 0:
		if n := s.leastLoadedPrimary(now, p, c.Secondaries); n.IsValid() {
			s.propose(now, p, n, n, metaadmin.ConfigType_CT_UPGRADE_TO_PRIMARY)
		}
	case len(c.LastDrops) == 0:
		if !s.enough(now, p) {
			return
		}
		var all []base.RPCAddress
		for _, n := range s.nodeOrder {
			all = append(all, n.addr)
		}
		if n := s.leastLoadedPrimary(now, p, all); n.IsValid() {
			s.propose(now, p, n, n, metaadmin.ConfigType_CT_ASSIGN_PRIMARY)
		}
	default:
		n, reason := s.choosePrimaryByData(p)
		if n.IsValid() {
			p.diagnosis = nil
			s.propose(now, p, n, n, metaadmin.ConfigType_CT_ASSIGN_PRIMARY)
			return
		}
		if p.diagnosis == nil || *p.diagnosis != reason {
			s.warn("%s: no primary can be chosen: %s", c.Pid, reason)
			s.counters.ChoosePrimaryFailures++
		}
		p.diagnosis = &reason
	}
}

// leastLoadedPrimary picks the living server with the fewest primaries of the table, then the fewest
// partitions of it, then overall. Servers gone silent are taken only when there is no other.
func (s *State) leastLoadedPrimary(now int64, p *Partition, candidates []base.RPCAddress) base.RPCAddress {
	var best *Node
	var bestKey [5]int32
	for _, a := range candidates {
		n := s.nodes[a]
		if n == nil || !n.alive {
			continue
		}
		t := p.app.tally(n)
		key := [5]int32{0, t.primariesSoon(), t.partitionsSoon(), n.total.primariesSoon(), n.total.partitionsSoon()}
		if a == p.avoid || s.suspect(now, n) {
			key[0] = 1
		}
		if best == nil || lessKey(key, bestKey) {
			best, bestKey = n, key
		}
	}
	if best == nil {
		return base.RPCAddress{}
	}
	return best.addr
}

func lessKey(a, b [5]int32) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

// choosePrimaryByData decides for a partition that lost all members. Only a replica that surely has
// every acknowledged write may become primary: the last one that was dropped, or, when more than one
// is remembered, the better of the last two once both have told what they have.
func (s *State) choosePrimaryByData(p *Partition) (base.RPCAddress, string) {
	drops := p.config.LastDrops
	last := drops[len(drops)-1]
	if len(drops) == 1 {
		d, reason := s.dataOf(p, last)
		if reason != "" {
			return base.RPCAddress{}, reason
		}
		if d.ballot == InvalidBallot {
			return base.RPCAddress{}, fmt.Sprintf("the last dropped node(%s) has come back without the partition", s.HostPort(last))
		}
		return betterOf(d, d, p.config.LastCommittedDecree)
	}
	var two [2]droppedReplica
	for i, n := range drops[len(drops)-2:] {
		d, reason := s.dataOf(p, n)
		if reason != "" {
			return base.RPCAddress{}, reason
		}
		two[i] = d
	}
	return betterOf(two[0], two[1], p.config.LastCommittedDecree)
}

// dataOf is what a returned server reported about the partition.
func (s *State) dataOf(p *Partition, n base.RPCAddress) (droppedReplica, string) {
	node := s.nodes[n]
	if node == nil || !node.alive {
		return droppedReplica{}, fmt.Sprintf("the last dropped node(%s) hasn't come back yet", s.HostPort(n))
	}
	d := p.findDropped(n)
	if d != nil && d.ballot != InvalidBallot {
		return *d, ""
	}
	if node.collectedMs > 0 && (d == nil || node.collectedMs > d.timeMs) {
		// It reported everything it has since then, and this partition is not there.
		return droppedReplica{node: n, ballot: InvalidBallot, committed: -1, prepared: -1}, ""
	}
	why := "replica info has not been collected from the node"
	if d == nil {
		why = "the node is not exist in dropped_nodes"
	}
	return droppedReplica{}, fmt.Sprintf("the last dropped node(%s) is unavailable because %s", s.HostPort(n), why)
}

// betterOf takes the older and the younger of the last two drops. The younger one was the last member, so
// it had every acknowledged write, and prepared at least what the older one knows as committed. If it
// shows less, or a smaller ballot, it has lost something, and the older one may be better. Ballots and
// decrees alone do not tell: the older one may have come back as a learner, with the ballot of the
// last primary, commit points that the primary's own log does not know of, and a tail that the group never
// committed. Who is chosen is believed only if it still has what is known to be committed. (The original
// prefers more committed decrees, then more prepared ones, and refuses when the larger ballot goes with
// fewer committed decrees, which happens whenever a new primary dies before its first commit, and is
// harmless as long as it has prepared them.)
func betterOf(older, younger droppedReplica, committedAtMeta int64) (base.RPCAddress, string) {
	if older.ballot == InvalidBallot && younger.ballot == InvalidBallot {
		return base.RPCAddress{}, "no replica info collected from the last two drops"
	}
	best, other := younger, older
	if older.ballot > younger.ballot || older.ballot == younger.ballot && older.committed > younger.prepared {
		best, other = older, younger
	}
	if best.prepared < other.committed {
		return base.RPCAddress{}, "for the last two drops, the node with larger ballot has smaller last committed decree"
	}
	if known := max(committedAtMeta, best.committed); best.prepared < known {
		return base.RPCAddress{}, fmt.Sprintf("the last dropped nodes have prepared up to decree %d only, but %d is committed", best.prepared, known)
	}
	return best.node, ""
}
