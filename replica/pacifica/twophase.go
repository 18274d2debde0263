package pacifica

import "github.com/pegasus-go/pegasus/gen-go/base"

// A write, on the primary: onWrite queues it, pump makes mutations of what waits, prepare sends
// them to everybody and the log, acknowledgements and the log come back, commitPrimary applies.

func (c *Core) onWrite(u Update) {
	if code := c.WritesAllowed(); code != base.ErrOK {
		c.emit(FailWrites{Tokens: []uint64{u.Token}, Err: code})
		return
	}
	c.primary.queue = append(c.primary.queue, u)
	c.primary.queueBytes += len(u.Body)
}

// pump turns queued writes into mutations. All that waits goes into one, up to the batch limits.
// Writes that were admitted before members went are refused when too few are left.
func (c *Core) pump() {
	if c.status == Primary && !c.enough() {
		c.failQueue(base.ErrNotEnoughMember)
	}
	if c.status == Primary && c.list.last > c.list.committed {
		c.commitPrimary() // what was held goes on when the table's replica count was lowered
	}
	for c.status == Primary && len(c.primary.queue) > 0 && c.mayPrepare() {
		n, bytes := 0, 0
		for n < len(c.primary.queue) && n < c.params.BatchUpdatesMax {
			size := len(c.primary.queue[n].Body)
			if n > 0 && bytes+size > c.params.BatchBytesMax {
				break
			}
			bytes += size
			n++
		}
		updates := make([]Update, n)
		copy(updates, c.primary.queue)
		c.shiftQueue(n, bytes)
		c.prepare(&Mutation{
			Gpid: c.gpid, Ballot: c.config.Ballot, Decree: c.list.last + 1, LastCommitted: c.list.committed,
			TimestampUs: c.nextTimestampUs(), DefaultTTL: c.defaultTTL, Updates: updates,
		})
	}
}

// mayPrepare says whether the queue's turn has come: at once on an idle partition, otherwise when
// enough waits to be worth a mutation of its own.
func (c *Core) mayPrepare() bool {
	if c.primary.leaving != nil {
		return false
	}
	inFlight := c.list.last - c.list.committed
	if inFlight == 0 {
		return true
	}
	enough := len(c.primary.queue) >= c.params.PipelineUpdates || c.primary.queueBytes >= c.params.PipelineBytes
	return enough && inFlight < c.params.WindowDecrees
}

func (c *Core) shiftQueue(n, bytes int) {
	rest := copy(c.primary.queue, c.primary.queue[n:])
	clear(c.primary.queue[rest:])
	c.primary.queue = c.primary.queue[:rest]
	c.primary.queueBytes -= bytes
}

// prepare starts the two-phase commit of a mutation under the current ballot.
func (c *Core) prepare(m *Mutation) {
	m.encode()
	e := c.list.put(m)
	e.preparedMs = c.now.MonoMs
	c.primary.lastPrepareMs = c.now.MonoMs
	c.primary.announced = m.LastCommitted
	for _, s := range c.config.Secondaries {
		e.waiting = append(e.waiting, s)
		c.sendPrepare(s, nil, m, 0)
	}
	for _, l := range c.primary.learners {
		if l.prepareStart > 0 && l.prepareStart <= m.Decree {
			e.waiting = append(e.waiting, l.node)
			c.sendPrepare(l.node, l, m, 0)
		}
	}
	c.append(m)
}

// sendPrepare sends to a learner, or to a secondary when l is nil.
func (c *Core) sendPrepare(to Node, l *learnerRecord, m *Mutation, delayMs int64) {
	p := SendPrepare{To: to, Role: Secondary, Ballot: c.config.Ballot, Mutation: m, TimeoutMs: c.params.PrepareTimeoutMs, DelayMs: delayMs}
	if l != nil {
		p.Role, p.Signature, p.Round, p.TimeoutMs = Learner, l.signature, l.round, c.params.LearnerTimeoutMs
	}
	c.emit(p)
}

func (c *Core) append(m *Mutation) {
	c.appendSeq++
	c.emit(Append{Mutation: m})
}

