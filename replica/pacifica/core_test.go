package pacifica

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/internal/fuzz"
)

var (
	nodeA = base.AddressOf(0x7F000001, 34801)
	nodeB = base.AddressOf(0x7F000001, 34802)
	nodeC = base.AddressOf(0x7F000001, 34803)
	gpid  = base.Gpid{AppID: 2, PartitionIndex: 1}
)

// at drives one core by hand.
type at struct {
	*Core
	t   *testing.T
	now int64
}

func newAt(t *testing.T, self Node) *at {
	t.Helper()
	return &at{Core: New(gpid, self, Params{}, 0, 0, 0), t: t, now: 1}
}

func (a *at) step(ev ...Event) []Effect {
	a.t.Helper()
	effects := slices.Clone(a.Step(Clock{MonoMs: a.now, WallUs: a.now * 1000}, ev...))
	if err := a.Check(); err != nil {
		a.t.Fatal(err)
	}
	return effects
}

// only returns the effects of one type.
func only[E Effect](effects []Effect) (out []E) {
	for _, e := range effects {
		if e, ok := e.(E); ok {
			out = append(out, e)
		}
	}
	return out
}

func one[E Effect](t *testing.T, effects []Effect) E {
	t.Helper()
	found := only[E](effects)
	if len(found) != 1 {
		t.Fatalf("want one %T, got %d in %v", *new(E), len(found), effects)
	}
	return found[0]
}

// primaryOf returns a primary of ballot 3 with the given secondaries.
func primaryOf(t *testing.T, secondaries ...Node) *at {
	t.Helper()
	a := newAt(t, nodeA)
	a.step(ProposalReceived{Type: configAssignPrimary, Node: nodeA, Config: Config{MaxReplicaCount: 3, Ballot: 2}})
	ask := Config{Ballot: 3, MaxReplicaCount: 3, Primary: nodeA, Secondaries: secondaries}
	a.step(MetaReplied{Seq: a.metaSeq, Err: base.ErrOK, Config: ask})
	if a.Status() != Primary {
		t.Fatal("not primary")
	}
	return a
}

// secondaryOf returns a secondary of ballot 3 whose primary is A.
func secondaryOf(t *testing.T) *at {
	t.Helper()
	b := newAt(t, nodeB)
	b.step(ConfigSynced{Config: Config{Ballot: 3, MaxReplicaCount: 3, Primary: nodeA, Secondaries: []Node{nodeB, nodeC}}})
	if b.Status() != Secondary {
		t.Fatal("not secondary")
	}
	return b
}

func write(token uint64) Write {
	return Write{Update: Update{Code: "RPC_RRDB_RRDB_PUT", Body: []byte("x"), Token: token}}
}

func prepareOf(token uint64, ballot, decree, committed int64) PrepareReceived {
	m := &Mutation{Gpid: gpid, Ballot: ballot, Decree: decree, LastCommitted: committed, TimestampUs: 1000 + decree}
	m.encode()
	return PrepareReceived{Token: token, From: nodeA, Ballot: ballot, Role: Secondary, Primary: nodeA, Mutation: m}
}

func TestCommitNeedsTheLogAndEveryMember(t *testing.T) {
	a := primaryOf(t, nodeB, nodeC)
	sent := only[SendPrepare](a.step(write(7)))
	if len(sent) != 2 {
		t.Fatalf("prepares sent: %v", sent)
	}
	ok := func(n Node) PrepareReplied {
		return PrepareReplied{From: n, Ballot: 3, Decree: 1, Err: base.ErrOK}
	}
	if e := a.step(ok(nodeB), ok(nodeB)); len(only[Apply](e)) != 0 {
		t.Error("one member acknowledged twice and that was enough")
	}
	if e := a.step(ok(nodeC)); len(only[Apply](e)) != 0 {
		t.Error("committed before the log had it")
	}
	apply := one[Apply](t, a.step(Logged{Ballot: 3, Decree: 1}))
	if !apply.Reply || apply.Mutation.Updates[0].Token != 7 {
		t.Errorf("applied %+v", apply)
	}
}

