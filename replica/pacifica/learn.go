package pacifica

import (
	"slices"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// Learning, at the primary. A learner asks for what follows its last committed decree. Rounds that
// bring a checkpoint or pieces of the log repeat until the prepare list covers the rest; that last
// round, from the cache, fixes the decree from which the learner takes part in every prepare.

func (c *Core) learner(n Node) *learnerRecord {
	for _, l := range c.primary.learners {
		if l.node == n {
			return l
		}
	}
	return nil
}

// addLearner begins or continues the candidacy of a node. forBalance allows one spare.
func (c *Core) addLearner(n Node, forBalance bool) {
	l := c.learner(n)
	if l == nil {
		limit := int(c.config.MaxReplicaCount) - 1
		if forBalance {
			limit++
		}
		if len(c.config.Secondaries)+len(c.primary.learners) >= limit {
			return
		}
		c.primary.lastSignature++
		l = &learnerRecord{node: n, signature: c.primary.lastSignature}
		c.primary.learners = append(c.primary.learners, l)
	}
	c.sendGroupCheck(n, Learner, l.signature, true)
}

// dropLearner ends a candidacy; nothing waits for the node any more.
func (c *Core) dropLearner(n Node) {
	c.primary.learners = slices.DeleteFunc(c.primary.learners, func(l *learnerRecord) bool { return l.node == n })
	c.stopWaiting(n)
}

func (c *Core) stopWaiting(n Node) {
	for d := c.list.committed + 1; d <= c.list.last; d++ {
		c.list.get(d).removeWaiting(n)
	}
}

func (c *Core) onLearnReceived(ev LearnReceived) {
	l := c.learner(ev.From)
	answer := LearnAnswer{Ballot: c.config.Ballot, LastCommitted: c.list.committed}
	refuse := func(code base.ErrorCode) { c.emit(AckLearn{Token: ev.Token, Err: code, Answer: answer}) }
	switch {
	case c.status == Inactive && c.transient:
		refuse(base.ErrInactiveState)
	case c.status != Primary:
		refuse(base.ErrInvalidState)
	case l == nil:
		refuse(base.ErrObjectNotFound)
	case l.signature != ev.Signature:
		refuse(base.ErrWrongChecksum)
	case ev.LastCommitted > c.list.last:
		answer.Reset = true
		c.emit(AckLearn{Token: ev.Token, Err: base.ErrOK, Answer: answer})
	case ev.LastCommitted > c.list.committed:
		refuse(base.ErrInconsistentState)
	default:
		c.serveLearner(l, ev, answer)
	}
}

// serveLearner answers from the prepare list when it covers what is missing. Who asks has nothing, or
// nothing any more, of what was prepared to it, so prepares begin anew.
func (c *Core) serveLearner(l *learnerRecord, ev LearnReceived, answer LearnAnswer) {
	from := ev.LastCommitted + 1
	l.prepareStart, l.succeeded = 0, false
	c.stopWaiting(l.node)
	if !c.list.covers(from) {
		c.commitPrimary()
		c.emit(ServeLearn{Token: ev.Token, From: from, To: answer.LastCommitted, Answer: answer})
		return
	}
	l.prepareStart = c.list.committed + 1
	c.primary.lastRound++
	l.round = c.primary.lastRound
	answer.Kind, answer.PrepareStart = LearnCache, l.prepareStart
	for d := from; d < l.prepareStart; d++ {
		answer.Mutations = append(answer.Mutations, c.list.get(d).m)
	}
	c.emit(AckLearn{Token: ev.Token, Err: base.ErrOK, Answer: answer})
	for d := l.prepareStart; d <= c.list.last; d++ {
		e := c.list.get(d)
		e.waiting = append(e.waiting, l.node)
		e.preparedMs = c.now.MonoMs
		c.sendPrepare(l.node, l, e.m, 0)
	}
}

func (c *Core) onCompletionReceived(ev CompletionReceived) {
	l := c.learner(ev.From)
	code := base.ErrOK
	switch {
	case c.status == Inactive && c.transient:
		code = base.ErrInactiveState
	case c.status != Primary:
		code = base.ErrInvalidState
	case c.config.RoleOf(ev.From) == Secondary:
		// Its promotion is accepted already; it will hear of it.
	case l == nil:
		code = base.ErrLearnerNotFound
	case l.signature != ev.Signature || ev.Phase != LearnSucceeded || l.prepareStart == 0:
		code = base.ErrInvalidState
	}
	c.emit(AckCompletion{Token: ev.Token, Err: code, Signature: ev.Signature})
	if code == base.ErrOK {
		c.learnerSucceeded(ev.From, ev.Signature)
	}
}

func (c *Core) learnerSucceeded(n Node, signature int64) {
	l := c.learner(n)
	if l == nil || l.signature != signature || l.prepareStart == 0 || c.status != Primary {
		return
	}
	l.succeeded = true
	c.upgradeLearner()
}

// upgradeLearner asks for the promotion of a learner that has caught up. Before the tail that this
// primary took over is committed again, nobody may become a member without it: an earlier primary
// may have answered for any of it, and the next one could be chosen among the new members.
func (c *Core) upgradeLearner() {
	if c.status != Primary || c.list.committed < c.primary.barrier {
		return
	}
	i := slices.IndexFunc(c.primary.learners, func(l *learnerRecord) bool { return l.succeeded && l.prepareStart > 0 })
	if i < 0 {
		return
	}
	n := c.primary.learners[i].node
	cfg := c.config.withSecondary(n)
	cfg.LastDrops = slices.DeleteFunc(slices.Clone(cfg.LastDrops), func(d Node) bool { return d == n })
	c.requestMeta(configUpgradeToSecondary, cfg, n, true)
}
