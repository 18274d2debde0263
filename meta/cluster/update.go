package cluster

import (
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// change is one step of a partition's configuration on its way to the store.
type change struct {
	typ    metaadmin.ConfigType
	node   base.RPCAddress
	build  func(Config) (Config, bool) // makes the next configuration when the turn has come
	config Config                      // what build made
	ticket *Ticket                     // who asked; nil: the meta itself
	held   bool                        // not given to the store yet, the function level forbids writes
	done   func(now int64)             // after it took effect, or found nothing to do
}

// startChange begins a change, or queues it behind the one that is being persisted.
func (s *State) startChange(now int64, p *Partition, c *change) {
	if p.pending != nil {
		p.queue = append(p.queue, c)
		return
	}
	next, ok := c.build(p.config)
	if !ok {
		if c.done != nil {
			c.done(now)
		}
		return
	}
	c.config = next
	p.pending = c
	p.markIll()
	c.held = true
	s.releaseHeld(p)
}

// releaseHeld hands a held change to the store once the function level allows writing.
func (s *State) releaseHeld(p *Partition) {
	if c := p.pending; c != nil && c.held && s.EffectiveLevel() > levelBlind {
		c.held = false
		s.emit(PersistPartition{Config: c.config.clone()})
	}
}

// PartitionPersisted tells that the configuration handed out last for the partition is durable. Only
// now does it take effect, and only now is the asker answered.
func (s *State) PartitionPersisted(now int64, g base.Gpid) {
	p := s.partition(g)
	if p == nil || p.pending == nil || p.pending.held {
		return
	}
	c := p.pending
	p.pending = nil
	old := p.config
	p.config = c.config
	p.app.version++
	s.counters.ConfigChanges++
	s.reindex(&old, &p.config)
	s.afterChange(now, p, c, &old)
	if c.ticket != nil {
		s.answerUpdate(*c.ticket, base.ErrOK, p)
	}
	if c.done != nil {
		c.done(now)
	}
	for p.pending == nil && len(p.queue) > 0 {
		next := p.queue[0]
		p.queue = p.queue[1:]
		s.startChange(now, p, next)
	}
	s.cure(now, p)
	s.cureWaiting(now)
}

// afterChange keeps the proposals and the record of dropped replicas in step with a change.
func (s *State) afterChange(now int64, p *Partition, c *change, old *Config) {
	s.popProposal(p)
	p.avoid = base.RPCAddress{}
	for _, n := range append([]base.RPCAddress{old.Primary}, old.Secondaries...) {
		if n.IsValid() && !p.config.isMember(n) {
			p.dropServing(n)
			s.recordDrop(p, n, now)
		}
	}
	if p.config.Dropped() {
		p.serving = nil
		s.clearProposals(p)
	}
	if n := c.node; n.IsValid() && p.config.isMember(n) {
		s.forgetDrop(p, n)
	}
	s.trimDropped(p)
	if p.config.Primary.IsValid() {
		p.diagnosis = nil
	}
}

// changesWaitingMax bounds the requests that wait for one partition.
const changesWaitingMax = 16

// UpdateConfiguration is a replica server's request to change a partition's configuration. The
// answer comes when the change is persisted. A request that finds another change being persisted is
// judged when that is done (meta.md 7.4; the original gives no answer then, and the asker loses the
// time until it asks again).
func (s *State) UpdateConfiguration(now int64, t Ticket, req *metaadmin.ConfigurationUpdateRequest, want Config, node base.RPCAddress) {
	p := s.partition(want.Pid)
	switch {
	case p == nil:
		s.warn("%s: update for an unknown partition", want.Pid)
		s.reply(t, &metaadmin.ConfigurationUpdateResponse{
			Err: base.ErrAppNotExist.Ptr(), Config: &layer2.PartitionConfiguration{Pid: want.Pid.Ptr()},
		})
	case s.EffectiveLevel() <= levelFreezed:
		s.answerUpdate(t, base.ErrStateFreezed, p)
	case len(p.queue) >= changesWaitingMax:
		s.answerUpdate(t, base.ErrBusy, p)
	default:
		s.startChange(now, p, &change{
			typ: req.Type, node: node, ticket: &t,
			build: func(Config) (Config, bool) { return s.judge(p, t, req.Type, want, node) },
		})
	}
}

// judge makes the next configuration of a request, or answers it: done already, or against a ballot
// or members that are not the current ones. ERR_INVALID_VERSION makes the asker adopt what is.
func (s *State) judge(p *Partition, t Ticket, typ metaadmin.ConfigType, want Config, node base.RPCAddress) (next Config, ok bool) {
	c := &p.config
	switch {
	case want.Ballot == c.Ballot && want.sameMembers(c):
		s.answerUpdate(t, base.ErrOK, p)
		return next, false
	case want.Ballot != c.Ballot+1:
		s.answerUpdate(t, base.ErrInvalidVersion, p)
		return next, false
	case !c.Dropped() && p.app.info.Status != layer2.AppStatus_AS_AVAILABLE:
		s.answerUpdate(t, base.ErrBusy, p)
		return next, false
	}
	next, ok = c.next(typ, node)
	if !ok || !want.sameMembers(&next) || s.nodes[node] == nil {
		s.warn("%s: %s of %s does not fit ballot %d", want.Pid, typ, node, c.Ballot)
		s.answerUpdate(t, base.ErrInvalidVersion, p)
		return next, false
	}
	next.LastCommittedDecree = max(next.LastCommittedDecree, want.LastCommittedDecree)
	return next, true
}

func (s *State) answerUpdate(t Ticket, err base.ErrorCode, p *Partition) {
	s.reply(t, &metaadmin.ConfigurationUpdateResponse{
		Err: err.Ptr(), Config: s.WireConfig(&p.config, t.HostPort),
	})
}
