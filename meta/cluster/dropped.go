package cluster

import (
	"cmp"
	"slices"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// droppedReplica is a replica that is not a member: it was one, or a server reported that it has
// the data. A ballot of -1 means that nothing is known about the data.
type droppedReplica struct {
	node      base.RPCAddress
	timeMs    int64 // when it was dropped; 0: only reported
	ballot    int64
	committed int64
	prepared  int64
}

// compareDropped orders by value as a source of data, the best last.
func compareDropped(a, b droppedReplica) int {
	return cmp.Or(
		cmp.Compare(a.timeMs, b.timeMs),
		cmp.Compare(a.ballot, b.ballot),
		cmp.Compare(a.committed, b.committed),
		cmp.Compare(a.prepared, b.prepared),
	)
}

func (p *Partition) findDropped(n base.RPCAddress) *droppedReplica {
	for i := range p.dropped {
		if p.dropped[i].node == n {
			return &p.dropped[i]
		}
	}
	return nil
}

// recordDrop notes that a member was removed now.
func (s *State) recordDrop(p *Partition, n base.RPCAddress, now int64) {
	s.forgetDrop(p, n)
	s.putDropped(p, droppedReplica{node: n, timeMs: now, ballot: InvalidBallot, committed: -1, prepared: -1})
}

func (s *State) putDropped(p *Partition, d droppedReplica) {
	i, _ := slices.BinarySearchFunc(p.dropped, d, func(x, y droppedReplica) int {
		return cmp.Or(compareDropped(x, y), -1)
	})
	p.dropped = slices.Insert(p.dropped, i, d)
	s.node(d.node).drops[p.config.Pid] = true
	p.preferred = len(p.dropped) - 1
}

func (s *State) forgetDrop(p *Partition, n base.RPCAddress) {
	s.unlistDrop(p, n)
	p.dropped = slices.DeleteFunc(p.dropped, func(d droppedReplica) bool { return d.node == n })
	p.preferred = len(p.dropped) - 1
}

// unlistDrop keeps the server's list of such partitions in step.
func (s *State) unlistDrop(p *Partition, n base.RPCAddress) {
	if node := s.nodes[n]; node != nil {
		delete(node.drops, p.config.Pid)
	}
}

// trimDropped bounds the record: members and remembered replicas together are at most the replica
// count plus reserve.
func (s *State) trimDropped(p *Partition) {
	extra := p.config.Members() + len(p.dropped) - int(p.config.MaxReplicaCount) - s.opts.ReservedDroppedMax
	if extra > 0 && len(p.dropped) > 0 {
		extra = min(extra, len(p.dropped))
		for _, d := range p.dropped[:extra] {
			s.unlistDrop(p, d.node)
		}
		p.dropped = p.dropped[extra:]
		p.preferred = len(p.dropped) - 1
	}
}

// collectDropped takes in the report of a replica that is not a member; it tells whether the replica
// is worth keeping.
func (s *State) collectDropped(p *Partition, d droppedReplica) bool {
	if old := p.findDropped(d.node); old != nil {
		d.timeMs = old.timeMs
		keep := p.preferred
		s.forgetDrop(p, d.node)
		s.putDropped(p, d)
		p.preferred = min(keep, len(p.dropped)-1)
		return true
	}
	s.putDropped(p, d)
	s.trimDropped(p)
	return p.findDropped(d.node) != nil
}
