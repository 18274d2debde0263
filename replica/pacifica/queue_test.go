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
	if e := a.step(Logged{Ballot: 4, Decree: 1}); len(only[Apply](e)) != 1 || len(only[Append](e)) != 0 {
		t.Errorf("after the tail: %v", e)
	}
}