func TestWritesThatWaitBecomeOneMutation(t *testing.T) {
	a := primaryOf(t, nodeB, nodeC)
	a.step(write(1))
	a.step(write(2), write(3), write(4))
	if a.MaxDecree() != 1 {
		t.Fatalf("three writes are not worth a mutation beside another, but prepared up to %d", a.MaxDecree())
	}
	e := a.step(PrepareReplied{From: nodeB, Ballot: 3, Decree: 1, Err: base.ErrOK}, PrepareReplied{From: nodeC, Ballot: 3, Decree: 1, Err: base.ErrOK}, Logged{Ballot: 3, Decree: 1})
	if m := one[Append](t, e).Mutation; len(m.Updates) != 3 || m.Decree != 2 || m.LastCommitted != 1 {
		t.Errorf("second mutation: %+v", m)
	}
}

func TestTooFewMembersRefuseWrites(t *testing.T) {
	a := primaryOf(t)
	if f := one[FailWrites](t, a.step(write(1))); f.Err != base.ErrNotEnoughMember {
		t.Errorf("got %v", f.Err)
	}
}

func TestPrepareUnderAnOldBallotIsDroppedInSilence(t *testing.T) {
	b := secondaryOf(t)
	one[DropPrepare](t, b.step(prepareOf(1, 2, 1, 0)))
}

func TestPrepareOutOfOrderIsAskedForAgain(t *testing.T) {
	b := secondaryOf(t)
	if ack := one[AckPrepare](t, b.step(prepareOf(1, 3, 2, 0))); ack.Err != base.ErrTryAgain {
		t.Errorf("got %v", ack.Err)
	}
	one[Append](t, b.step(prepareOf(2, 3, 1, 0)))
	one[Append](t, b.step(prepareOf(3, 3, 2, 0)))
}

func TestPrepareIsAcknowledgedWhenLoggedAndOnlyThen(t *testing.T) {
	b := secondaryOf(t)
	if e := b.step(prepareOf(1, 3, 1, 0)); len(only[AckPrepare](e)) != 0 {
		t.Fatal("acknowledged before the log had it")
	}
	if e := b.step(prepareOf(2, 3, 1, 0)); len(only[AckPrepare](e)) != 0 {
		t.Fatal("a repeated prepare was acknowledged before the log had it")
	}
	if acks := only[AckPrepare](b.step(Logged{Ballot: 3, Decree: 1})); len(acks) != 2 {
		t.Errorf("acknowledged %v", acks)
	}
	if ack := one[AckPrepare](t, b.step(prepareOf(3, 3, 1, 0))); ack.Err != base.ErrOK {
		t.Errorf("got %v", ack.Err)
	}
}

func TestMemberCommitsWhatThePrimarySaysAndNoMore(t *testing.T) {
	b := secondaryOf(t)
	b.step(prepareOf(1, 3, 1, 0), prepareOf(2, 3, 2, 0), Logged{Ballot: 3, Decree: 1}, Logged{Ballot: 3, Decree: 2})
	if b.LastCommitted() != 0 {
		t.Fatal("committed without being told")
	}
	if applied := only[Apply](b.step(prepareOf(3, 3, 3, 1))); len(applied) != 1 || applied[0].Reply {
		t.Errorf("applied %v", applied)
	}
}

func TestBallotIsPersistedBeforeAnythingIsSaidUnderIt(t *testing.T) {
	b := secondaryOf(t)
	e := b.step(prepareOf(1, 9, 1, 0))
	if p, ok := e[0].(PersistBallot); !ok || p.Ballot != 9 {
		t.Errorf("first effect is %#v", e[0])
	}
}

// replay after promotion: same decree, same timestamp, new ballot, and no reads before it is done.
func TestNewPrimaryPreparesItsTailAgain(t *testing.T) {
	b := secondaryOf(t)
	b.step(prepareOf(1, 3, 1, 0), prepareOf(2, 3, 2, 1), Logged{Ballot: 3, Decree: 1}, Logged{Ballot: 3, Decree: 2})
	cfg := Config{Ballot: 4, MaxReplicaCount: 3, Secondaries: []Node{nodeB, nodeC}}
	ask := one[UpdateMeta](t, b.step(ProposalReceived{Type: configUpgradeToPrimary, Node: nodeB, Config: cfg}))
	if ask.Config.Ballot != 5 || ask.Config.Primary != nodeB || len(ask.Config.Secondaries) != 1 {
		t.Fatalf("asked for %+v", ask.Config)
	}
	again := one[Append](t, b.step(MetaReplied{Seq: ask.Seq, Err: base.ErrOK, Config: ask.Config})).Mutation
	if again.Decree != 2 || again.Ballot != 5 || again.TimestampUs != 1002 {
		t.Errorf("prepared again: %+v", again)
	}
	if b.ReadsAllowed() {
		t.Error("reads are answered although decree 2 may have been committed by the old primary")
	}
	b.step(Logged{Ballot: 5, Decree: 2}, PrepareReplied{From: nodeC, Ballot: 5, Decree: 2, Err: base.ErrOK})
	if !b.ReadsAllowed() {
		t.Error("reads are refused although the tail is committed")
	}
}

