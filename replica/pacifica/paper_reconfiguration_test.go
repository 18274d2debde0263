package pacifica

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// promoted is B as the primary of ballot 5, with C as secondary, after it was a secondary of A that had
// taken decrees 1 to last and committed the first of them.
func promoted(t *testing.T, last int64) (b *at, effects []Effect) {
	t.Helper()
	b = secondaryOf(t)
	b.params.PipelineUpdates = 1
	for d := int64(1); d <= last; d++ {
		b.step(prepareOf(uint64(d), 3, d, min(d-1, 1)), Logged{Ballot: 3, Decree: d})
	}
	ask := one[UpdateMeta](t, b.step(ProposalReceived{Type: configUpgradeToPrimary, Node: nodeB, Config: Config{Ballot: 4, MaxReplicaCount: 3, Secondaries: []Node{nodeB, nodeC}}}))
	return b, b.step(MetaReplied{Seq: ask.Seq, Err: base.ErrOK, Config: ask.Config})
}

// Paper 1.4: when a secondary fails, the primary asks the manager to remove it and goes on with the rest
// when that is done; until then nothing is committed.
func TestPaperFailedSecondaryIsRemovedFirst(t *testing.T) {
	a := busyPrimary(t, nodeB, nodeC)
	a.step(write(1))
	a.step(Logged{Ballot: 3, Decree: 1}, ackOf(nodeB, 3, 1))
	ask := one[UpdateMeta](t, a.step(PrepareReplied{From: nodeC, Ballot: 3, Decree: 1, Err: base.ErrTimeout}))
	if ask.Config.RoleOf(nodeC) != Inactive || ask.Config.RoleOf(nodeB) != Secondary || ask.Config.Primary != nodeA {
		t.Errorf("asked for %+v", ask.Config)
	}
	if e := a.step(ackOf(nodeC, 3, 1)); len(only[Apply](e)) != 0 {
		t.Error("committed while the configuration is open")
	}
	e := a.step(MetaReplied{Seq: ask.Seq, Err: base.ErrOK, Config: ask.Config})
	if p := one[SendPrepare](t, e); p.To != nodeB || p.Ballot != 4 {
		t.Errorf("prepared again to %+v", p)
	}
	if e := a.step(Logged{Ballot: 4, Decree: 1}, ackOf(nodeB, 4, 1)); len(only[Apply](e)) != 1 {
		t.Error("not committed with the rest")
	}
}

// Paper 1.4: when the primary fails, several secondaries may ask to replace it; the first request wins
// by its version. Here the meta server proposes one, and sends the proposal to another when it lost
// patience; so two requests for the same version may still be on their way. The loser becomes a
// secondary of the winner.
func TestPaperFirstRequestWins(t *testing.T) {
	for _, order := range []string{"", " reversed"} {
		g := newGroup(t, "started=3")
		g.do(`write w1
			crash r1
			drop proposal
			hold update
			run 3000
			propose UPGRADE_TO_PRIMARY r2 to=r2
			propose UPGRADE_TO_PRIMARY r3 to=r3
			allow update
			release` + order + `
			run 1000`)
		winner := "r2"
		if order != "" {
			winner = "r3"
		}
		if p := g.primary(); p == nil || p.name != winner {
			t.Errorf("released%s: %s", order, g.state())
		}
		g.do("allow\nstart r1\nrun 8000\nwrite w2\nrun 400")
		g.expectWhole()
	}
}

