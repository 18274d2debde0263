package pacifica

import (
	"fmt"
	"slices"
)

// watch is the memory of an observer who sees all nodes at once. What it checks after every step is
// listed in docs/reliability/paper.md.
type watch struct {
	truth    map[int64]string         // decree -> what was applied, anywhere
	holder   map[int64]Node           // ballot -> the one node that was primary under it
	stored   map[int64]Config         // ballot -> what the meta server stored
	promised map[Node]int64           // highest ballot under which a node said anything
	acks     map[ackKey]map[Node]bool // who acknowledged what, from delivered answers
	seen     map[int64]bool           // timestamps of mutations that were prepared
	answered int64                    // highest decree whose client was answered
}

type ackKey struct{ ballot, decree int64 }

func newWatch() watch {
	return watch{
		truth: map[int64]string{}, holder: map[int64]Node{}, stored: map[int64]Config{}, promised: map[Node]int64{}, acks: map[ackKey]map[Node]bool{}, seen: map[int64]bool{},
	}
}

// checkStored: versions of the configuration step by one, and nobody is a member twice.
func (c *cluster) checkStored(old, cfg Config) {
	c.say("meta: ballot %d primary %s secondaries %s", cfg.Ballot, c.nameOf(cfg.Primary), c.namesOf(cfg.Secondaries))
	c.watch.stored[cfg.Ballot] = cfg
	if cfg.Ballot != old.Ballot+1 {
		c.failf("meta: ballot %d after %d", cfg.Ballot, old.Ballot)
	}
	members := append([]Node{cfg.Primary}, cfg.Secondaries...)
	for i, m := range members {
		if m.IsValid() && slices.Contains(members[:i], m) {
			c.failf("meta: %s is a member twice", c.nameOf(m))
		}
	}
	if int32(cfg.Members()) > cfg.MaxReplicaCount+1 {
		c.failf("meta: %d members of at most %d", cfg.Members(), cfg.MaxReplicaCount)
	}
}

// checkOpened: a restarted replica is bound by whatever it said before.
func (c *cluster) checkOpened(n *node) {
	if b := n.core.Config().Ballot; b < c.watch.promised[n.addr] {
		c.failf("%s comes back with ballot %d after it spoke under %d", n, b, c.watch.promised[n.addr])
	}
	if err := n.core.Check(); err != nil {
		c.failf("node %s: %v", n, err)
	}
}

// learnerDigest is what a stale message must not change.
type learnerDigest struct {
	stale              bool
	phase              LearnPhase
	signature          int64
	ballot, last, done int64
	status             Status
}

func digestOf(core *Core) learnerDigest {
	return learnerDigest{
		phase: core.learning.phase, signature: core.learning.signature, ballot: core.config.Ballot,
		last: core.list.last, done: core.list.committed, status: core.status,
	}
}

// beforeStep notes whether the only event is one of an earlier candidacy.
func (c *cluster) beforeStep(n *node, events []Event) learnerDigest {
	d := digestOf(n.core)
	if len(events) != 1 {
		return d
	}
	older := func(signature int64) bool { return signature > 0 && signature < d.signature }
	switch e := events[0].(type) {
	case PrepareReceived:
		d.stale = e.Ballot <= d.ballot && older(e.Signature)
	case GroupCheckReceived:
		d.stale = e.Ballot <= d.ballot && older(e.Signature)
	case LearnReplied:
		d.stale = older(e.Signature)
	case CompletionReplied:
		d.stale = older(e.Signature)
	case CheckpointInstalled:
		d.stale = older(e.Signature)
	case PrepareReplied:
		if e.Err.Name == "ERR_OK" {
			k := ackKey{e.Ballot, e.Decree}
			if c.watch.acks[k] == nil {
				c.watch.acks[k] = map[Node]bool{}
			}
			c.watch.acks[k][e.From] = true
		}
	}
	return d
}