func TestRestartedPrimaryTakesANewBallotFirst(t *testing.T) {
	a := newAt(t, nodeA)
	cfg := Config{Ballot: 6, MaxReplicaCount: 3, Primary: nodeA, Secondaries: []Node{nodeB, nodeC}}
	ask := one[UpdateMeta](t, a.step(ConfigSynced{Config: cfg}))
	if ask.Type != configForceUpdateBallot || ask.Config.Ballot != 7 || a.ReadsAllowed() {
		t.Errorf("asked %+v, reads %v", ask, a.ReadsAllowed())
	}
}

func TestLostSecondaryIsRemovedAndWritesGoOn(t *testing.T) {
	a := primaryOf(t, nodeB, nodeC)
	a.params.PipelineUpdates = 1
	a.step(write(1))
	fail := PrepareReplied{From: nodeC, Ballot: 3, Decree: 1, Err: base.ErrTimeout}
	ask := one[UpdateMeta](t, a.step(fail))
	if ask.Type != configDowngradeToInactive || ask.Node != nodeC || !slices.Equal(ask.Config.Secondaries, []Node{nodeB}) {
		t.Fatalf("asked %+v", ask)
	}
	if !a.ReadsAllowed() || a.WritesAllowed() != base.ErrOK {
		t.Error("a primary that loses a secondary goes on with reads and queues writes")
	}
	a.step(write(2))
	e := a.step(MetaReplied{Seq: ask.Seq, Err: base.ErrOK, Config: ask.Config})
	if got := only[Append](e); len(got) != 2 || got[0].Mutation.Ballot != 4 || got[1].Mutation.Decree != 2 {
		t.Errorf("appended %v", got)
	}
}

func TestBrokenConnectionIsTriedAgainBeforeTheSecondaryGoes(t *testing.T) {
	a := primaryOf(t, nodeB, nodeC)
	a.step(write(1))
	broken := PrepareReplied{From: nodeC, Ballot: 3, Decree: 1, Err: base.ErrNetworkFailure}
	one[SendPrepare](t, a.step(broken))
	a.now += a.params.NetworkRetryMs + 1
	one[UpdateMeta](t, a.step(broken))
}

func TestFullBuffersAreNoReasonToLoseAMember(t *testing.T) {
	for _, code := range []base.ErrorCode{base.ErrCapacityExceeded, base.ErrBusy} {
		a := primaryOf(t, nodeB, nodeC)
		a.step(write(1))
		full := PrepareReplied{From: nodeC, Ballot: 3, Decree: 1, Err: code}
		if e := one[SendPrepare](t, a.step(full)); e.DelayMs <= 0 {
			t.Errorf("%v: asked again at once", code)
		}
		a.now += a.params.PrepareTimeoutMs
		one[UpdateMeta](t, a.step(full)) // but it does not hold the group up for ever
	}
}

func TestUnknownOutcomeIsNotAnsweredAndWaitingWritesAreRefused(t *testing.T) {
	a := primaryOf(t, nodeB, nodeC)
	a.params.WindowDecrees = 1
	a.step(write(1), write(2))
	a.step(write(3))
	next := Config{Ballot: 4, MaxReplicaCount: 3, Primary: nodeB, Secondaries: []Node{nodeA, nodeC}}
	failed := only[FailWrites](a.step(ConfigSynced{Config: next}))
	if len(failed) != 2 || failed[0].Silent || !slices.Equal(failed[0].Tokens, []uint64{3}) || !failed[1].Silent || !slices.Equal(failed[1].Tokens, []uint64{1, 2}) {
		t.Errorf("failed %+v", failed)
	}
}