func (c *Core) onLogged(ev Logged) {
	c.loggedSeq++
	if ev.Err != nil {
		c.fail(ev.Err)
		return
	}
	if e := c.list.get(ev.Decree); e != nil && e.m.Ballot == ev.Ballot {
		e.logged = true
		for _, token := range e.ackTokens {
			c.emit(AckPrepare{Token: token, Err: base.ErrOK, Ballot: c.config.Ballot, Decree: ev.Decree, LastCommitted: c.list.committed})
		}
		e.ackTokens = nil
	}
	switch c.status {
	case Primary:
		c.commitPrimary()
	case Secondary:
		c.commitMember()
	case Learner:
		c.applyLearned(ev)
		c.commitMember()
		c.learnLogged()
	}
}

// commitPrimary commits every decree after L that the log, all members and all learners have.
func (c *Core) commitPrimary() {
	for c.status == Primary && !c.held() {
		e := c.list.get(c.list.committed + 1)
		if e == nil || !e.logged || len(e.waiting) > 0 {
			break
		}
		if !c.enough() {
			c.forgetWriters(e)
		}
		m := e.m
		c.list.advance()
		c.emit(Apply{Mutation: m, Reply: true})
	}
	if ev := c.primary.leaving; ev != nil && c.status == Primary && c.settled() {
		c.primary.leaving = nil
		c.onPrimaryProposal(*ev)
	}
	if c.status == Primary && len(c.primary.learners) > 0 {
		c.upgradeLearner()
	}
}

// held reports whether what this primary prepared since its promotion waits for members. While they are too few it is
// neither committed nor answered: it could be lost with the last of them. A learner gets it and may end the wait by becoming a
// member. What the primary took over does not wait, since an earlier one may have answered it; the writers who
// still wait for some of that, after a lapse of the lease, are not answered.
func (c *Core) held() bool {
	return c.list.committed >= c.primary.barrier && c.list.last > c.list.committed && !c.enough()
}

// heldWritersMsMax is how long the writers of what is held are kept waiting, about. Then they have given up, and what the server
// keeps for them is of use to others.
const heldWritersMsMax = 20_000

func (c *Core) releaseWriters() {
	switch since := c.primary.heldSinceMs; {
	case !c.held():
		c.primary.heldSinceMs = 0
	case since == 0:
		c.primary.heldSinceMs = c.now.MonoMs
	case c.now.MonoMs-since >= heldWritersMsMax:
		for d := c.list.committed + 1; d <= c.list.last; d++ {
			c.forgetWriters(c.list.get(d))
		}
	}
}

// settled reports whether nothing that was prepared is about to be committed.
func (c *Core) settled() bool { return c.list.last == c.list.committed || c.held() }

// commitMember commits up to what the primary announced, as far as it is logged here.
func (c *Core) commitMember() {
	for c.list.committed < c.member.commitTarget {
		e := c.list.get(c.list.committed + 1)
		if e == nil || !e.logged {
			return
		}
		m := e.m
		c.list.advance()
		c.emit(Apply{Mutation: m})
	}
}

// onPrepareReplied counts an acknowledgement (replica.md 4.6).
func (c *Core) onPrepareReplied(ev PrepareReplied) {
	if c.status != Primary || ev.Ballot != c.config.Ballot || ev.Decree <= c.list.committed {
		return
	}
	e := c.list.get(ev.Decree)
	if e == nil || e.m.Ballot != ev.Ballot {
		return
	}
	timeoutMs := c.params.PrepareTimeoutMs
	l := c.learner(ev.From)
	switch {
	case l != nil && ev.Round == l.round:
		timeoutMs = c.params.LearnerTimeoutMs
	case l != nil || ev.Round != 0 || c.config.RoleOf(ev.From) != Secondary:
		return
	}
	elapsedMs := c.now.MonoMs - e.preparedMs
	switch ev.Err {
	case base.ErrOK:
		if e.removeWaiting(ev.From) {
			c.commitPrimary()
		}
		return
	case base.ErrInactiveState, base.ErrTryAgain, base.ErrCapacityExceeded, base.ErrBusy: // the last two: buffers are full, here or there
		if elapsedMs+retryPrepareMs < timeoutMs {
			c.sendPrepare(ev.From, l, e.m, retryPrepareMs)
			return
		}
	case base.ErrNetworkFailure:
		if elapsedMs < c.params.NetworkRetryMs {
			c.sendPrepare(ev.From, l, e.m, 10*retryPrepareMs)
			return
		}
	}
	c.remoteFailure(ev.From)
}

