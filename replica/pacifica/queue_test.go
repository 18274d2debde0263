package pacifica

import (
	"slices"
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// Writes that wait while a secondary is being removed were admitted with members enough. If too few
// are left they must not be prepared: with the last member, acknowledged writes would go.
func TestWaitingWritesAreRefusedWhenTooFewMembersAreLeft(t *testing.T) {
	a := primaryOf(t, nodeB)
	a.step(write(1))
	ask := one[UpdateMeta](t, a.step(PrepareReplied{From: nodeB, Ballot: 3, Decree: 1, Err: base.ErrTimeout}))
	a.step(write(2), write(3))
	e := a.step(MetaReplied{Seq: ask.Seq, Err: base.ErrOK, Config: ask.Config})
	if m := one[Append](t, e).Mutation; m.Decree != 1 || m.Ballot != 4 {
		t.Errorf("what was prepared already is prepared again, with whoever is left: got %s", m)
	}
	if f := one[FailWrites](t, e); f.Err != base.ErrNotEnoughMember || f.Silent || !slices.Equal(f.Tokens, []uint64{2, 3}) {
		t.Errorf("refused %+v", f)
	}
	if e := a.step(Logged{Ballot: 4, Decree: 1}); len(only[Apply](e)) != 0 || len(only[Append](e)) != 0 {
		t.Errorf("after the tail: %v", e)
	}
}

// alone is a primary whose only secondary went while the write 1 was under way; it is in its log.
func alone(t *testing.T) *at {
	a := primaryOf(t, nodeB)
	a.step(write(1))
	ask := one[UpdateMeta](t, a.step(PrepareReplied{From: nodeB, Ballot: 3, Decree: 1, Err: base.ErrTimeout}))
	a.step(MetaReplied{Seq: ask.Seq, Err: base.ErrOK, Config: ask.Config})
	if e := a.step(Logged{Ballot: 4, Decree: 1}); len(only[Apply](e)) != 0 || !a.ReadsAllowed() {
		t.Fatalf("with the primary alone: %v, reads %v", e, a.ReadsAllowed())
	}
	return a
}

// What was prepared when members went is not answered either before there are enough of them again. The
// learner that ends the wait gets it.
func TestPreparedWritesWaitForMembers(t *testing.T) {
	a := alone(t)
	a.step(ProposalReceived{Type: configAddSecondary, Node: nodeC, Config: a.Config()})
	e := a.step(LearnReceived{From: nodeC, Signature: a.learner(nodeC).signature})
	if p := one[SendPrepare](t, e); p.Mutation.Decree != 1 || p.To != nodeC {
		t.Fatalf("the learner is sent %+v", p)
	}
	l := a.learner(nodeC)
	if e := a.step(PrepareReplied{From: nodeC, Ballot: 4, Decree: 1, Round: l.round, Err: base.ErrOK}); len(only[Apply](e)) != 0 {
		t.Errorf("a learner counts as a member: %v", e)
	}
	ask := one[UpdateMeta](t, a.step(CompletionReceived{From: nodeC, Signature: l.signature, Phase: LearnSucceeded}))
	a.step(MetaReplied{Seq: ask.Seq, Err: base.ErrOK, Config: ask.Config})
	a.step(PrepareReplied{From: nodeC, Ballot: 5, Decree: 1, Err: base.ErrOK})
	if m := one[Apply](t, a.step(Logged{Ballot: 5, Decree: 1})); !m.Reply || m.Mutation.Updates[0].Token != 1 {
		t.Errorf("with two members: %+v", m)
	}
}

// A table of fewer replicas needs fewer members.
func TestPreparedWritesGoOnWhenTheReplicaCountIsLowered(t *testing.T) {
	a := alone(t)
	a.SetMaxReplicaCount(1)
	e := a.step(write(2))
	if m := one[Apply](t, e); !m.Reply {
		t.Errorf("got %+v", m)
	}
	if m := one[Append](t, e); m.Mutation.Decree != 2 {
		t.Errorf("the next write: %v", e)
	}
}

// A table of more replicas may make writes wait that were under way. The group hears of what is committed all the same, and no tick is
// due that does nothing.
func TestHeldWritesKeepNoNoticeBack(t *testing.T) {
	a := primaryOf(t, nodeB)
	a.step(write(1))
	var more []Event
	for i := range uint64(64) {
		more = append(more, write(i+2))
	}
	a.step(more...)
	a.step(PrepareReplied{From: nodeB, Ballot: 3, Decree: 1, Err: base.ErrOK}, Logged{Ballot: 3, Decree: 1})
	a.SetMaxReplicaCount(5)
	a.step(PrepareReplied{From: nodeB, Ballot: 3, Decree: 2, Err: base.ErrOK}, Logged{Ballot: 3, Decree: 2})
	if a.LastCommitted() != 1 || a.MaxDecree() != 2 {
		t.Fatalf("committed %d of %d", a.LastCommitted(), a.MaxDecree())
	}
	a.now = a.NextDeadlineMs()
	if n := one[SendGroupCheck](t, a.step(Tick{})); n.LastCommitted != 1 || a.NextDeadlineMs() <= a.now {
		t.Errorf("%+v, next tick at %d, now %d", n, a.NextDeadlineMs(), a.now)
	}
}

// Members may stay away for long: their writers do not count against the server's limits for ever. The write itself stays.
func TestWritersOfHeldWritesAreLetGo(t *testing.T) {
	a := alone(t)
	a.now = a.NextDeadlineMs()
	a.step(Tick{})
	a.now += heldWritersMsMax - 1
	if e := a.step(Tick{}); len(only[FailWrites](e)) != 0 {
		t.Errorf("too early: %v", e)
	}
	// A learner that begins again and again does not put it off.
	a.step(ProposalReceived{Type: configAddSecondary, Node: nodeC, Config: a.Config()})
	a.step(LearnReceived{From: nodeC, Signature: a.learner(nodeC).signature})
	a.now = max(a.NextDeadlineMs(), a.now+1)
	if f := one[FailWrites](t, a.step(Tick{})); !f.Silent || !slices.Equal(f.Tokens, []uint64{1}) {
		t.Errorf("the writer hears %+v", f)
	}
	if a.MaxDecree() != 1 || a.LastCommitted() != 0 {
		t.Errorf("prepared %d, committed %d", a.MaxDecree(), a.LastCommitted())
	}
}

// Held writes keep nobody from giving the role away; whether they are committed is for the next primary to decide.
func TestPreparedWritesThatWaitDoNotHoldTheRole(t *testing.T) {
	a := alone(t)
	e := a.step(ProposalReceived{Type: configDowngradeToInactive, Node: nodeA, Config: a.Config()})
	if ask := one[UpdateMeta](t, e); ask.Type != configDowngradeToInactive {
		t.Errorf("got %+v", ask)
	}
}

// The end of a lease makes what is prepared part of what is taken over: committed by whoever is left, but not answered.
func TestWritesBeforeALapseOfTheLeaseAreNotAnsweredWithTooFewMembers(t *testing.T) {
	a := alone(t)
	cfg := a.Config()
	a.step(Disconnected{})
	a.step(ConfigSynced{Config: cfg})
	e := a.step(Logged{Ballot: 4, Decree: 1})
	if f := one[FailWrites](t, e); !f.Silent || !slices.Equal(f.Tokens, []uint64{1}) {
		t.Errorf("the writer hears %+v", f)
	}
	if m := one[Apply](t, e); m.Mutation.Updates[0].Token != 0 {
		t.Errorf("answered: %+v", m)
	}
}
