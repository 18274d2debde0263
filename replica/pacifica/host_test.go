package pacifica

import (
	"errors"
	"slices"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// The host side of the model: effects carried out on the cluster's network and meta server.

func (n *node) perform(effect Effect) {
	c := n.c
	life := n.life
	alive := func() bool { return n.up && n.life == life && n.core != nil }
	switch e := effect.(type) {
	case PersistBallot:
		n.ballot = max(n.ballot, e.Ballot)
	case Append:
		n.append(e.Mutation)
	case Apply:
		n.apply(e)
	case SendPrepare:
		c.at(e.DelayMs, func() { n.sendPrepare(e) })
	case AckPrepare, AckGroupCheck, AckLearn, AckCompletion:
		n.answer(e)
	case FailWrites:
		for _, t := range e.Tokens {
			delete(n.writes, t)
		}
	case UpdateMeta:
		n.metaSeq[e.Seq] = true
		c.note("%s asks meta: %v ballot %d node %s", n.addr, e.Type, e.Config.Ballot, e.Node)
		var try func()
		try = func() {
			if !alive() || !n.metaSeq[e.Seq] {
				return
			}
			c.send(n, nil, func() {
				code, cfg := c.meta.update(c, e)
				c.send(nil, n, func() {
					if alive() && n.metaSeq[e.Seq] {
						delete(n.metaSeq, e.Seq)
						n.step(MetaReplied{Seq: e.Seq, Err: code, Config: cfg})
					}
				})
			})
			c.at(300, try)
		}
		try()
	case CancelMeta:
		delete(n.metaSeq, e.Seq)
	case SendGroupCheck:
		n.sendGroupCheck(e)
	case SendRemove:
		c.send(n, c.find(e.To), func() { c.find(e.To).step(RemoveReceived{Ballot: e.Ballot}) })
	case SendLearn:
		c.at(e.DelayMs, func() { n.sendLearn(e) })
	case ServeLearn:
		n.serveLearn(e)
	case InstallCheckpoint:
		n.install(e)
	case ResetState:
		n.store, n.log, n.durable = nil, nil, 0
		c.note("%s resets its state", n.addr)
		c.at(1, func() {
			if alive() {
				n.step(StateReset{Signature: e.Signature})
			}
		})
	case SendCompletion:
		n.rpc(e.To, func(to *node, token uint64) {
			to.step(CompletionReceived{Token: token, From: n.addr, Signature: e.Signature, Phase: LearnSucceeded})
		}, func(code base.ErrorCode, answer Effect) {
			if a, ok := answer.(AckCompletion); ok {
				code = a.Err
			}
			n.step(CompletionReplied{Signature: e.Signature, Err: code})
		})
	case Close:
		c.note("%s closes: %v", n.addr, e.Err)
		n.core = nil
		n.life++ // callbacks of this replica are void; the node itself restarts its timers
		c.start(n)
		n.core = nil
	}
}

// append reaches the log in order, a little later, all or nothing per entry.
func (n *node) append(m *Mutation) {
	life := n.life
	delay := int64(1)
	if n.c.faults.lateLogs && n.c.rng.IntN(10) == 0 {
		delay = n.c.rng.Int64N(50)
	}
	n.logFreeMs = max(n.logFreeMs, n.c.nowMs+delay)
	n.c.at(n.logFreeMs-n.c.nowMs, func() {
		if !n.up || n.life != life || n.core == nil {
			return
		}
		n.log = append(n.log, m)
		n.step(Logged{Ballot: m.Ballot, Decree: m.Decree})
	})
}

// rpc delivers a request and its answer, or a timeout.
func (n *node) rpc(to Node, request func(*node, uint64), done func(base.ErrorCode, Effect)) {
	c, life, finished := n.c, n.life, false
	finish := func(code base.ErrorCode, e Effect) {
		if !finished && n.up && n.life == life && n.core != nil {
			finished = true
			done(code, e)
		}
	}
	c.at(800, func() { finish(base.ErrTimeout, nil) })
	peer := c.find(to)
	if peer == nil {
		return
	}
	c.send(n, peer, func() {
		if !peer.up {
			c.send(peer, n, func() { finish(base.ErrNetworkFailure, nil) })
			return
		}
		if peer.core == nil {
			c.send(peer, n, func() { finish(base.ErrObjectNotFound, nil) })
			return
		}
		peer.lastToken++
		token := peer.lastToken
		peer.tokens[token] = func(e Effect) { c.send(peer, n, func() { finish(base.ErrOK, e) }) }
		request(peer, token)
	})
}

func (n *node) answer(e Effect) {
	var token uint64
	switch e := e.(type) {
	case AckPrepare:
		token = e.Token
	case AckGroupCheck:
		token = e.Token
	case AckLearn:
		token = e.Token
	case AckCompletion:
		token = e.Token
	}
	if reply := n.tokens[token]; reply != nil {
		delete(n.tokens, token)
		reply(e)
	}
}

func (n *node) sendPrepare(e SendPrepare) {
	if n.core == nil {
		return
	}
	primary := n.addr
	replied := PrepareReplied{From: e.To, Ballot: e.Mutation.Ballot, Decree: e.Mutation.Decree}
	n.rpc(e.To, func(to *node, token uint64) {
		m, err := DecodeMutation(slices.Clone(e.Mutation.Raw), nil)
		if err != nil {
			n.c.failf("decode: %v", err)
			return
		}
		to.step(PrepareReceived{Token: token, From: primary, Ballot: e.Ballot, Role: e.Role, Signature: e.Signature, Primary: primary, Mutation: m})
	}, func(code base.ErrorCode, answer Effect) {
		replied.Err = code
		if a, ok := answer.(AckPrepare); ok {
			replied.Err = a.Err
		}
		n.step(replied)
	})
}

func (n *node) sendGroupCheck(e SendGroupCheck) {
	primary := n.addr
	ev := GroupCheckReceived{Ballot: e.Ballot, Role: e.Role, Signature: e.Signature, Primary: primary, LastCommitted: e.LastCommitted}
	peer := n.c.find(e.To)
	if e.Role == Learner {
		// A learner's replica is made when it is not there.
		n.c.send(n, peer, func() {
			if peer.up && peer.core == nil && n.c.err == nil {
				peer.exists = true
				peer.open()
			}
		})
	}
	if e.AddLearner {
		n.c.send(n, peer, func() { peer.step(ev) })
		return
	}
	n.rpc(e.To, func(to *node, token uint64) {
		ev.Token = token
		to.step(ev)
	}, func(code base.ErrorCode, answer Effect) {
		r := GroupCheckReplied{From: e.To, Ballot: e.Ballot, Role: e.Role, Err: code}
		if a, ok := answer.(AckGroupCheck); ok {
			r.Err, r.Phase, r.Signature = a.Err, a.Phase, a.Signature
		}
		n.step(r)
	})
}

func (n *node) sendLearn(e SendLearn) {
	if n.core == nil {
		return
	}
	n.rpc(e.To, func(to *node, token uint64) {
		to.step(LearnReceived{Token: token, From: n.addr, Signature: e.Signature, LastCommitted: e.LastCommitted})
	}, func(code base.ErrorCode, answer Effect) {
		r := LearnReplied{Signature: e.Signature, Err: code}
		if a, ok := answer.(AckLearn); ok {
			r.Err, r.Answer = a.Err, a.Answer
			r.Answer.Mutations = nil
			for _, m := range a.Answer.Mutations {
				copied, err := DecodeMutation(slices.Clone(m.Raw), nil)
				if err != nil {
					n.c.failf("decode: %v", err)
				}
				r.Answer.Mutations = append(r.Answer.Mutations, copied)
			}
		}
		n.step(r)
	})
}

// serveLearn reads the log: the version of a decree appended last counts.
func (n *node) serveLearn(e ServeLearn) {
	a := e.Answer
	latest := map[int64]*Mutation{}
	for _, m := range n.log {
		latest[m.Decree] = m
	}
	for d := e.From; d <= e.To && len(a.Mutations) < 30 && latest[d] != nil; d++ {
		a.Mutations = append(a.Mutations, latest[d])
	}
	a.Kind = LearnLog
	if len(a.Mutations) == 0 {
		n.durable = len(n.store)
		a.Kind, a.CheckpointDecree, a.Files = LearnCheckpoint, int64(len(n.store)), slices.Clone(n.store)
	}
	n.answer(AckLearn{Token: e.Token, Err: base.ErrOK, Answer: a})
}

func (n *node) install(e InstallCheckpoint) {
	life := n.life
	n.c.at(20+n.c.rng.Int64N(400), func() {
		if !n.up || n.life != life || n.core == nil {
			return
		}
		if _, sig := n.core.LearnProgress(); sig != e.Signature || n.core.Status() != Learner {
			return
		}
		if n.c.rng.IntN(10) == 0 {
			n.step(LearnReplied{Signature: e.Signature, Err: base.ErrTryAgain})
			return
		}
		n.store, n.log = slices.Clone(e.Answer.Files), nil
		n.durable = len(n.store)
		n.c.note("%s installed checkpoint %d", n.addr, n.durable)
		n.step(CheckpointInstalled{Signature: e.Signature, Decree: e.Answer.CheckpointDecree})
	})
}

// update is the meta server's rule: one ballot more than stored, or the stored configuration.
func (m *metaModel) update(c *cluster, e UpdateMeta) (base.ErrorCode, Config) {
	if e.Config.Ballot != m.config.Ballot+1 {
		return base.ErrInvalidVersion, m.config
	}
	m.config = e.Config
	c.note("meta: ballot %d primary %s secondaries %v", m.config.Ballot, m.config.Primary, m.config.Secondaries)
	if err := m.check(); err != nil {
		c.failf("meta: %v", err)
	}
	return base.ErrOK, m.config
}

func (m *metaModel) check() error {
	if m.config.Primary.IsValid() && slices.Contains(m.config.Secondaries, m.config.Primary) {
		return errors.New("the primary is among the secondaries")
	}
	return nil
}

// metaTick is a small partition guardian.
func (c *cluster) metaTick() {
	m := &c.meta
	alive := func(n Node) bool {
		t, ok := m.beacons[n]
		return ok && c.nowMs-t <= simGraceMs
	}
	propose := func(to Node, typ ConfigType, node Node) {
		cfg, n := m.config, c.find(to)
		c.send(nil, n, func() {
			if !n.up {
				return
			}
			if n.core == nil && typ == configAssignPrimary && cfg.Ballot == 0 {
				n.exists = true
				n.open()
			}
			if n.core == nil && n.exists && c.err == nil {
				n.open()
			}
			n.step(ProposalReceived{Type: typ, Node: node, Config: cfg})
		})
	}
	if p := m.config.Primary; p.IsValid() && !alive(p) {
		cfg := m.config.without(p).withDropped(p)
		cfg.Ballot++
		m.config = cfg
		c.note("meta: primary %s is dead, ballot %d", p, cfg.Ballot)
	}
	switch {
	case m.config.Primary.IsValid():
		if m.config.Members() >= 3 {
			return
		}
		for _, n := range c.nodes {
			if m.config.RoleOf(n.addr) == Inactive && alive(n.addr) && c.rng.IntN(3) == 0 {
				propose(m.config.Primary, configAddSecondary, n.addr)
				return
			}
		}
	case len(m.config.Secondaries) > 0:
		for _, s := range m.config.Secondaries {
			if alive(s) && c.rng.IntN(2) == 0 {
				propose(s, configUpgradeToPrimary, s)
				return
			}
		}
	case m.config.Ballot == 0:
		if n := c.nodes[0]; alive(n.addr) {
			propose(n.addr, configAssignPrimary, n.addr)
		}
	default:
		// Everybody is gone: only the last one to go surely has everything.
		last := m.config.LastDrops[len(m.config.LastDrops)-1]
		if alive(last) {
			propose(last, configAssignPrimary, last)
		}
	}
}
