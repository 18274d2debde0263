package pacifica

import (
	"slices"
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// The tests TestDeparture... show where Pegasus, and we with it, depart from the paper, and that each
// departure keeps the three invariants. docs/reliability/paper.md lists them.

// Departure: the primary changes membership itself while it lives, and from the request to the answer
// nothing is prepared and nothing committed. Queries go on, since nobody else can be primary.
func TestDepartureReconfigurationStopsPreparing(t *testing.T) {
	a := busyPrimary(t, nodeB, nodeC)
	a.step(write(1))
	ask := one[UpdateMeta](t, a.step(PrepareReplied{From: nodeC, Ballot: 3, Decree: 1, Err: base.ErrTimeout}))
	e := a.step(write(2), ackOf(nodeB, 3, 1), Logged{Ballot: 3, Decree: 1}, ackOf(nodeC, 3, 1), Tick{})
	if len(only[Append](e))+len(only[SendPrepare](e))+len(only[Apply](e)) != 0 {
		t.Errorf("while the meta server is asked: %v", e)
	}
	if !a.ReadsAllowed() {
		t.Error("reads stop")
	}
	e = a.step(MetaReplied{Seq: ask.Seq, Err: base.ErrOK, Config: ask.Config})
	var decrees []int64
	for _, ap := range only[Append](e) {
		decrees = append(decrees, ap.Mutation.Decree)
	}
	if !slices.Equal(decrees, []int64{1, 2}) {
		t.Errorf("after the answer: prepared %v", decrees)
	}
}

// Departure: a decree may be prepared only within a window above the commit point.
func TestDepartureWindowIsBounded(t *testing.T) {
	a := busyPrimary(t, nodeB)
	a.params.WindowDecrees = 5
	for i := range 20 {
		a.step(write(uint64(i + 1)))
		if a.MaxDecree()-a.LastCommitted() > 5 {
			t.Fatalf("committed %d, prepared %d", a.LastCommitted(), a.MaxDecree())
		}
	}
	if a.MaxDecree() != 5 {
		t.Errorf("prepared %d", a.MaxDecree())
	}
}

// Departure: new writes need a least number of members; what was prepared before does not, or a
// partition would wait for ever with writes that may have been answered.
func TestDepartureReconciliationNeedsNoMinimum(t *testing.T) {
	b, _ := promoted(t, 2)
	ask := one[UpdateMeta](t, b.step(PrepareReplied{From: nodeC, Ballot: 5, Decree: 2, Err: base.ErrTimeout}))
	b.step(MetaReplied{Seq: ask.Seq, Err: base.ErrOK, Config: ask.Config})
	if b.Config().Members() != 1 || b.WritesAllowed() != base.ErrNotEnoughMember {
		t.Fatalf("%d members, writes %v", b.Config().Members(), b.WritesAllowed())
	}
	if e := b.step(Logged{Ballot: 6, Decree: 2}); len(only[Apply](e)) != 1 || !b.ReadsAllowed() {
		t.Errorf("the tail waits for members: %v", e)
	}
}

// Departure: the minimum follows from the replica count of the table unless it is configured.
func TestDepartureMinimumFollowsTheTable(t *testing.T) {
	for _, c := range []struct {
		replicas   int32
		configured int
		want       int
	}{{1, 0, 1}, {2, 0, 1}, {3, 0, 2}, {4, 0, 3}, {5, 0, 3}, {3, 1, 1}, {1, 2, 1}, {3, 3, 3}} {
		a := newAt(t, nodeA)
		a.params.MinMembers = c.configured
		a.SetMaxReplicaCount(c.replicas)
		if got := a.minMembers(); got != c.want {
			t.Errorf("%d replicas, %d configured: %d members, want %d", c.replicas, c.configured, got, c.want)
		}
	}
}

// Departure: there is no time at which the new primary knows that reconciliation is over but the commit
// of what it took over; reads wait for that, after a restart too.
func TestDepartureReadBarrierHoldsAfterARestart(t *testing.T) {
	a := newAt(t, nodeA)
	for d := int64(1); d <= 3; d++ {
		if _, err := a.Replay(prepareOf(0, 3, d, min(d-1, 1)).Mutation); err != nil {
			t.Fatal(err)
		}
	}
	cfg := Config{Ballot: 3, MaxReplicaCount: 3, Primary: nodeA, Secondaries: []Node{nodeB}}
	ask := one[UpdateMeta](t, a.step(ConfigSynced{Config: cfg}))
	a.step(MetaReplied{Seq: ask.Seq, Err: base.ErrOK, Config: ask.Config})
	for d := int64(2); d <= 3; d++ {
		if a.ReadsAllowed() {
			t.Fatalf("reads are answered although decree %d, which the life before may have answered, is not committed", d)
		}
		a.step(Logged{Ballot: 4, Decree: d}, ackOf(nodeB, 4, d))
	}
	if !a.ReadsAllowed() {
		t.Error("reads are refused after the tail is committed")
	}
}

// Departure: a primary whose lease lapsed and that gets its role back under the same ballot knows all
// it answered, and prepares its tail again under that ballot; members recognise what they have.
func TestDepartureSameBallotComesBack(t *testing.T) {
	g := newGroup(t, "started=3 check_ms=60000")
	g.do(`write w1
		hold prepare_ack from=r3
		write w2
		drop beacon_ack to=r1
		drop sync_ack to=r1
		run 2000`)
	if g.named("r1").core.Status() != Inactive {
		t.Fatal(g.state())
	}
	g.do("allow\nrun 600\nrun 3000")
	if n := len(g.c.acked); n != 2 {
		t.Errorf("%d writes answered\n%s", n, g.state())
	}
	for _, m := range g.named("r3").disk.log {
		if m.Decree == 2 && m.Ballot == 3 && m.TimestampUs == 0 {
			t.Error("prepared again without its timestamp")
		}
	}
	g.expectWhole()
}

// Departure: a learner may hold more than its primary when an operator gave up data. It throws away its
// state only if it has committed what the primary never prepared.
func TestDepartureLearnerAheadStartsAnew(t *testing.T) {
	b, _ := promoted(t, 4) // committed 1, prepared 4
	signature := one[SendGroupCheck](t, b.step(ProposalReceived{Type: configAddSecondary, Node: nodeA, Config: b.Config()})).Signature
	for committed, want := range map[int64]string{1: "serve", 2: "wait", 4: "wait", 5: "reset", 99: "reset"} {
		ack := one[AckLearn](t, b.step(LearnReceived{Token: 1, From: nodeA, Signature: signature, LastCommitted: committed}))
		got := "serve"
		switch {
		case ack.Err == base.ErrInconsistentState:
			got = "wait"
		case ack.Answer.Reset:
			got = "reset"
		}
		if got != want {
			t.Errorf("a learner that committed %d: %s, want %s", committed, got, want)
		}
	}
}
