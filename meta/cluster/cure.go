package cluster

import (
	"slices"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// cureAllEveryMs is how often every partition is looked at even if nothing happened. Whatever
// happens to one partition cures that one at once.
const cureAllEveryMs = 1000

// cureAtOnceMax is the number of ill partitions that are all looked at whenever a server comes back or reports what it
// has. Many may do so at a time; with more ill partitions a report leads to a look at those that it concerns, and a
// return to one at the next tick.
const cureAtOnceMax = 1024

func (s *State) manyIll() bool {
	ill := 0
	for _, a := range s.appOrder {
		ill += a.ill.size()
	}
	return ill > cureAtOnceMax
}

func (s *State) cureReturned(now int64) {
	if s.manyIll() {
		s.cureDue = true
		return
	}
	s.cureAll(now)
}

// cureAll looks at every partition that is ill. Those that have a primary but no secondary come first, because
// the number of learners a server takes is bounded.
func (s *State) cureAll(now int64) {
	s.curedMs, s.cureDue = now, false
	for _, urgent := range []bool{true, false} {
		for _, a := range s.appOrder {
			for i := range a.ill.all() {
				p := a.parts[i]
				s.releaseHeld(p)
				if (len(p.config.Secondaries) == 0) == urgent {
					s.cure(now, p)
				}
			}
		}
	}
	s.freed = s.freed[:0]
}

// cureReported looks at the ill partitions for which it matters what a server has, at least.
func (s *State) cureReported(now int64, n base.RPCAddress) {
	if !s.manyIll() {
		s.cureAll(now)
		return
	}
	for _, a := range s.appOrder {
		for i := range a.ill.all() {
			p := a.parts[i]
			l := p.proposals.list
			if len(l) > 0 && (l[0].Node == n || l[0].Target == n) || slices.Contains(p.config.LastDrops, n) {
				s.cure(now, p)
			}
		}
	}
	s.cureWaiting(now)
}

// quiet tells that a cure finds nothing to do, and will not before something happens to the partition or to one of its
// members. Partitions that are not quiet are in the set ill of their table, so that only they need to be looked at
// again and again. (A partition may stay in that set a little longer.)
func (s *State) quiet(p *Partition) bool {
	c := &p.config
	if p.pending != nil || len(p.proposals.list) > 0 {
		return false
	}
	if p.app.info.Status == layer2.AppStatus_AS_DROPPED {
		return true
	}
	if p.app.info.Status != layer2.AppStatus_AS_AVAILABLE || !s.alive(c.Primary) || c.Members() != int(c.MaxReplicaCount) {
		return false
	}
	for _, n := range c.Secondaries {
		if !s.alive(n) {
			return false
		}
	}
	return true
}

func (p *Partition) markIll() { p.app.ill.add(int(p.config.Pid.PartitionIndex)) }

// cure decides what the partition needs next and proposes it, and keeps the set of ill partitions.
func (s *State) cure(now int64, p *Partition) {
	s.treat(now, p)
	if s.quiet(p) {
		s.stopWaiting(p)
		p.app.ill.remove(int(p.config.Pid.PartitionIndex))
	} else {
		p.markIll()
	}
}

// treat is the decision (meta.md 7.6).
func (s *State) treat(now int64, p *Partition) {
	if p.pending != nil || p.config.Ballot == InvalidBallot || p.app.info.Status != layer2.AppStatus_AS_AVAILABLE {
		return
	}
	c := &p.config
	if c.Primary.IsValid() && !s.alive(c.Primary) {
		s.removeDeadPrimary(now, p)
		return
	}
	if s.EffectiveLevel() <= levelFreezed || s.resume(now, p) {
		return
	}
	if !c.Primary.IsValid() {
		s.cureMissingPrimary(now, p)
		return
	}
	p.diagnosis = nil
	for _, n := range c.Secondaries {
		if !s.alive(n) {
			s.propose(now, p, c.Primary, n, metaadmin.ConfigType_CT_DOWNGRADE_TO_INACTIVE)
			return
		}
	}
	switch members := int32(c.Members()); {
	case members < c.MaxReplicaCount:
		s.cureMissingSecondary(now, p)
	case members > c.MaxReplicaCount:
		s.cureRedundantSecondary(now, p)
	}
}

// removeDeadPrimary is the one change of membership the meta makes by itself: a primary whose lease
// is over cannot ask for it. Grace > lease makes sure that it is over.
func (s *State) removeDeadPrimary(now int64, p *Partition) {
	dead := p.config.Primary
	s.clearProposals(p)
	s.startChange(now, p, &change{
		typ:  metaadmin.ConfigType_CT_DOWNGRADE_TO_INACTIVE,
		node: dead,
		build: func(c Config) (Config, bool) {
			return c.next(metaadmin.ConfigType_CT_DOWNGRADE_TO_INACTIVE, dead)
		},
	})
}

// suspect tells that a server was silent for long enough to prefer another one, though it is not
// dead yet.
func (s *State) suspect(now int64, n *Node) bool {
	return !n.alive || now-n.beaconMs > s.opts.FDSuspectMs
}

// settled tells that no server joined just now. Placing replicas while a cluster is starting would
// put all of them on the server that came first.
func (s *State) settled(now int64) bool { return now-s.joinedMs >= s.opts.SettleMs }

// enough tells that a new partition can be placed: on as many servers as it has replicas, or, when
// no more have joined for a while, on those there are.
func (s *State) enough(now int64, p *Partition) bool {
	return s.settled(now) && (s.living >= int(p.config.MaxReplicaCount) || now-s.joinedMs >= s.opts.PatienceMs)
}

// cureRedundantSecondary removes the secondary on the server with the most replicas.
func (s *State) cureRedundantSecondary(now int64, p *Partition) {
	var worst *Node
	for _, n := range p.config.Secondaries {
		node := s.node(n)
		if worst == nil || node.total.partitions > worst.total.partitions {
			worst = node
		}
	}
	s.propose(now, p, p.config.Primary, worst.addr, metaadmin.ConfigType_CT_REMOVE)
}