func TestEndOfLeaseKeepsTheRoleForLater(t *testing.T) {
	a := primaryOf(t, nodeB, nodeC)
	a.step(write(1))
	a.step(Disconnected{})
	if a.Status() != Inactive || a.ReadsAllowed() || a.WritesAllowed() != base.ErrInvalidState {
		t.Fatal("still serving")
	}
	e := a.step(ConfigSynced{Config: Config{Ballot: 3, MaxReplicaCount: 3, Primary: nodeA, Secondaries: []Node{nodeB, nodeC}}})
	if m := one[Append](t, e).Mutation; m.Ballot != 3 || m.Decree != 1 {
		t.Errorf("prepared again %+v", m)
	}
}

func TestStaleSignatureNeverChangesALearner(t *testing.T) {
	b := newAt(t, nodeB)
	check := func(signature int64) GroupCheckReceived {
		return GroupCheckReceived{Ballot: 3, Role: Learner, Signature: signature, Primary: nodeA}
	}
	ask := one[SendLearn](t, b.step(check(3<<32+2)))
	if ask.Signature != 3<<32+2 || ask.To != nodeA {
		t.Fatalf("asked %+v", ask)
	}
	b.step(check(3<<32 + 1))
	stale := PrepareReceived{Token: 1, From: nodeA, Ballot: 3, Role: Learner, Signature: 3<<32 + 1, Primary: nodeA, Mutation: prepareOf(1, 3, 1, 0).Mutation}
	if ack := one[AckPrepare](t, b.step(stale)); ack.Err != base.ErrInvalidState {
		t.Errorf("got %v", ack.Err)
	}
	b.step(LearnReplied{Signature: 3<<32 + 1, Err: base.ErrOK, Answer: LearnAnswer{Kind: LearnCache, Ballot: 3, PrepareStart: 1}})
	if phase, sig := b.LearnProgress(); phase != LearnWithoutPrepare || sig != 3<<32+2 {
		t.Errorf("phase %v signature %d", phase, sig)
	}
}

func TestLearnerSignaturesNeverComeAgain(t *testing.T) {
	a := primaryOf(t, nodeB)
	add := ProposalReceived{Type: configAddSecondary, Node: nodeC, Config: a.Config()}
	first := one[SendGroupCheck](t, a.step(add)).Signature
	a.step(Disconnected{})
	a.step(ConfigSynced{Config: Config{Ballot: 3, MaxReplicaCount: 3, Primary: nodeA, Secondaries: []Node{nodeB}}})
	a.step(GroupCheckReplied{From: nodeC, Ballot: 3, Role: Learner, Err: base.ErrTimeout})
	if second := one[SendGroupCheck](t, a.step(add)).Signature; second <= first {
		t.Errorf("signature %d after %d", second, first)
	}
}

func TestLogFailureEndsTheReplica(t *testing.T) {
	a := primaryOf(t, nodeB, nodeC)
	a.step(write(1))
	e := a.step(Logged{Ballot: 3, Decree: 1, Err: errors.New("disk")})
	one[SendResign](t, e)
	if c := one[Close](t, e); c.Err == nil || a.Status() != Error {
		t.Errorf("closed %v in status %v", c, a.Status())
	}
	if ack := one[AckPrepare](t, a.step(prepareOf(1, 9, 2, 0))); ack.Err != base.ErrInvalidState {
		t.Errorf("a replica in error answered %v", ack.Err)
	}
}

func TestMutationSurvivesEncoding(t *testing.T) {
	for _, ttl := range []int32{0, 3600} {
		m := &Mutation{Gpid: gpid, Ballot: 5, Decree: 9, LastCommitted: 8, TimestampUs: 77, DefaultTTL: ttl,
			Updates: []Update{{Code: "RPC_RRDB_RRDB_PUT", Body: []byte("abc")}, {Code: "RPC_RRDB_RRDB_INCR"}}}
		m.encode()
		got, err := DecodeMutation(m.Raw, nil)
		if err != nil || got.Decree != 9 || got.DefaultTTL != ttl || len(got.Updates) != 2 || string(got.Updates[0].Body) != "abc" || got.Updates[1].Code != "RPC_RRDB_RRDB_INCR" {
			t.Errorf("got %+v, %v", got, err)
		}
		for cut := range m.Raw {
			if _, err := DecodeMutation(m.Raw[:cut], nil); err == nil {
				t.Errorf("a mutation cut at %d of %d bytes was accepted", cut, len(m.Raw))
			}
		}
		both, err := DecodeMutations(append(slices.Clone(m.Raw), m.Raw...), nil)
		if err != nil || len(both) != 2 {
			t.Errorf("two mutations: %d, %v", len(both), err)
		}
	}
}

