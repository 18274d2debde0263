package pacifica

import (
	"slices"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

const (
	configAssignPrimary        = metaadmin.ConfigType_CT_ASSIGN_PRIMARY
	configUpgradeToPrimary     = metaadmin.ConfigType_CT_UPGRADE_TO_PRIMARY
	configAddSecondary         = metaadmin.ConfigType_CT_ADD_SECONDARY
	configUpgradeToSecondary   = metaadmin.ConfigType_CT_UPGRADE_TO_SECONDARY
	configDowngradeToSecondary = metaadmin.ConfigType_CT_DOWNGRADE_TO_SECONDARY
	configDowngradeToInactive  = metaadmin.ConfigType_CT_DOWNGRADE_TO_INACTIVE
	configRemove               = metaadmin.ConfigType_CT_REMOVE
	configAddSecondaryForLB    = metaadmin.ConfigType_CT_ADD_SECONDARY_FOR_LB
	configForceUpdateBallot    = metaadmin.ConfigType_CT_PRIMARY_FORCE_UPDATE_BALLOT
)

// mayBecome says which roles are open (replica.md 5.1).
func (c *Core) mayBecome(role Status) bool {
	switch c.status {
	case Error:
		return false
	case Inactive:
		return c.transient || role == Inactive || role == Learner
	case Primary:
		return role != Learner
	case Learner:
		if role == Secondary {
			return c.learning.phase == LearnSucceeded
		}
		return role != Primary
	}
	return true
}

// adopt takes a configuration and the role it gives; false when that role is not open from here.
func (c *Core) adopt(cfg Config, role Status) bool {
	if cfg.Ballot < c.config.Ballot || !c.mayBecome(role) {
		return false
	}
	if role == Inactive {
		if c.status == Inactive && c.transient {
			c.raiseBallot(cfg)
			return true
		}
		c.leave(cfg, nil)
		return true
	}
	same := cfg.Ballot == c.config.Ballot && role == c.status
	resumes := c.resumesPrimary(cfg)
	c.raiseBallot(cfg)
	if same {
		return true
	}
	c.endRole(role)
	c.status, c.transient, c.initializing = role, false, false
	c.member.heardMs = c.now.MonoMs
	if role == Primary {
		if !resumes {
			c.primary.barrier = c.list.last
		}
		c.reconfig = nil
		c.becomePrimary()
	}
	return true
}

// resumesPrimary reports whether nobody else can have been primary since this replica last was, so
// that it has answered nothing that it does not know to be committed.
func (c *Core) resumesPrimary(cfg Config) bool {
	wasPrimary := c.status == Primary || (c.reconfig != nil && c.reconfig.keepsPrimary)
	return wasPrimary && cfg.Ballot <= c.config.Ballot+1
}

func (c *Core) raiseBallot(cfg Config) {
	if cfg.Ballot > c.config.Ballot {
		c.emit(PersistBallot{Ballot: cfg.Ballot})
	}
	if cfg.MaxReplicaCount <= 0 {
		cfg.MaxReplicaCount = c.config.MaxReplicaCount
	}
	c.config = cfg
}

// endRole lets go of what belongs to the current role.
func (c *Core) endRole(next Status) {
	switch c.status {
	case Secondary, Learner:
		for d := c.list.committed + 1; d <= c.list.last; d++ {
			c.dropTokens(c.list.get(d))
		}
	}
	if next != Learner {
		c.learning = learningState{}
	}
	if next != Primary {
		c.endPrimary()
	}
}

// endPrimary answers the writes that were not prepared and forgets, unanswered, those that were:
// whether they will be committed is for the next primary to decide.
func (c *Core) endPrimary() {
	if c.reconfig != nil {
		c.emit(CancelMeta{Seq: c.reconfig.seq})
		c.reconfig = nil
	}
	c.failQueue(base.ErrInvalidState)
	c.primary.learners, c.primary.leaving = nil, nil
	var entries []*entry
	for d := c.list.committed + 1; d <= c.list.last; d++ {
		e := c.list.get(d)
		e.waiting = nil
		entries = append(entries, e)
	}
	c.forgetWriters(entries...)
}

// forgetWriters leaves the clients behind prepared writes without an answer: the outcome is not for them to know.
func (c *Core) forgetWriters(entries ...*entry) {
	var unknown []uint64
	for _, e := range entries {
		for i := range e.m.Updates {
			if token := e.m.Updates[i].Token; token != 0 {
				unknown = append(unknown, token)
				e.m.Updates[i].Token = 0
			}
		}
	}
	if len(unknown) > 0 {
		c.emit(FailWrites{Tokens: unknown, Err: base.ErrTimeout, Silent: true})
	}
}

func (c *Core) failQueue(code base.ErrorCode) {
	if len(c.primary.queue) == 0 {
		return
	}
	tokens := make([]uint64, len(c.primary.queue))
	for i := range c.primary.queue {
		tokens[i] = c.primary.queue[i].Token
	}
	c.primary.queue, c.primary.queueBytes = nil, 0
	c.emit(FailWrites{Tokens: tokens, Err: code})
}

// leave ends this replica's membership for good; its directory stays for a later life.
func (c *Core) leave(cfg Config, err error) {
	c.endRole(Inactive)
	c.raiseBallot(cfg)
	c.status, c.transient = Inactive, false
	c.emit(Close{Err: err})
}

// fail is the end after a storage error. A primary lets the meta server know at once.
func (c *Core) fail(err error) {
	if c.status == Primary || c.reconfig != nil {
		cfg := c.config.without(c.self).withDropped(c.self)
		cfg.Ballot++
		c.emit(SendResign{Config: cfg})
	}
	c.endRole(Error)
	c.status, c.transient = Error, false
	c.emit(Close{Err: err})
}

// pause makes the replica inactive under the same ballot, expecting its role back.
func (c *Core) pause() {
	for d := c.list.committed + 1; d <= c.list.last; d++ {
		e := c.list.get(d)
		c.dropTokens(e)
		e.waiting = nil
	}
	c.status, c.transient = Inactive, true
}

// onDisconnected: the lease is over. Members wait for their role, learners give up.
func (c *Core) onDisconnected() {
	if c.reconfig != nil {
		c.emit(CancelMeta{Seq: c.reconfig.seq})
		c.reconfig = nil
	}
	c.primary.leaving = nil
	switch c.status {
	case Primary, Secondary:
		c.pause()
	case Learner:
		c.leave(c.config, nil)
	}
	c.failQueue(base.ErrInvalidState)
}

// becomePrimary prepares every uncommitted mutation again under the new ballot: the old primary
// may have committed and answered any of them.
func (c *Core) becomePrimary() {
	c.primary.learners = slices.DeleteFunc(c.primary.learners, func(l *learnerRecord) bool {
		return c.config.RoleOf(l.node) != Inactive
	})
	c.primary.lastSignature = max(c.primary.lastSignature, c.config.Ballot<<32)
	c.primary.nextCheckMs = c.now.MonoMs
	for d := c.list.committed + 1; d <= c.list.last; d++ {
		old := c.list.get(d).m
		c.prepare(&Mutation{
			Gpid: c.gpid, Ballot: c.config.Ballot, Decree: d, LastCommitted: c.list.committed,
			TimestampUs: old.TimestampUs, DefaultTTL: old.DefaultTTL, Updates: old.Updates,
		})
	}
	c.sendGroupChecks()
}

// requestMeta asks the meta server for a new configuration. Nothing is prepared or committed
// until it answers.
func (c *Core) requestMeta(typ ConfigType, cfg Config, node Node, keepsPrimary bool) {
	if c.reconfig != nil {
		c.emit(CancelMeta{Seq: c.reconfig.seq})
	}
	c.pause()
	c.metaSeq++
	c.reconfig = &reconfiguration{seq: c.metaSeq, typ: typ, node: node, keepsPrimary: keepsPrimary}
	cfg.Ballot = c.config.Ballot + 1
	if ev := c.primary.leaving; ev != nil && keepsPrimary {
		c.reconfig.next = &ProposalReceived{Type: ev.Type, Node: ev.Node, Config: cfg}
	}
	c.primary.leaving = nil
	c.emit(UpdateMeta{Seq: c.metaSeq, Type: typ, Node: node, Config: cfg})
	if !keepsPrimary {
		c.failQueue(base.ErrInvalidState)
	}
}

func (c *Core) onMetaReplied(ev MetaReplied) {
	r := c.reconfig
	if r == nil || ev.Seq != r.seq || c.status != Inactive {
		return
	}
	if ev.Config.Ballot < c.config.Ballot {
		c.reconfig = nil
		return
	}
	role := ev.Config.RoleOf(c.self)
	if !c.adopt(ev.Config, role) {
		c.reconfig = nil
		return
	}
	if role != Primary {
		c.endPrimary()
	}
	c.reconfig = nil
	if r.typ == configRemove && ev.Err == base.ErrOK {
		c.emit(SendRemove{To: r.node, Ballot: ev.Config.Ballot})
	}
	if r.next != nil {
		c.onProposal(*r.next)
	}
}

// onConfigSynced compares what the meta server stores with the role held (replica.md 6.6).
func (c *Core) onConfigSynced(cfg Config) {
	if cfg.Ballot < c.config.Ballot || c.reconfig != nil {
		return
	}
	role := cfg.RoleOf(c.self)
	if c.initializing && role == Primary && c.status == Inactive && c.transient {
		// What the previous life prepared must not be taken for this one's: a new ballot first.
		c.raiseBallot(cfg)
		if c.doubtful && len(cfg.Secondaries) > 0 {
			c.requestMeta(configDowngradeToInactive, cfg.without(c.self).withDropped(c.self), c.self, false)
			return
		}
		c.requestMeta(configForceUpdateBallot, cfg, c.self, false)
		return
	}
	if c.status == Learner && role == Inactive {
		if cfg.Ballot > c.config.Ballot && cfg.Primary != c.config.Primary {
			c.leave(cfg, nil)
		}
		return
	}
	if role != Inactive {
		c.initializing = false
	}
	c.adopt(cfg, role)
}

// adoptFrom takes role and ballot from a primary's message. The members are not in it; only a
// primary needs them, and it has them from the meta server.
func (c *Core) adoptFrom(primary Node, ballot int64, role Status, signature int64) bool {
	if role != Secondary && role != Learner {
		return false
	}
	cfg := Config{Ballot: ballot, Primary: primary, MaxReplicaCount: c.config.MaxReplicaCount}
	if !c.adopt(cfg, role) {
		return false
	}
	if role == Learner {
		c.startLearning(signature)
	}
	return true
}

// onProposal carries out what the meta server proposes (replica.md 6.2).
func (c *Core) onProposal(ev ProposalReceived) {
	cfg := ev.Config
	if cfg.Ballot < c.config.Ballot {
		return
	}
	if c.reconfig != nil {
		// Often the proposal that follows the change which the meta server has just accepted.
		c.reconfig.next = &ev
		return
	}
	role := cfg.RoleOf(c.self)
	if cfg.Ballot > c.config.Ballot || (c.status == Inactive && c.transient && role == Secondary) {
		// A proposal may be older than the lease: it makes nobody primary.
		if (c.status != Learner || role != Inactive) && (c.status == Primary || role != Primary) {
			c.adopt(cfg, role)
		}
	}
	switch ev.Type {
	case configAssignPrimary:
		if c.status == Inactive && c.transient && ev.Node == c.self && !cfg.Primary.IsValid() {
			c.requestMeta(ev.Type, cfg.withPrimary(c.self), c.self, false)
		}
	case configUpgradeToPrimary:
		if c.status == Secondary && ev.Node == c.self && role == Secondary {
			c.requestMeta(ev.Type, cfg.withPrimary(c.self), c.self, false)
		}
	default:
		if c.status == Primary && cfg.Ballot == c.config.Ballot {
			c.onPrimaryProposal(ev)
		}
	}
}

func (c *Core) onPrimaryProposal(ev ProposalReceived) {
	role := c.config.RoleOf(ev.Node)
	if ev.Node == c.self && ev.Type != configAddSecondary && ev.Type != configAddSecondaryForLB && !c.settled() {
		c.primary.leaving = &ev
		return
	}
	switch ev.Type {
	case configAddSecondary, configAddSecondaryForLB:
		if role == Inactive {
			c.addLearner(ev.Node, ev.Type == configAddSecondaryForLB)
		}
	case configDowngradeToSecondary:
		if ev.Node == c.self {
			c.requestMeta(ev.Type, c.config.withSecondary(c.self), c.self, false)
		}
	case configDowngradeToInactive, configRemove:
		if c.learner(ev.Node) != nil {
			c.dropLearner(ev.Node)
			c.emit(SendRemove{To: ev.Node, Ballot: c.config.Ballot})
			c.commitPrimary()
			return
		}
		if role != Inactive {
			c.requestMeta(ev.Type, c.config.without(ev.Node).withDropped(ev.Node), ev.Node, ev.Node != c.self)
		}
	}
}
