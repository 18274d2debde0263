package cluster

import (
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/gen-go/metadata"
)

// Action is one step the meta wants: Target is told to do Type to Node.
type Action struct {
	Target, Node base.RPCAddress
	Type         metaadmin.ConfigType
}

// proposals are the steps wanted for one partition, done one after the other. The first one is sent
// again and again until a change of the configuration takes it away or makes it pointless.
type proposals struct {
	list     []Action
	balancer bool // asked for by an operator or the balancer, not by a cure
	sentMs   int64
	sends    int
	learning bool // the node of an add-secondary was seen learning
	broken   bool // and then seen in a state that will not lead anywhere
}

func (s *State) setProposals(p *Partition, balancer bool, list ...Action) {
	s.clearProposals(p)
	s.stopWaiting(p)
	p.proposals = proposals{list: list, balancer: balancer}
	p.markIll()
	for _, a := range list {
		s.plan(p.config.Pid, a, 1)
	}
}

func (s *State) clearProposals(p *Partition) {
	for _, a := range p.proposals.list {
		s.plan(p.config.Pid, a, -1)
	}
	p.proposals = proposals{}
}

// popProposal drops the first step after the configuration changed, whatever the change was.
func (s *State) popProposal(p *Partition) {
	if len(p.proposals.list) == 0 {
		return
	}
	s.plan(p.config.Pid, p.proposals.list[0], -1)
	p.proposals = proposals{list: p.proposals.list[1:], balancer: p.proposals.balancer}
}

// propose replaces the proposals by one step and sends it.
func (s *State) propose(now int64, p *Partition, target, node base.RPCAddress, typ metaadmin.ConfigType) {
	s.setProposals(p, false, Action{Target: target, Node: node, Type: typ})
	s.sendFront(now, p)
}

func (s *State) sendFront(now int64, p *Partition) {
	a := p.proposals.list[0]
	p.proposals.sentMs = now
	p.proposals.sends++
	s.sendAction(p, a)
}

func (s *State) sendAction(p *Partition, a Action) {
	s.counters.ProposalsSent++
	s.emit(Propose{To: a.Target, Request: s.updateRequest(p, a.Type, a.Node, s.opts.SendHostPort)})
}

// resume goes on with the steps under way. It answers false when there are none, or when they no
// longer fit and were given up.
func (s *State) resume(now int64, p *Partition) bool {
	if len(p.proposals.list) == 0 {
		return false
	}
	a := p.proposals.list[0]
	if p.proposals.broken || !s.fits(p, a) || s.tiredOf(now, p, a) {
		s.clearProposals(p)
		return false
	}
	if p.proposals.sends == 0 || now-p.proposals.sentMs >= s.resendAfter(a) {
		s.sendFront(now, p)
	}
	return true
}

func (s *State) resendAfter(a Action) int64 {
	if a.Type == metaadmin.ConfigType_CT_ADD_SECONDARY || a.Type == metaadmin.ConfigType_CT_ADD_SECONDARY_FOR_LB {
		return s.opts.ResendAddMs
	}
	return s.opts.ResendMs
}

// How often a proposal without effect is sent before another server is tried.
const (
	promotionSendsMax = 5
	learnerSendsMax   = 40 // unless it was seen learning
)

// tiredOf tells that a server ignores what is wanted of it, so that another one should get it. The
// one that is given up is avoided until the configuration changes.
func (s *State) tiredOf(now int64, p *Partition, a Action) bool {
	if now-p.proposals.sentMs < s.resendAfter(a) {
		return false
	}
	tired := false
	switch a.Type {
	case metaadmin.ConfigType_CT_UPGRADE_TO_PRIMARY, metaadmin.ConfigType_CT_ASSIGN_PRIMARY:
		tired = p.proposals.sends >= promotionSendsMax
	case metaadmin.ConfigType_CT_ADD_SECONDARY, metaadmin.ConfigType_CT_ADD_SECONDARY_FOR_LB:
		tired = p.proposals.sends >= learnerSendsMax && !p.proposals.learning
	}
	if tired {
		p.avoid = a.Node
	}
	return tired
}

// fits tells whether the step can still be done from the current configuration (meta.md 7.6 a).
func (s *State) fits(p *Partition, a Action) bool {
	c := &p.config
	if !s.alive(a.Target) || !a.Node.IsValid() {
		return false
	}
	switch a.Type {
	case metaadmin.ConfigType_CT_ASSIGN_PRIMARY:
		return a.Node == a.Target && !c.Primary.IsValid() && !c.isSecondary(a.Node)
	case metaadmin.ConfigType_CT_UPGRADE_TO_PRIMARY:
		return a.Node == a.Target && !c.Primary.IsValid() && c.isSecondary(a.Node)
	case metaadmin.ConfigType_CT_ADD_SECONDARY, metaadmin.ConfigType_CT_ADD_SECONDARY_FOR_LB:
		return a.Target == c.Primary && !c.isMember(a.Node) && s.alive(a.Node)
	case metaadmin.ConfigType_CT_DOWNGRADE_TO_INACTIVE, metaadmin.ConfigType_CT_REMOVE:
		return a.Target == c.Primary && c.isMember(a.Node)
	case metaadmin.ConfigType_CT_DOWNGRADE_TO_SECONDARY:
		return a.Target == a.Node && a.Node == c.Primary
	}
	return false
}

// trackLearner follows the learner of an add-secondary by what its server reports.
func (p *Partition) trackLearner(n base.RPCAddress, status metadata.PartitionStatus) {
	if len(p.proposals.list) == 0 || p.proposals.list[0].Node != n {
		return
	}
	switch p.proposals.list[0].Type {
	case metaadmin.ConfigType_CT_ADD_SECONDARY, metaadmin.ConfigType_CT_ADD_SECONDARY_FOR_LB:
	default:
		return
	}
	switch status {
	case metadata.PartitionStatus_PS_POTENTIAL_SECONDARY:
		p.proposals.learning = true
	case metadata.PartitionStatus_PS_ERROR, metadata.PartitionStatus_PS_INACTIVE:
		p.proposals.broken = p.proposals.learning
	}
}
