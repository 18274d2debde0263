package pacifica

import (
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// The store must never be ahead of the log: after a crash the log would hold older, uncommitted versions of
// what the store has, and later teach them to others.
func TestLearnedMutationIsAppliedOnlyWhenLogged(t *testing.T) {
	const signature = 3<<32 + 1
	for _, kind := range []LearnKind{LearnLog, LearnCache} {
		b := learnerOf(t, signature)
		answer := LearnAnswer{Kind: kind, Ballot: 3, LastCommitted: 2, PrepareStart: 3}
		for d := int64(1); d <= 2; d++ {
			answer.Mutations = append(answer.Mutations, prepareOf(0, 2, d, 0).Mutation)
		}
		e := b.step(LearnReplied{Signature: signature, Err: base.ErrOK, Answer: answer})
		if len(only[Append](e)) != 2 || len(only[Apply](e)) != 0 || b.LastCommitted() != 0 {
			t.Fatalf("kind %d: before the log has it: %v, committed %d", kind, e, b.LastCommitted())
		}
		if ack := one[AckPrepare](t, b.step(learnerPrepare(1, signature, 3, 3, 2))); ack.Err != base.ErrTryAgain {
			t.Errorf("kind %d: a prepare before what comes before it: %s", kind, ack.Err)
		}
		for d := int64(1); d <= 2; d++ {
			e := b.step(Logged{Ballot: 2, Decree: d})
			if m := one[Apply](t, e).Mutation; m.Decree != d || b.LastCommitted() != d {
				t.Errorf("kind %d: applied %s, committed %d", kind, m, b.LastCommitted())
			}
			if done := len(only[SendCompletion](e))+len(only[SendLearn](e)) == 1; done != (d == 2) {
				t.Errorf("kind %d: goes on after decree %d of 2: %v", kind, d, done)
			}
		}
	}
}

// A learner may be restarted within one candidacy: it has nothing any more of what was prepared to it, and
// acknowledgements of its earlier life, however late, must not count for the new one.
func TestLearnerThatStartsAnewIsPreparedToAnew(t *testing.T) {
	a := busyPrimary(t, nodeB)
	signature := one[SendGroupCheck](t, a.step(ProposalReceived{Type: configAddSecondary, Node: nodeC, Config: a.Config()})).Signature
	ask := LearnReceived{Token: 1, From: nodeC, Signature: signature}
	a.step(ask)
	toLearner := func(effects []Effect) SendPrepare {
		t.Helper()
		for _, p := range only[SendPrepare](effects) {
			if p.To == nodeC {
				return p
			}
		}
		t.Fatalf("nothing is prepared to the learner: %v", effects)
		return SendPrepare{}
	}
	reply := func(p SendPrepare) PrepareReplied {
		return PrepareReplied{From: p.To, Ballot: p.Ballot, Decree: p.Mutation.Decree, Round: p.Round, Err: base.ErrOK}
	}
	first := toLearner(a.step(write(1)))
	a.step(Logged{Ballot: 3, Decree: 1}, reply(first))
	again := toLearner(a.step(ask))
	if again.Mutation.Decree != 1 {
		t.Errorf("prepared again: %s", again.Mutation)
	}
	if e := a.step(ackOf(nodeB, 3, 1), reply(first)); len(only[Apply](e)) != 0 {
		t.Fatal("committed with an acknowledgement of the learner's earlier life")
	}
	if e := a.step(reply(again)); len(only[Apply](e)) != 1 {
		t.Errorf("not committed when everybody has it: %v", e)
	}
}