func (c *cluster) afterStep(n *node, before learnerDigest, effects []Effect) {
	core := n.core
	if err := core.Check(); err != nil {
		c.failf("node %s: %v", n, err)
	}
	if core.Config().Ballot < before.ballot {
		c.failf("%s goes back from ballot %d to %d", n, before.ballot, core.Config().Ballot)
	}
	if now := digestOf(core); before.stale && before.status == Learner {
		before.stale = false
		if now != before {
			c.failf("%s: a message of an earlier candidacy changed %+v to %+v", n, before, now)
		}
	}
	persisted := n.disk.ballot
	for _, m := range n.disk.log {
		persisted = max(persisted, m.Ballot)
	}
	for _, e := range effects {
		switch e := e.(type) {
		case PersistBallot:
			persisted = max(persisted, e.Ballot)
		case Append:
			c.checkNew(n, e.Mutation)
		case SendPrepare:
			c.spoke(n, e.Ballot, persisted)
		case SendGroupCheck:
			c.spoke(n, e.Ballot, persisted)
		case AckPrepare:
			c.spoke(n, e.Ballot, persisted)
		case Apply:
			if e.Reply {
				c.checkCommit(n, e.Mutation)
			}
		case UpdateMeta:
			if e.Type == configUpgradeToSecondary {
				c.checkUpgrade(n, c.find(e.Node))
			}
		}
	}
}

// spoke: nothing is said under a ballot that a restart would forget.
func (c *cluster) spoke(n *node, ballot, persisted int64) {
	if ballot > persisted {
		c.failf("%s speaks under ballot %d but has made only %d durable", n, ballot, persisted)
	}
	c.watch.promised[n.addr] = max(c.watch.promised[n.addr], ballot)
}

// checkCommit: the log of the primary, every member and every learner that takes part have it, by
// answers of distinct nodes that were really delivered.
func (c *cluster) checkCommit(n *node, m *Mutation) {
	acks := c.watch.acks[ackKey{m.Ballot, m.Decree}]
	for _, s := range n.core.Config().Secondaries {
		if !acks[s] {
			c.failf("%s commits %s without an acknowledgement of %s", n, m, c.nameOf(s))
		}
	}
	for _, l := range n.core.primary.learners {
		if l.prepareStart > 0 && l.prepareStart <= m.Decree && !acks[l.node] {
			c.failf("%s commits %s without an acknowledgement of learner %s", n, m, c.nameOf(l.node))
		}
	}
	if !slices.ContainsFunc(n.disk.log, func(x *Mutation) bool { return x.Decree == m.Decree && x.Ballot == m.Ballot }) {
		c.failf("%s commits %s, which is not in its log", n, m)
	}
	have, need := n.core.Config().Members(), n.core.minMembers()
	if have < need && slices.ContainsFunc(m.Updates, func(u Update) bool { return u.Token != 0 }) {
		c.failf("%s answers the writes of %s with %d members of at least %d", n, m, have, need)
	}
}

// checkNew: a mutation that nobody saw before is prepared only with members enough. One that was
// prepared before is prepared again with as many as are left.
func (c *cluster) checkNew(n *node, m *Mutation) {
	if c.watch.seen[m.TimestampUs] {
		return
	}
	c.watch.seen[m.TimestampUs] = true
	if have, need := n.core.Config().Members(), n.core.minMembers(); have < need {
		c.failf("%s prepares new write %s with %d members of at least %d", n, m, have, need)
	}
}

// checkUpgrade: a learner that becomes a member can recover from its own disk everything before the
// first decree that is prepared to it, and everything that was committed since.
func (c *cluster) checkUpgrade(primary, n *node) {
	if have := n.disk.recoverable(); have < primary.core.LastCommitted() {
		c.failf("%s wants to promote %s, which can recover only %d of %d committed decrees", primary, n, have, primary.core.LastCommitted())
	}
}

// recoverable is the last decree that the disk alone can bring back.
func (d *disk) recoverable() int64 {
	latest, last := d.latest(), int64(d.durable)
	for latest[last+1] != nil {
		last++
	}
	return last
}