func FuzzDecodeMutation(f *testing.F) {
	f.Add(prepareOf(1, 3, 1, 0).Mutation.Raw)
	f.Add(append(slices.Clone(prepareOf(1, 3, 1, 0).Mutation.Raw), prepareOf(2, 4, 2, 1).Mutation.Raw...))
	ttl := *prepareOf(1, 3, 1, 0).Mutation
	ttl.DefaultTTL = 9
	ttl.Updates = []Update{{Code: "RPC_RRDB_RRDB_PUT", Body: []byte("body")}, {Code: "", Body: []byte{}}}
	ttl.encode()
	f.Add(ttl.Raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		var list []*Mutation
		var err error
		fuzz.Bounded(t, len(raw), func() { list, err = DecodeMutations(raw, nil) })
		one, oneErr := DecodeMutation(raw, nil)
		if (oneErr == nil) != (err == nil && len(list) == 1) {
			t.Fatalf("as one mutation: %v; as several: %d, %v", oneErr, len(list), err)
		}
		size := 0
		for _, m := range list {
			size += len(m.Raw)
			same(t, m)
		}
		if err == nil && size != len(raw) {
			t.Fatalf("%d mutations of %d bytes in %d", len(list), size, len(raw))
		}
		if oneErr == nil {
			same(t, one)
		}
	})
}