// remoteFailure gives up on a node: a secondary leaves by a new configuration, a learner at once.
func (c *Core) remoteFailure(n Node) {
	if c.status != Primary {
		return
	}
	if c.learner(n) != nil {
		c.dropLearner(n)
		c.commitPrimary()
		return
	}
	if c.config.RoleOf(n) == Secondary {
		c.requestMeta(configDowngradeToInactive, c.config.without(n).withDropped(n), n, true)
	}
}

// onPrepareReceived is the other end of sendPrepare (replica.md 4.5).
func (c *Core) onPrepareReceived(ev PrepareReceived) {
	m := ev.Mutation
	if ev.Ballot < c.config.Ballot {
		c.emit(DropPrepare{Token: ev.Token})
		return
	}
	if m.Ballot != ev.Ballot || m.Gpid != c.gpid {
		c.ackPrepare(ev, base.ErrInvalidData)
		return
	}
	if ev.Ballot > c.config.Ballot && !c.adoptFrom(ev.Primary, ev.Ballot, ev.Role, ev.Signature) {
		c.ackPrepare(ev, base.ErrInvalidState)
		return
	}
	if code := c.prepareRefusal(ev); code != base.ErrOK {
		c.ackPrepare(ev, code)
		return
	}
	c.member.heardMs = c.now.MonoMs
	c.lastTsUs = max(c.lastTsUs, m.TimestampUs)
	if m.Decree <= c.list.committed {
		c.ackPrepare(ev, base.ErrOK)
		return
	}
	if e := c.list.get(m.Decree); e != nil && e.m.Ballot == m.Ballot {
		if e.logged {
			c.ackPrepare(ev, base.ErrOK)
		} else {
			e.ackTokens = append(e.ackTokens, ev.Token)
		}
		return
	}
	c.member.commitTarget = max(c.member.commitTarget, m.LastCommitted)
	c.commitMember()
	// Out of order, or further ahead than the list reaches: the primary sends it again.
	if m.Decree > c.list.last+1 || !c.list.room(m.Decree) {
		c.ackPrepare(ev, base.ErrTryAgain)
		return
	}
	if old := c.list.get(m.Decree); old != nil {
		c.dropTokens(old)
	}
	e := c.list.put(m)
	e.ackTokens = append(e.ackTokens, ev.Token)
	c.append(m)
}

// prepareRefusal says why a prepare under the current ballot is not taken, ErrOK when it is.
func (c *Core) prepareRefusal(ev PrepareReceived) base.ErrorCode {
	switch c.status {
	case Secondary:
		if ev.Role == Secondary {
			return base.ErrOK
		}
	case Learner:
		switch {
		case ev.Role != Learner || ev.Signature < c.learning.signature:
			return base.ErrInvalidState
		case ev.Signature > c.learning.signature || c.learning.phase == LearnWithoutPrepare:
			return base.ErrTryAgain
		}
		return base.ErrOK
	case Inactive:
		if c.transient {
			return base.ErrInactiveState
		}
	}
	return base.ErrInvalidState
}

func (c *Core) ackPrepare(ev PrepareReceived, code base.ErrorCode) {
	c.emit(AckPrepare{Token: ev.Token, Err: code, Ballot: c.config.Ballot, Decree: ev.Mutation.Decree, LastCommitted: c.list.committed})
}

func (c *Core) dropTokens(e *entry) {
	for _, token := range e.ackTokens {
		c.emit(DropPrepare{Token: token})
	}
	e.ackTokens = nil
}