// Paper 1.4, reconciliation: before it serves, a new primary prepares all that is uncommitted in its list
// again, under the new configuration, and commits it. Updates keep their number and, here, their
// timestamp; queries wait until it is done, and new updates come after.
func TestPaperNewPrimaryReconcilesFirst(t *testing.T) {
	b, e := promoted(t, 4)
	var sent []int64
	for _, p := range only[SendPrepare](e) {
		sent = append(sent, p.Mutation.Decree)
		if p.To != nodeC || p.Ballot != 5 || p.Mutation.Ballot != 5 || p.Mutation.TimestampUs != 1000+p.Mutation.Decree {
			t.Errorf("prepared again: %+v %+v", p, p.Mutation)
		}
	}
	if !slices.Equal(sent, []int64{2, 3, 4}) {
		t.Fatalf("prepared again %v", sent)
	}
	for d := int64(2); d <= 4; d++ {
		if b.ReadsAllowed() {
			t.Fatalf("reads are answered before decree %d is committed", d)
		}
		b.step(Logged{Ballot: 5, Decree: d}, ackOf(nodeC, 5, d))
	}
	if !b.ReadsAllowed() {
		t.Error("reads are refused after reconciliation")
	}
	if m := one[Append](t, b.step(write(9))).Mutation; m.Decree != 5 || m.TimestampUs <= 1004 {
		t.Errorf("the first new update is %+v", m)
	}
}

// Paper 1.4: what a secondary has prepared beyond what the new primary knows is replaced when prepares
// of the same numbers come from the newer configuration, and is never committed by itself.
func TestPaperOldSuffixOfASecondaryIsReplaced(t *testing.T) {
	c := newAt(t, nodeC)
	c.step(ConfigSynced{Config: Config{Ballot: 3, MaxReplicaCount: 3, Primary: nodeA, Secondaries: []Node{nodeB, nodeC}}})
	for d := int64(1); d <= 3; d++ {
		c.step(prepareOf(uint64(d), 3, d, min(d-1, 1)), Logged{Ballot: 3, Decree: d})
	}
	fromB := func(token uint64, ballot, decree, committed int64) PrepareReceived {
		ev := prepareOf(token, ballot, decree, committed)
		ev.From, ev.Primary = nodeB, nodeB
		ev.Mutation.TimestampUs += 50_000
		ev.Mutation.encode()
		return ev
	}
	// B has decree 1 alone, and takes a new update as decree 2.
	c.step(fromB(10, 5, 2, 1), Logged{Ballot: 5, Decree: 2})
	e := c.step(GroupCheckReceived{Token: 11, Ballot: 5, Role: Secondary, Primary: nodeB, LastCommitted: 2})
	if m := one[Apply](t, e).Mutation; m.Ballot != 5 || m.Decree != 2 {
		t.Errorf("applied %s", m)
	}
	if c.LastCommitted() != 2 || c.MaxDecree() != 3 {
		t.Fatalf("committed %d, prepared %d", c.LastCommitted(), c.MaxDecree())
	}
	c.step(fromB(12, 5, 3, 2), Logged{Ballot: 5, Decree: 3})
	if m := one[Apply](t, c.step(fromB(13, 5, 4, 3))).Mutation; m.Ballot != 5 || m.Decree != 3 {
		t.Errorf("applied %s, which the group never committed", m)
	}
}

// Paper 1.4: a new replica joins as a candidate. The primary goes on with updates and prepares them to
// the candidate too, which meanwhile gets what it lacks; when it has caught up, the primary asks the
// manager to add it.
func TestPaperCandidateTakesPartWhileItCatchesUp(t *testing.T) {
	a := busyPrimary(t, nodeB)
	for d := int64(1); d <= 3; d++ {
		a.step(write(uint64(d)))
		a.step(Logged{Ballot: 3, Decree: d}, ackOf(nodeB, 3, d))
	}
	signature := one[SendGroupCheck](t, a.step(ProposalReceived{Type: configAddSecondary, Node: nodeC, Config: a.Config()})).Signature
	answer := one[AckLearn](t, a.step(LearnReceived{Token: 1, From: nodeC, Signature: signature})).Answer
	if answer.Kind != LearnCache || answer.PrepareStart != 4 || len(answer.Mutations) != 3 {
		t.Fatalf("the candidate gets %+v", answer)
	}
	sent := only[SendPrepare](a.step(write(4)))
	if len(sent) != 2 || sent[1].To != nodeC || sent[1].Role != Learner || sent[1].Signature != signature {
		t.Fatalf("prepared to %+v", sent)
	}
	// What a candidate takes part in is committed with it, or without it when it leaves.
	if e := a.step(Logged{Ballot: 3, Decree: 4}, ackOf(nodeB, 3, 4)); len(only[Apply](e)) != 0 {
		t.Error("committed without the candidate")
	}
	if e := a.step(PrepareReplied{From: nodeC, Ballot: 3, Decree: 4, Round: sent[1].Round, Err: base.ErrOK}); len(only[Apply](e)) != 1 {
		t.Error("not committed with the candidate")
	}
	ask := one[UpdateMeta](t, a.step(CompletionReceived{Token: 2, From: nodeC, Signature: signature, Phase: LearnSucceeded}))
	if ask.Type != configUpgradeToSecondary || ask.Config.RoleOf(nodeC) != Secondary {
		t.Errorf("asked for %+v", ask)
	}
}