// same claims that a mutation reads back as it was when it is encoded again.
func same(t *testing.T, m *Mutation) {
	t.Helper()
	c := *m
	c.encode()
	again, err := DecodeMutation(c.Raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Raw, again.Raw = nil, nil
	if !reflect.DeepEqual(&c, again) {
		t.Fatalf("%+v became %+v", &c, again)
	}
}

// TestNewPrimaryKeepsLearnerAhead: what a former member committed is on its way again at a new primary.
// The learner has to wait for it, not to throw its state away.
func TestNewPrimaryKeepsLearnerAhead(t *testing.T) {
	self, learner := base.AddressOf(0x7F000001, 1), base.AddressOf(0x7F000001, 2)
	gpid := base.Gpid{AppID: 1}
	c := New(gpid, self, Params{}, 1, 0, 0)
	for d := int64(1); d <= 5; d++ {
		m := &Mutation{Gpid: gpid, Ballot: 1, Decree: d, LastCommitted: max(0, d-3), TimestampUs: d}
		m.encode()
		if _, err := c.Replay(m); err != nil {
			t.Fatal(err)
		}
	}
	step := func(ev Event) []Effect { return c.Step(Clock{MonoMs: 10, WallUs: 10}, ev) }
	for _, e := range step(ConfigSynced{Config: Config{Ballot: 1, Primary: self, MaxReplicaCount: 3}}) {
		if ask, ok := e.(UpdateMeta); ok {
			step(MetaReplied{Seq: ask.Seq, Config: ask.Config})
		}
	}
	var signature int64
	for _, e := range step(ProposalReceived{Type: configAddSecondary, Node: learner, Config: c.Config()}) {
		if add, ok := e.(SendGroupCheck); ok {
			signature = add.Signature
		}
	}
	if c.Status() != Primary || c.LastCommitted() != 2 || c.MaxDecree() != 5 || signature == 0 {
		t.Fatalf("status %v, committed %d, prepared %d, signature %d", c.Status(), c.LastCommitted(), c.MaxDecree(), signature)
	}
	ask := func(committed int64) AckLearn {
		for _, e := range step(LearnReceived{Token: 1, From: learner, Signature: signature, LastCommitted: committed}) {
			if ack, ok := e.(AckLearn); ok {
				return ack
			}
		}
		t.Fatal("no answer")
		return AckLearn{}
	}
	if ack := ask(4); ack.Err != base.ErrInconsistentState || ack.Answer.Reset {
		t.Errorf("a learner that committed 4 of 5 is answered %s, reset %v", ack.Err, ack.Answer.Reset)
	}
	if ack := ask(6); ack.Err != base.ErrOK || !ack.Answer.Reset {
		t.Errorf("a learner ahead of everything is answered %s, reset %v", ack.Err, ack.Answer.Reset)
	}
}

// A new primary must not make a member of a learner that lacks what the old primary may have
// answered: the member could be the next primary.
func TestLearnerIsPromotedOnlyAfterTheTailIsCommitted(t *testing.T) {
	b := secondaryOf(t)
	b.step(prepareOf(1, 3, 1, 0), Logged{Ballot: 3, Decree: 1})
	cfg := Config{Ballot: 4, MaxReplicaCount: 3, Secondaries: []Node{nodeB, nodeC}}
	ask := one[UpdateMeta](t, b.step(ProposalReceived{Type: configUpgradeToPrimary, Node: nodeB, Config: cfg}))
	b.step(MetaReplied{Seq: ask.Seq, Err: base.ErrOK, Config: ask.Config})
	signature := one[SendGroupCheck](t, b.step(ProposalReceived{Type: configAddSecondary, Node: nodeA, Config: b.Config()})).Signature
	if a := one[AckLearn](t, b.step(LearnReceived{Token: 9, From: nodeA, Signature: signature})).Answer; a.Kind != LearnCache || a.PrepareStart != 1 {
		t.Fatalf("answer %+v", a)
	}
	done := CompletionReceived{Token: 10, From: nodeA, Signature: signature, Phase: LearnSucceeded}
	if e := b.step(done); len(only[UpdateMeta](e)) != 0 {
		t.Fatal("promoted while decree 1, which the old primary may have answered, is not committed")
	}
	b.step(Logged{Ballot: 5, Decree: 1}, PrepareReplied{From: nodeC, Ballot: 5, Decree: 1, Err: base.ErrOK})
	e := b.step(PrepareReplied{From: nodeA, Ballot: 5, Decree: 1, Round: 1, Err: base.ErrOK})
	if up := one[UpdateMeta](t, e); up.Type != configUpgradeToSecondary || up.Node != nodeA {
		t.Errorf("asked for %+v", up)
	}
}

// What nobody can tell from the log's end alone, whether an acknowledged entry stood there, the other
// members can: they have whatever was acknowledged.
func TestDoubtfulPrimaryGivesItsRoleAway(t *testing.T) {
	a := &at{Core: New(gpid, nodeA, Params{}, 6, 0, 0), t: t, now: 1}
	a.Doubt()
	stored := Config{Ballot: 6, MaxReplicaCount: 3, Primary: nodeA, Secondaries: []Node{nodeB, nodeC}}
	ask := one[UpdateMeta](t, a.step(ConfigSynced{Config: stored}))
	if ask.Type != configDowngradeToInactive || ask.Config.Primary.IsValid() || len(ask.Config.Secondaries) != 2 || ask.Config.Ballot != 7 {
		t.Fatalf("asks for %+v", ask)
	}
	if a.ReadsAllowed() || a.WritesAllowed() == base.ErrOK {
		t.Error("serves in the meantime")
	}
	a.step(MetaReplied{Seq: ask.Seq, Err: base.ErrOK, Config: ask.Config})
	if a.Status() == Primary {
		t.Error("is primary")
	}
}

// Alone, it is the best there is.
func TestDoubtfulPrimaryWithoutOthersGoesOn(t *testing.T) {
	a := &at{Core: New(gpid, nodeA, Params{}, 6, 0, 0), t: t, now: 1}
	a.Doubt()
	ask := one[UpdateMeta](t, a.step(ConfigSynced{Config: Config{Ballot: 6, MaxReplicaCount: 3, Primary: nodeA}}))
	if ask.Type != configForceUpdateBallot {
		t.Fatalf("asks for %+v", ask)
	}
}

// A primary announces only what this member acknowledged. Less than that here means that it was lost,
// behind a damaged end of the log say, and that it must be learned anew before this member is needed.
func TestSecondaryThatLostEntriesSaysSo(t *testing.T) {
	b := secondaryOf(t)
	ack := one[AckGroupCheck](t, b.step(GroupCheckReceived{Token: 5, Ballot: 3, Role: Secondary, Primary: nodeA, LastCommitted: 4}))
	if ack.Err != base.ErrIncompleteData {
		t.Errorf("answers %v although decrees up to 4 are committed and it has %d", ack.Err, b.MaxDecree())
	}
	ack = one[AckGroupCheck](t, b.step(GroupCheckReceived{Token: 6, Ballot: 3, Role: Secondary, Primary: nodeA, LastCommitted: 0}))
	if ack.Err != base.ErrOK {
		t.Errorf("answers %v although it has everything", ack.Err)
	}
}
