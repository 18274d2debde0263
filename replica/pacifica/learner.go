package pacifica

import (
	"fmt"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// learningState is what a learner knows of its own learning. A newer signature starts it anew;
// everything that carries another signature than the current one is stale and ignored.
type learningState struct {
	signature int64
	phase     LearnPhase
	// busy: a request, a copy or a reset is on its way and will come back as an event.
	busy bool
	// learned are the mutations of a log or cache round on their way to the log, the next decree first.
	learned []*Mutation
	// logTarget is the append that must be logged before the round after it may begin; complete
	// says that this round was the last.
	logTarget  uint64
	complete   bool
	retryAtMs  int64
	notifiedMs int64
}

// learnerSilenceMsMax is how long a learner waits for word from its primary before it gives up.
const learnerSilenceMsMax = 120_000

// startLearning begins or continues learning under a signature.
func (c *Core) startLearning(signature int64) {
	s := &c.learning
	if signature <= 0 || signature < s.signature {
		return
	}
	if signature > s.signature {
		for d := c.list.committed + 1; d <= c.list.last; d++ {
			c.dropTokens(c.list.get(d))
		}
		// The tail of an earlier life is not this primary's; it stays in the log, out of sight.
		c.list.dropUncommitted()
		c.member.commitTarget = c.list.committed
		*s = learningState{signature: signature, phase: LearnWithoutPrepare}
		c.askLearn(0)
		return
	}
	switch {
	case s.phase == LearnSucceeded:
		c.notifyCompletion()
	case s.phase == LearnWithoutPrepare && !s.busy && s.logTarget == 0 && s.retryAtMs == 0:
		c.askLearn(0)
	}
}

func (c *Core) askLearn(delayMs int64) {
	c.learning.busy = true
	c.learning.retryAtMs = 0
	c.emit(SendLearn{To: c.config.Primary, Signature: c.learning.signature, LastCommitted: c.list.committed, DelayMs: delayMs})
}

func (c *Core) notifyCompletion() {
	c.learning.notifiedMs = c.now.MonoMs
	c.emit(SendCompletion{To: c.config.Primary, Signature: c.learning.signature, LastCommitted: c.list.committed})
}

// current reports whether a result belongs to the learning in progress.
func (c *Core) current(signature int64) bool {
	return c.status == Learner && signature == c.learning.signature
}

func (c *Core) onLearnReplied(ev LearnReplied) {
	if !c.current(ev.Signature) {
		return
	}
	c.learning.busy = false
	c.member.heardMs = c.now.MonoMs
	switch ev.Err {
	case base.ErrOK:
	case base.ErrObjectNotFound, base.ErrWrongChecksum, base.ErrInvalidState:
		// The primary does not know this candidacy; the meta server will propose another.
		c.leave(c.config, nil)
		return
	default:
		c.learning.retryAtMs = c.now.MonoMs + c.params.LearnRetryMs
		return
	}
	a := &ev.Answer
	if a.Ballot > c.config.Ballot {
		cfg := c.config
		cfg.Ballot = a.Ballot
		c.raiseBallot(cfg)
	}
	switch {
	case a.Reset:
		c.learning.busy = true
		c.emit(ResetState{Signature: ev.Signature})
	case a.Kind == LearnCheckpoint:
		c.learning.busy = true
		c.emit(InstallCheckpoint{From: c.config.Primary, Signature: ev.Signature, Answer: *a})
	default:
		c.takeLearned(a)
	}
}

// takeLearned logs the committed mutations of a log or cache round. They are applied when they are logged
// and not before: the log of an earlier life may hold other versions of them, which a store that is
// ahead of the log would leave in force.
func (c *Core) takeLearned(a *LearnAnswer) {
	if a.Kind == LearnLog && len(a.Mutations) == 0 {
		c.learning.retryAtMs = c.now.MonoMs + c.params.LearnRetryMs
		return
	}
	next := c.list.committed + int64(len(c.learning.learned)) + 1
	for _, m := range a.Mutations {
		if m.Decree < next {
			continue
		}
		if m.Decree != next || m.Gpid != c.gpid {
			c.fail(fmt.Errorf("learn %s: the primary sent decree %d where %d is next", c.gpid, m.Decree, next))
			return
		}
		next++
		c.lastTsUs = max(c.lastTsUs, m.TimestampUs)
		c.learning.learned = append(c.learning.learned, m)
		c.append(m)
	}
	if a.Kind == LearnCache {
		if next < a.PrepareStart {
			c.fail(fmt.Errorf("learn %s: decrees %d..%d are missing in the primary's answer", c.gpid, next, a.PrepareStart-1))
			return
		}
		c.learning.complete = true
	}
	c.learning.logTarget = c.appendSeq
	c.learnLogged()
}

// applyLearned applies a learned mutation that is in the log.
func (c *Core) applyLearned(ev Logged) {
	s := &c.learning
	if len(s.learned) == 0 || s.learned[0].Decree != ev.Decree || s.learned[0].Ballot != ev.Ballot {
		return
	}
	m := s.learned[0]
	s.learned = s.learned[1:]
	c.list.put(m).logged = true
	c.list.advance()
	c.member.commitTarget = max(c.member.commitTarget, m.Decree)
	c.emit(Apply{Mutation: m})
}

// learnLogged goes on once the round's mutations are in the log.
func (c *Core) learnLogged() {
	s := &c.learning
	if s.busy || s.phase == LearnSucceeded || len(s.learned) > 0 || c.loggedSeq < s.logTarget || (s.logTarget == 0 && !s.complete) {
		return
	}
	s.logTarget = 0
	if s.complete {
		s.phase = LearnSucceeded
		c.notifyCompletion()
		return
	}
	c.askLearn(0)
}

func (c *Core) onCheckpointInstalled(ev CheckpointInstalled) {
	if !c.current(ev.Signature) {
		if ev.Err == nil && ev.Decree > c.list.committed {
			// The state under this core changed although the candidacy had ended.
			c.fail(fmt.Errorf("learn %s: checkpoint %d installed after the learning ended", c.gpid, ev.Decree))
		}
		return
	}
	c.learning.busy = false
	if ev.Err != nil {
		c.fail(ev.Err)
		return
	}
	c.list.reset(ev.Decree)
	c.member.commitTarget = ev.Decree
	c.askLearn(0)
}

func (c *Core) onStateReset(ev StateReset) {
	if ev.Err != nil {
		c.fail(ev.Err)
		return
	}
	c.list.reset(0)
	c.member.commitTarget = 0
	if c.current(ev.Signature) {
		c.learning.busy = false
		c.askLearn(0)
	}
}

func (c *Core) onCompletionReplied(ev CompletionReplied) {
	if !c.current(ev.Signature) || c.learning.phase != LearnSucceeded {
		return
	}
	switch ev.Err {
	case base.ErrLearnerNotFound, base.ErrInvalidState, base.ErrObjectNotFound:
		c.leave(c.config, nil)
	}
	// Anything else, success included: the promotion arrives with the next prepare or group check,
	// or learnerTick asks again.
}

func (c *Core) learnerTick() {
	s := &c.learning
	switch {
	case c.now.MonoMs-c.member.heardMs > learnerSilenceMsMax:
		c.leave(c.config, nil)
	case s.retryAtMs > 0 && c.now.MonoMs >= s.retryAtMs:
		c.askLearn(0)
	case s.phase == LearnSucceeded && c.now.MonoMs >= s.notifiedMs+c.params.UpgradeResendMs:
		c.notifyCompletion()
	}
}

func (c *Core) learnerDeadlineMs() int64 {
	d := c.member.heardMs + learnerSilenceMsMax
	if c.learning.retryAtMs > 0 {
		d = min(d, c.learning.retryAtMs)
	}
	if c.learning.phase == LearnSucceeded {
		d = min(d, c.learning.notifiedMs+c.params.UpgradeResendMs)
	}
	return d
}
