package pacifica

import (
	"errors"
	"fmt"
	"slices"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// The host side of the model: effects carried out on log and store.

// append reaches the log in order, a little later, all or nothing per entry.
func (n *node) append(m *Mutation) {
	life := n.life
	delay := int64(1)
	if n.c.script != nil {
		delay = 0
	} else if n.c.faults.lateLogs && n.c.chance(10) {
		delay = n.c.within(50)
	}
	n.logFreeMs = max(n.logFreeMs, n.c.nowMs+delay)
	write := func() {
		if !n.up || n.life != life || n.core == nil {
			return
		}
		if n.broken.log {
			n.step(Logged{Ballot: m.Ballot, Decree: m.Decree, Err: errors.New("the log cannot be written")})
			return
		}
		n.disk.log = append(n.disk.log, m)
		n.step(Logged{Ballot: m.Ballot, Decree: m.Decree})
	}
	n.logQueue = append(n.logQueue, write)
	if !n.broken.holdLog {
		n.at(n.c, n.logFreeMs-n.c.nowMs, n.writeLog)
	}
}

// writeLog finishes the append that waits longest.
func (n *node) writeLog() {
	if len(n.logQueue) > 0 && n.up && n.core != nil {
		write := n.logQueue[0]
		n.logQueue = n.logQueue[1:]
		write()
	}
}

func content(m *Mutation) string {
	s := fmt.Sprintf("ts%d", m.TimestampUs)
	for _, u := range m.Updates {
		s += " " + string(u.Body)
	}
	return s
}

func (n *node) apply(a Apply) {
	m, d := a.Mutation, &n.disk
	if n.behind {
		return
	}
	if n.broken.apply {
		n.behind = true
		n.c.at(0, func() { n.step(Failed{Err: errors.New("the store cannot be written")}) })
		return
	}
	if int(m.Decree) != len(d.store)+1 {
		n.c.failf("%s applies decree %d after %d", n, m.Decree, len(d.store))
		return
	}
	n.c.checkApplied(n, m)
	d.store = append(d.store, content(m))
	n.c.applied++
	if n.c.chance(40) {
		d.durable = len(d.store)
		if n.c.chance(2) {
			d.log = slices.DeleteFunc(d.log, func(m *Mutation) bool { return int(m.Decree) <= d.durable-5 })
		}
	}
	if a.Reply && n.leaseMs > n.c.nowMs {
		for _, u := range m.Updates {
			if id, ok := n.writes[u.Token]; ok {
				delete(n.writes, u.Token)
				n.c.acked = append(n.c.acked, id)
				n.c.say("%s answers %s", n, id)
				n.c.checkAnswered(n, m.Decree)
			}
		}
	}
}

// latest are the versions of the log's decrees that count: those appended last.
func (d *disk) latest() map[int64]*Mutation {
	latest := map[int64]*Mutation{}
	for _, m := range d.log {
		latest[m.Decree] = m
	}
	return latest
}

// checkpoint makes the store durable.
func (d *disk) checkpoint() { d.durable = len(d.store) }

// serveLearn reads the log, or makes a checkpoint when the log does not reach back.
func (n *node) serveLearn(e ServeLearn) {
	a := e.Answer
	latest := n.disk.latest()
	for d := e.From; d <= e.To && len(a.Mutations) < 30 && latest[d] != nil; d++ {
		a.Mutations = append(a.Mutations, latest[d])
	}
	a.Kind = LearnLog
	if len(a.Mutations) == 0 {
		if n.broken.checkpoint {
			n.answer(AckLearn{Token: e.Token, Err: base.ErrGetLearnStateFailed, Answer: a})
			return
		}
		n.disk.checkpoint()
		a.Kind, a.CheckpointDecree, a.Files = LearnCheckpoint, int64(len(n.disk.store)), slices.Clone(n.disk.store)
	}
	n.answer(AckLearn{Token: e.Token, Err: base.ErrOK, Answer: a})
}

func roundText(a AckLearn) string {
	span := "nothing"
	if m := a.Answer.Mutations; len(m) > 0 {
		span = fmt.Sprintf("%d-%d", m[0].Decree, m[len(m)-1].Decree)
	}
	switch {
	case a.Err != base.ErrOK:
		return a.Err.Name
	case a.Answer.Reset:
		return "reset"
	case a.Answer.Kind == LearnCache:
		return fmt.Sprintf("cache %s, prepares from %d", span, a.Answer.PrepareStart)
	case a.Answer.Kind == LearnLog:
		return "log " + span
	}
	return fmt.Sprintf("checkpoint %d", a.Answer.CheckpointDecree)
}

func (n *node) install(e InstallCheckpoint) {
	life, delay := n.life, int64(0)
	if n.c.script == nil {
		delay = 20 + n.c.within(400)
	}
	n.at(n.c, delay, func() {
		if !n.up || n.life != life || n.core == nil {
			return
		}
		if _, sig := n.core.LearnProgress(); sig != e.Signature || n.core.Status() != Learner {
			return
		}
		if n.broken.install || n.c.chance(10) {
			n.step(LearnReplied{Signature: e.Signature, Err: base.ErrTryAgain})
			return
		}
		d := &n.disk
		d.store, d.log = slices.Clone(e.Answer.Files), nil
		d.checkpoint()
		n.c.say("%s installs checkpoint %d", n, d.durable)
		n.step(CheckpointInstalled{Signature: e.Signature, Decree: e.Answer.CheckpointDecree})
	})
}

func (n *node) reset(e ResetState) {
	life := n.life
	if n.broken.reset {
		n.close(errors.New("the state cannot be set aside"))
		return
	}
	n.c.checkReset(n)
	n.disk.store, n.disk.log, n.disk.durable = nil, nil, 0
	n.c.say("%s resets its state", n)
	n.at(n.c, 0, func() {
		if n.up && n.life == life && n.core != nil {
			n.step(StateReset{Signature: e.Signature})
		}
	})
}
