package pacifica

import (
	"slices"
	"strings"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// The host side of the model: effects carried out on the cluster's network and meta server.

func (n *node) perform(effect Effect) {
	c := n.c
	life := n.life
	alive := func() bool { return n.up && n.life == life && n.core != nil }
	switch e := effect.(type) {
	case PersistBallot:
		n.disk.ballot = max(n.disk.ballot, e.Ballot)
	case Append:
		n.append(e.Mutation)
	case Apply:
		n.apply(e)
	case SendPrepare:
		n.at(c, e.DelayMs, func() { n.sendPrepare(e) })
	case AckPrepare, AckGroupCheck, AckLearn, AckCompletion:
		n.answer(e)
	case FailWrites:
		for _, t := range e.Tokens {
			if id, ok := n.writes[t]; ok && e.Silent {
				c.say("%s leaves %s unanswered", n, id)
			} else if ok {
				c.say("%s refuses %s: %s", n, id, e.Err)
			}
			delete(n.writes, t)
		}
	case UpdateMeta:
		n.metaSeq[e.Seq] = true
		c.say("%s asks meta: %s %s at ballot %d", n, typeName(e.Type), c.nameOf(e.Node), e.Config.Ballot)
		n.repeat(300, func() bool { return alive() && n.metaSeq[e.Seq] }, func() { n.sendUpdate(e, alive) })
	case CancelMeta:
		delete(n.metaSeq, e.Seq)
	case SendGroupCheck:
		n.sendGroupCheck(e)
	case SendRemove:
		c.send("remove", n, c.find(e.To), func() { c.find(e.To).step(RemoveReceived{Ballot: e.Ballot}) })
	case SendResign:
		c.send("update", n, nil, func() {
			c.meta.update(n, UpdateMeta{Type: configDowngradeToInactive, Node: n.addr, Config: e.Config}, func(base.ErrorCode, Config) {})
		})
	case SendLearn:
		n.at(c, e.DelayMs, func() { n.sendLearn(e) })
	case ServeLearn:
		n.serveLearn(e)
	case InstallCheckpoint:
		n.install(e)
	case ResetState:
		n.reset(e)
	case SendCompletion:
		n.sendCompletion(e)
	case Close:
		n.close(e.Err)
	}
}

func typeName(t ConfigType) string { return strings.TrimPrefix(t.String(), "CT_") }

func (n *node) sendUpdate(e UpdateMeta, alive func() bool) {
	c := n.c
	c.send("update", n, nil, func() {
		c.meta.update(n, e, func(code base.ErrorCode, cfg Config) {
			c.send("update_ack", nil, n, func() {
				if alive() && n.metaSeq[e.Seq] {
					delete(n.metaSeq, e.Seq)
					n.step(MetaReplied{Seq: e.Seq, Err: code, Config: cfg})
				}
			})
		})
	})
}

// rpc delivers a request and its answer, or a timeout.
func (n *node) rpc(kind string, to Node, request func(*node, uint64), done func(base.ErrorCode, Effect)) {
	c, life, finished := n.c, n.life, false
	finish := func(code base.ErrorCode, e Effect) {
		if !finished && n.up && n.life == life && n.core != nil {
			finished = true
			done(code, e)
		}
	}
	n.at(c, 800, func() { finish(base.ErrTimeout, nil) })
	peer := c.find(to)
	if peer == nil {
		return
	}
	answer := func(code base.ErrorCode, e Effect) {
		c.send(kind+"_ack", peer, n, func() { finish(code, e) })
	}
	c.send(kind, n, peer, func() {
		switch {
		case !peer.up:
			answer(base.ErrNetworkFailure, nil)
		case peer.core == nil:
			answer(base.ErrObjectNotFound, nil)
		default:
			peer.lastToken++
			token := peer.lastToken
			peer.tokens[token] = func(e Effect) { answer(base.ErrOK, e) }
			request(peer, token)
		}
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
	replied := PrepareReplied{From: e.To, Ballot: e.Mutation.Ballot, Decree: e.Mutation.Decree, Round: e.Round}
	n.rpc("prepare", e.To, func(to *node, token uint64) {
		m := n.c.decoded(e.Mutation)
		to.step(PrepareReceived{Token: token, From: primary, Ballot: e.Ballot, Role: e.Role, Signature: e.Signature, Primary: primary, Mutation: m})
	}, func(code base.ErrorCode, answer Effect) {
		replied.Err = code
		if a, ok := answer.(AckPrepare); ok {
			replied.Err = a.Err
		}
		n.step(replied)
	})
}

// decoded is a mutation as it comes out of a message.
func (c *cluster) decoded(m *Mutation) *Mutation {
	copied, err := DecodeMutation(slices.Clone(m.Raw), nil)
	if err != nil {
		c.failf("decode: %v", err)
		return m
	}
	return copied
}

func (n *node) sendGroupCheck(e SendGroupCheck) {
	primary := n.addr
	ev := GroupCheckReceived{Ballot: e.Ballot, Role: e.Role, Signature: e.Signature, Primary: primary, LastCommitted: e.LastCommitted}
	peer := n.c.find(e.To)
	// A learner's replica is made when it is not there.
	open := func(to *node) {
		if e.Role == Learner && to.up && to.core == nil && n.c.err == nil {
			to.open()
		}
	}
	if e.AddLearner {
		n.c.send("add_learner", n, peer, func() {
			open(peer)
			peer.step(ev)
		})
		return
	}
	if e.Role == Learner {
		n.c.send("group_check", n, peer, func() { open(peer) })
	}
	n.rpc("group_check", e.To, func(to *node, token uint64) {
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

func (n *node) sendCompletion(e SendCompletion) {
	n.rpc("completion", e.To, func(to *node, token uint64) {
		to.step(CompletionReceived{Token: token, From: n.addr, Signature: e.Signature, Phase: LearnSucceeded})
	}, func(code base.ErrorCode, answer Effect) {
		if a, ok := answer.(AckCompletion); ok {
			code = a.Err
		}
		n.step(CompletionReplied{Signature: e.Signature, Err: code})
	})
}

func (n *node) sendLearn(e SendLearn) {
	if n.core == nil {
		return
	}
	n.rpc("learn", e.To, func(to *node, token uint64) {
		ask := LearnReceived{Token: token, From: n.addr, Signature: e.Signature, LastCommitted: e.LastCommitted}
		to.step(ask)
	}, func(code base.ErrorCode, answer Effect) {
		r := LearnReplied{Signature: e.Signature, Err: code}
		if a, ok := answer.(AckLearn); ok {
			r.Err, r.Answer = a.Err, a.Answer
			r.Answer.Mutations = nil
			for _, m := range a.Answer.Mutations {
				r.Answer.Mutations = append(r.Answer.Mutations, n.c.decoded(m))
			}
			n.c.say("%s learns from %s: %s", n, n.c.nameOf(e.To), roundText(a))
		}
		n.step(r)
	})
}