// Paper 1.4: if a candidate does not acknowledge, its candidacy ends, without a new configuration.
func TestPaperCandidacyEndsWithoutReconfiguration(t *testing.T) {
	a := busyPrimary(t, nodeB)
	signature := one[SendGroupCheck](t, a.step(ProposalReceived{Type: configAddSecondary, Node: nodeC, Config: a.Config()})).Signature
	a.step(LearnReceived{Token: 1, From: nodeC, Signature: signature})
	sent := only[SendPrepare](a.step(write(1)))
	a.step(Logged{Ballot: 3, Decree: 1}, ackOf(nodeB, 3, 1))
	e := a.step(PrepareReplied{From: nodeC, Ballot: 3, Decree: 1, Round: sent[1].Round, Err: base.ErrTimeout})
	if len(only[Apply](e)) != 1 || len(only[UpdateMeta](e)) != 0 || a.Status() != Primary || a.Config().Ballot != 3 || len(a.Learners()) != 0 {
		t.Errorf("after the candidate failed: %v, ballot %d, learners %v", e, a.Config().Ballot, a.Learners())
	}
}

// A candidate is no member: it cannot become primary, whoever says so.
func TestPaperCandidateIsNeverPrimary(t *testing.T) {
	for _, phase := range []LearnPhase{LearnWithoutPrepare, LearnSucceeded} {
		b := newAt(t, nodeB)
		b.step(GroupCheckReceived{Ballot: 3, Role: Learner, Signature: 3<<32 + 1, Primary: nodeA})
		if phase == LearnSucceeded {
			b.step(LearnReplied{Signature: 3<<32 + 1, Err: base.ErrOK, Answer: LearnAnswer{Kind: LearnCache, Ballot: 3, PrepareStart: 1}})
		}
		if p, _ := b.LearnProgress(); p != phase {
			t.Fatalf("phase %v", p)
		}
		for _, cfg := range []Config{
			{Ballot: 4, MaxReplicaCount: 3, Secondaries: []Node{nodeC}},
			{Ballot: 4, MaxReplicaCount: 3},
		} {
			for _, typ := range []ConfigType{configUpgradeToPrimary, configAssignPrimary} {
				if e := b.step(ProposalReceived{Type: typ, Node: nodeB, Config: cfg}); len(only[UpdateMeta](e)) != 0 {
					t.Errorf("phase %v: a learner wants to be primary by %v of %+v", phase, typ, cfg)
				}
			}
		}
	}
}

// Paper 1.4: nothing that was committed is lost when members fail one after the other, each time with
// the rest going on. Members are removed and come back in every order.
func TestPaperMembersMayFailInTurn(t *testing.T) {
	for _, order := range permutations([]int64{1, 2, 3}) {
		g := newGroup(t, "started=3 add_ms=1000")
		for i, k := range order {
			g.do(fmt.Sprintf("write a%d\ncrash r%d\nwrite b%d\nrun 3500\nwrite c%d\nstart r%d\nrun 6000\nwrite d%d", i, k, i, i, k, i))
		}
		g.do("run 6000\nwrite end\nrun 400")
		g.expectWhole()
		if n := len(g.c.acked); n < 10 {
			t.Errorf("order %v: only %d writes were answered\n%s", order, n, strings.Join(g.c.trace, "\n"))
		}
	}
}