// checkApplied: all replicas apply the same updates with the same timestamp at a decree.
func (c *cluster) checkApplied(n *node, m *Mutation) {
	text := content(m)
	if old, ok := c.watch.truth[m.Decree]; ok && old != text {
		c.failf("%s applies %q at decree %d where %q was applied before", n, text, m.Decree, old)
	}
	c.watch.truth[m.Decree] = text
}

// checkAnswered: a write that is answered is on the disk of every member.
func (c *cluster) checkAnswered(n *node, decree int64) {
	c.watch.answered = max(c.watch.answered, decree)
	cfg := n.core.Config()
	for _, m := range append([]Node{cfg.Primary}, cfg.Secondaries...) {
		if have := c.find(m).disk.recoverable(); have < decree && !c.find(m).lost {
			c.failf("%s answers decree %d, but the disk of %s ends at %d", n, decree, c.nameOf(m), have)
		}
	}
}

// checkReset: only what its primary never prepared is thrown away. Unless an operator gave up data, that
// cannot be anything that is committed.
func (c *cluster) checkReset(n *node) {
	if c.script == nil {
		c.failf("%s has committed %d decrees that its primary does not know of", n, n.core.LastCommitted())
	}
	p := c.find(n.core.Config().Primary)
	if p.core == nil || p.core.Status() != Primary || p.core.Config().Ballot != n.core.Config().Ballot {
		return // overtaken; what counts is at the new primary
	}
	if last := p.core.MaxDecree(); n.core.LastCommitted() <= last {
		c.failf("%s throws away %d decrees although %s has prepared up to %d", n, n.core.LastCommitted(), p, last)
	}
}

// checkAll looks at all nodes at once.
func (c *cluster) checkAll() {
	var serving *node
	for _, n := range c.nodes {
		if n.core == nil {
			continue
		}
		if n.serves() {
			if serving != nil {
				c.failf("%s and %s both answer reads", serving, n)
			}
			serving = n
			if have := int64(len(n.disk.store)); have < c.watch.answered {
				c.failf("%s answers reads at decree %d although decree %d was answered", n, have, c.watch.answered)
			}
		}
		if err := c.checkRole(n); err != nil {
			c.failf("%s: %v", n, err)
		}
	}
}

// checkRole compares a role with the stored configuration of its ballot and, at a member, with its
// primary (the paper's commit invariant).
func (c *cluster) checkRole(n *node) error {
	core, ballot := n.core, n.core.Config().Ballot
	cfg, known := c.watch.stored[ballot]
	switch core.Status() {
	case Primary:
		if h, ok := c.watch.holder[ballot]; ok && h != n.addr {
			return fmt.Errorf("ballot %d has another primary: %s", ballot, c.nameOf(h))
		}
		c.watch.holder[ballot] = n.addr
		mine := core.Config()
		if known && (cfg.Primary != n.addr || cfg.Members() != mine.Members() || slices.ContainsFunc(mine.Secondaries, func(s Node) bool { return cfg.RoleOf(s) != Secondary })) {
			return fmt.Errorf("is primary of %+v, but the meta server stored %+v", mine, cfg)
		}
	case Secondary:
		if known && cfg.RoleOf(n.addr) != Secondary {
			return fmt.Errorf("is a secondary at ballot %d, which the meta server does not know", ballot)
		}
		p := c.find(core.Config().Primary)
		if p == nil || p.core == nil || p.core.Status() != Primary || p.core.Config().Ballot != ballot || p.core.LastCommitted() < p.core.primary.barrier {
			return nil
		}
		if core.LastCommitted() > p.core.LastCommitted() || p.core.LastCommitted() > core.LastPrepared() {
			return fmt.Errorf("committed %d, prepared %d; its primary %s committed %d", core.LastCommitted(), core.LastPrepared(), p, p.core.LastCommitted())
		}
	}
	return nil
}
