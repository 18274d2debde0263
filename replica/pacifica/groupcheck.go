package pacifica

import "github.com/pegasus-go/pegasus/gen-go/base"

// The group check is the primary's heartbeat to its members and learners: it carries ballot, role
// and commit point, and finds those that no longer answer.

func (c *Core) primaryTick() {
	idle := c.settled() && c.primary.announced < c.list.committed &&
		c.now.MonoMs >= c.primary.lastPrepareMs+c.params.CommitNoticeMs
	if idle || c.now.MonoMs >= c.primary.nextCheckMs {
		c.sendGroupChecks()
		c.releaseWriters()
	}
}

func (c *Core) sendGroupChecks() {
	c.primary.nextCheckMs = c.now.MonoMs + c.params.GroupCheckIntervalMs
	c.primary.announced = c.list.committed
	for _, s := range c.config.Secondaries {
		c.sendGroupCheck(s, Secondary, 0, false)
	}
	for _, l := range c.primary.learners {
		c.sendGroupCheck(l.node, Learner, l.signature, false)
	}
}

func (c *Core) sendGroupCheck(to Node, role Status, signature int64, addLearner bool) {
	c.emit(SendGroupCheck{To: to, Role: role, Ballot: c.config.Ballot, Signature: signature, LastCommitted: c.list.committed, AddLearner: addLearner})
}

func (c *Core) onGroupCheckReceived(ev GroupCheckReceived) {
	if ev.Ballot < c.config.Ballot {
		c.ackGroupCheck(ev, base.ErrVersionOutdated)
		return
	}
	takesRole := ev.Ballot > c.config.Ballot ||
		(c.status == Inactive && (ev.Role == Learner || c.transient))
	if takesRole && !c.adoptFrom(ev.Primary, ev.Ballot, ev.Role, ev.Signature) {
		c.ackGroupCheck(ev, base.ErrInvalidState)
		return
	}
	c.member.heardMs = c.now.MonoMs
	switch c.status {
	case Secondary:
		if ev.Role != Secondary {
			c.ackGroupCheck(ev, base.ErrInvalidState)
			return
		}
		// The primary counts only what this member acknowledged: less than that here means that
		// acknowledged entries were lost, and the state must be learned anew.
		if ev.LastCommitted > c.list.last {
			c.ackGroupCheck(ev, base.ErrIncompleteData)
			return
		}
		c.member.commitTarget = max(c.member.commitTarget, ev.LastCommitted)
		c.commitMember()
	case Learner:
		if ev.Role != Learner {
			c.ackGroupCheck(ev, base.ErrInvalidState)
			return
		}
		c.startLearning(ev.Signature)
		if c.learning.phase != LearnWithoutPrepare && ev.Signature == c.learning.signature {
			c.member.commitTarget = max(c.member.commitTarget, min(ev.LastCommitted, c.list.last))
			c.commitMember()
		}
	case Primary:
		c.ackGroupCheck(ev, base.ErrInvalidState)
		return
	}
	c.ackGroupCheck(ev, base.ErrOK)
}

func (c *Core) ackGroupCheck(ev GroupCheckReceived, code base.ErrorCode) {
	if ev.Token == 0 {
		return
	}
	c.emit(AckGroupCheck{Token: ev.Token, Err: code, LastCommitted: c.list.committed, Phase: c.learning.phase, Signature: c.learning.signature})
}

func (c *Core) onGroupCheckReplied(ev GroupCheckReplied) {
	if c.status != Primary || ev.Ballot != c.config.Ballot {
		return
	}
	if ev.Err != base.ErrOK {
		c.remoteFailure(ev.From)
		return
	}
	if ev.Role == Learner && ev.Phase == LearnSucceeded {
		c.learnerSucceeded(ev.From, ev.Signature)
	}
}
