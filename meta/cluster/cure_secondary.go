package cluster

import (
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// cureMissingSecondary adds a secondary. While enough members are left it waits for the one that
// dropped out last, which has most of the data; in an emergency any server will do.
func (s *State) cureMissingSecondary(now int64, p *Partition) {
	var n base.RPCAddress
	preferred := p.preferred
	if s.emergency(now, p) {
		n = s.emergencySecondary(now, p)
	} else if last := p.dropped[len(p.dropped)-1].node; s.alive(last) {
		n = last
	}
	if !n.IsValid() || p.config.isMember(n) {
		p.preferred = preferred
		return
	}
	if !s.mayLearn(n) {
		p.preferred = preferred
		s.waitFor(now, p, s.node(n))
		return
	}
	s.propose(now, p, p.config.Primary, n, metaadmin.ConfigType_CT_ADD_SECONDARY)
}

func (s *State) emergency(now int64, p *Partition) bool {
	need := s.opts.writeMin(p.config.MaxReplicaCount)
	if int(p.config.MaxReplicaCount) > need && p.config.Members() < need || len(p.dropped) == 0 {
		return true
	}
	last := p.dropped[len(p.dropped)-1]
	return now > last.timeMs+s.opts.AssignDelayMs || s.blackList[last.node]
}

// emergencySecondary tries the servers that still have some data, the best first; one that was
// tried is passed over next time. Without such a server the least loaded one is taken.
func (s *State) emergencySecondary(now int64, p *Partition) base.RPCAddress {
	if p.preferred < 0 || p.preferred >= len(p.dropped) {
		p.preferred = len(p.dropped) - 1
	}
	for i := p.preferred; i >= 0; i-- {
		n := p.dropped[i].node
		if !s.alive(n) || p.config.isMember(n) || n == p.avoid {
			continue
		}
		p.preferred = i - 1
		if !s.blackList[n] {
			return n
		}
		break
	}
	if !s.settled(now) {
		return base.RPCAddress{}
	}
	return s.leastLoadedSecondary(now, p)
}

func (s *State) leastLoadedSecondary(now int64, p *Partition) base.RPCAddress {
	if n := p.waits.on; n != nil && n.alive && !s.blackList[n.addr] && now-p.waits.sinceMs < waitAgainMs {
		return n.addr
	}
	s.stopWaiting(p)
	var best *Node
	var bestKey [5]int32
	for _, n := range s.nodeOrder {
		if !n.alive || p.config.isMember(n.addr) || len(s.blackList) > 0 && s.blackList[n.addr] {
			continue
		}
		key := [5]int32{0, p.app.tally(n).partitionsSoon(), n.total.partitionsSoon()}
		if n.addr == p.avoid || s.suspect(now, n) {
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

// mayLearn bounds the learners started on one server at a time.
func (s *State) mayLearn(n base.RPCAddress) bool {
	return !s.opts.AddSecondaryFlowControl || int64(s.node(n).learnersIn) < s.opts.AddSecondaryMaxPerNode
}
