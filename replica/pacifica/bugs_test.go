package pacifica

import (
	"errors"
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// The tests TestBugNN... would catch the bug of that number in docs/reliability/paper.md, found in the
// original over the years. Those that need several nodes are scripts in testdata/bugs.

// Bug 15: an acknowledgement was counted after a local failure had ended the role.
func TestBug15AcknowledgementAfterAFailure(t *testing.T) {
	a := busyPrimary(t, nodeB)
	a.step(write(1))
	e := a.step(Logged{Ballot: 3, Decree: 1, Err: errors.New("disk")}, ackOf(nodeB, 3, 1))
	if len(only[Apply](e)) != 0 || a.Status() != Error {
		t.Errorf("status %v, effects %v", a.Status(), e)
	}
	b := secondaryOf(t)
	b.step(prepareOf(1, 3, 1, 0))
	for _, ack := range only[AckPrepare](b.step(Logged{Ballot: 3, Decree: 1, Err: errors.New("disk")})) {
		if ack.Err == base.ErrOK {
			t.Error("acknowledged what the log refused")
		}
	}
}

// learnerOf is B as a learner of A under ballot 3.
func learnerOf(t *testing.T, signature int64) *at {
	t.Helper()
	b := newAt(t, nodeB)
	b.step(GroupCheckReceived{Ballot: 3, Role: Learner, Signature: signature, Primary: nodeA})
	return b
}

func learnerPrepare(token uint64, signature, ballot, decree, committed int64) PrepareReceived {
	ev := prepareOf(token, ballot, decree, committed)
	ev.Role, ev.Signature = Learner, signature
	return ev
}

// Bug 18: the answer from the primary's cache overwrote a newer version of a decree that had been
// prepared to the learner meanwhile. Bug 19: the same with equal ballots ended the process.
func TestBug18CacheNeverReplacesWhatWasPrepared(t *testing.T) {
	const signature = 3<<32 + 1
	answer := LearnReplied{Signature: signature, Err: base.ErrOK, Answer: LearnAnswer{Kind: LearnCache, Ballot: 3, PrepareStart: 3}}
	for d := int64(1); d <= 2; d++ {
		answer.Answer.Mutations = append(answer.Answer.Mutations, prepareOf(0, 3, d, 0).Mutation)
	}
	b := learnerOf(t, signature)
	b.step(answer)
	b.step(Logged{Ballot: 3, Decree: 1}, Logged{Ballot: 3, Decree: 2})
	b.step(learnerPrepare(1, signature, 3, 3, 2))
	newer := learnerPrepare(2, signature, 5, 3, 2) // the same decree, prepared again under a newer ballot
	b.step(newer)
	// The same answer again, late.
	b.step(answer)
	if e := b.list.get(3); e == nil || e.m.Ballot != 5 {
		t.Fatalf("decree 3 is %+v after a late answer", e)
	}
	if b.Status() != Learner || b.LastCommitted() != 2 {
		t.Errorf("status %v, committed %d", b.Status(), b.LastCommitted())
	}
}

// Bug 23: after learning, entries of an earlier life stayed in the list and were "committed" later.
func TestBug23ListIsEmptyOfEarlierLives(t *testing.T) {
	b := newAt(t, nodeB)
	for d := int64(1); d <= 5; d++ {
		if _, err := b.Replay(prepareOf(0, 2, d, 2).Mutation); err != nil {
			t.Fatal(err)
		}
	}
	const signature = 3<<32 + 1
	b.step(GroupCheckReceived{Ballot: 3, Role: Learner, Signature: signature, Primary: nodeA})
	if b.LastCommitted() != 2 || b.MaxDecree() != 2 {
		t.Fatalf("learning begins at committed %d, prepared %d", b.LastCommitted(), b.MaxDecree())
	}
	b.step(LearnReplied{Signature: signature, Err: base.ErrOK, Answer: LearnAnswer{Kind: LearnCheckpoint, Ballot: 3, CheckpointDecree: 4}})
	b.step(CheckpointInstalled{Signature: signature, Decree: 4})
	if b.LastCommitted() != 4 || b.MaxDecree() != 4 || b.list.get(3) != nil {
		t.Errorf("after the checkpoint: committed %d, prepared %d", b.LastCommitted(), b.MaxDecree())
	}
	b.step(LearnReplied{Signature: signature, Err: base.ErrOK, Answer: LearnAnswer{Kind: LearnCache, Ballot: 3, PrepareStart: 5}})
	e := b.step(GroupCheckReceived{Token: 1, Ballot: 3, Role: Learner, Signature: signature, Primary: nodeA, LastCommitted: 5})
	if len(only[Apply](e)) != 0 {
		t.Errorf("committed decree 5 of an earlier life: %v", e)
	}
}

// Bug 24: one decree too many or too few between what a learner has and where the primary's list
// begins: a hole, or a copy of everything for nothing.
func TestBug24ListCoversToTheDecree(t *testing.T) {
	for has := int64(0); has <= 12; has++ {
		a := newAt(t, nodeA)
		a.list = newPrepareList(6, 1<<20)
		a.params.WindowDecrees = 5
		a.step(ProposalReceived{Type: configAssignPrimary, Node: nodeA, Config: Config{MaxReplicaCount: 2, Ballot: 2}})
		a.step(MetaReplied{Seq: a.metaSeq, Err: base.ErrOK, Config: Config{Ballot: 3, MaxReplicaCount: 2, Primary: nodeA}})
		for d := int64(1); d <= 12; d++ {
			a.step(write(uint64(d)))
			a.step(Logged{Ballot: 3, Decree: d})
		}
		signature := one[SendGroupCheck](t, a.step(ProposalReceived{Type: configAddSecondary, Node: nodeC, Config: a.Config()})).Signature
		e := a.step(LearnReceived{Token: 1, From: nodeC, Signature: signature, LastCommitted: has})
		if has+1 < 7 { // the list holds 7..12
			if s := one[ServeLearn](t, e); s.From != has+1 || s.To != 12 {
				t.Errorf("a learner that has %d is served %d..%d", has, s.From, s.To)
			}
			continue
		}
		answer := one[AckLearn](t, e).Answer
		if answer.Kind != LearnCache || answer.PrepareStart != 13 || int64(len(answer.Mutations)) != 12-has {
			t.Errorf("a learner that has %d gets %+v", has, answer)
		}
		for i, m := range answer.Mutations {
			if m.Decree != has+1+int64(i) {
				t.Errorf("a learner that has %d gets decree %d in place %d", has, m.Decree, i)
			}
		}
	}
}

// Bug 25: learning from the log had no upper bound, and the learner executed what was not committed.
func TestBug25LogRoundEndsAtWhatIsCommitted(t *testing.T) {
	a := busyPrimary(t, nodeB)
	a.list = newPrepareList(21, 1) // keeps nothing that is committed
	for d := int64(1); d <= 3; d++ {
		a.step(write(uint64(d)))
		a.step(Logged{Ballot: 3, Decree: d}, ackOf(nodeB, 3, d))
	}
	a.step(write(4))
	signature := one[SendGroupCheck](t, a.step(ProposalReceived{Type: configAddSecondary, Node: nodeC, Config: a.Config()})).Signature
	s := one[ServeLearn](t, a.step(LearnReceived{Token: 1, From: nodeC, Signature: signature}))
	if s.From != 1 || s.To != 3 {
		t.Errorf("the round is %d..%d with 3 committed and 4 prepared", s.From, s.To)
	}
}
