package replica

import (
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/replica/pacifica"
)

// followed is a secondary whose loop is run by hand, and the core of its primary.
type followed struct {
	t       *testing.T
	p       *partition
	h       *handHost
	primary *pacifica.Core
	from    pacifica.Node
}

func follow(t *testing.T) *followed {
	t.Helper()
	s, m, p := leased(t)
	f := &followed{t: t, p: p, h: m.h, from: base.AddressOf(0x7F000001, 34802)}
	cfg := pacifica.Config{Ballot: 1, Primary: f.from, Secondaries: []pacifica.Node{s.self}, MaxReplicaCount: 2}
	f.primary = pacifica.New(testGpid, f.from, pacifica.Params{}, 1, 0, 0)
	for _, e := range f.primary.Step(pacifica.Clock{MonoMs: 1, WallUs: 1}, pacifica.ConfigSynced{Config: cfg}) {
		if ask, ok := e.(pacifica.UpdateMeta); ok {
			cfg = ask.Config
		}
	}
	f.primary.Step(pacifica.Clock{MonoMs: 2, WallUs: 2}, pacifica.MetaReplied{Seq: 1, Err: base.ErrOK, Config: cfg})
	p.turn([]item{{event: pacifica.ConfigSynced{Config: cfg}}})
	p.publish()
	if f.primary.Status() != pacifica.Primary || p.core.Status() != pacifica.Secondary {
		t.Fatalf("%v and %v", f.primary.Status(), p.core.Status())
	}
	return f
}

// write takes n writes of so many bytes, each a mutation of its own, through the group. The secondary hears with each that the one before
// is committed.
func (f *followed) write(n, bytes int) {
	f.t.Helper()
	for range n {
		w := pacifica.Write{Update: pacifica.Update{Code: "RPC_RRDB_RRDB_PUT", Body: make([]byte, bytes), Token: 1}}
		var sent *pacifica.SendPrepare
		for _, e := range f.primary.Step(pacifica.Clock{MonoMs: 3, WallUs: 3}, w) {
			if e, ok := e.(pacifica.SendPrepare); ok {
				sent = &e
			}
		}
		m := sent.Mutation
		f.p.turn([]item{{event: pacifica.PrepareReceived{Primary: f.from, Role: sent.Role, Ballot: sent.Ballot, Mutation: m}}})
		for deadline := time.Now().Add(20 * time.Second); f.p.core.LastPrepared() < m.Decree; {
			if time.Now().After(deadline) {
				f.t.Fatal("a prepare was not logged")
			}
			f.p.mail.on.Wait(time.Second, f.p.mail.wake)
			f.p.drain()
		}
		f.primary.Step(pacifica.Clock{MonoMs: 4, WallUs: 4}, pacifica.Logged{Ballot: m.Ballot, Decree: m.Decree},
			pacifica.PrepareReplied{From: f.p.srv.self, Ballot: m.Ballot, Decree: m.Decree, Err: base.ErrOK})
	}
}

// wantApplied checks how far store and core are.
func (f *followed) wantApplied(when string, applied, committed int64) {
	f.t.Helper()
	if a, c := f.p.store.Load().LastApplied(), f.p.core.LastCommitted(); a != applied || c != committed {
		f.t.Errorf("%s: applied %d, committed %d; want %d, %d", when, a, c, applied, committed)
	}
}

func TestSecondaryAppliesManyWritesAtOnce(t *testing.T) {
	f := follow(t)
	f.write(backlogUpdatesMax, 10)
	f.wantApplied("one less than many", 0, backlogUpdatesMax-1)
	f.write(1, 10)
	f.wantApplied("many", backlogUpdatesMax, backlogUpdatesMax)
	f.write(10, 10)
	f.wantApplied("some more", backlogUpdatesMax, backlogUpdatesMax+10)
}

func TestSecondaryAppliesManyBytesAtOnce(t *testing.T) {
	f := follow(t)
	f.write(3, backlogBytesMax/2)
	f.wantApplied("two large writes", 2, 2)
}

func TestSecondaryAppliesWhatIsOld(t *testing.T) {
	f := follow(t)
	f.write(5, 10)
	f.wantApplied("young", 0, 4)
	f.h.elapsed.Add(int64(backlogAgeMs * time.Millisecond))
	f.write(1, 10)
	f.wantApplied("old", 5, 5)
}

// The primary may be gone: then nothing comes, and the replica asks for a tick.
func TestSecondaryAppliesWhatIsOldByItself(t *testing.T) {
	f := follow(t)
	f.write(5, 10)
	f.p.publish()
	if d, most := f.p.view.Load().deadlineMs, f.p.srv.monoMs()+backlogAgeMs; d > most {
		t.Fatalf("a tick is due in %d ms", d-f.p.srv.monoMs())
	}
	f.p.turn([]item{{event: pacifica.Tick{}}})
	f.wantApplied("after the tick", 4, 4)
}

// The notice that follows the last write, and anything else that is not a write, lets a secondary apply all it has.
func TestSecondaryCatchesUpOnAnyOtherEvent(t *testing.T) {
	f := follow(t)
	f.write(5, 10)
	f.p.turn([]item{{event: pacifica.GroupCheckReceived{Primary: f.from, Role: pacifica.Secondary, Ballot: f.p.core.Config().Ballot, LastCommitted: 5}}})
	f.wantApplied("the notice", 5, 5)
	f.write(5, 10)
	ran := int64(-1)
	f.p.turn([]item{{run: func() { ran = f.p.store.Load().LastApplied() }}})
	if ran != 9 {
		t.Errorf("work in the loop finds %d decrees applied, 9 are committed", ran)
	}
	f.write(2, 10)
	f.wantApplied("two more", 9, 11)
	f.p.turn([]item{{event: pacifica.Disconnected{}}})
	f.wantApplied("the end of the lease", 11, 11)
}

// Effects that may need the store, or let others act on it, find everything applied.
func TestEffectsFindTheBacklogApplied(t *testing.T) {
	f := follow(t)
	f.write(5, 10)
	f.p.execute([]pacifica.Effect{pacifica.DropPrepare{}})
	f.wantApplied("a prepare is dropped", 0, 4)
	f.p.execute([]pacifica.Effect{pacifica.CancelMeta{}})
	f.wantApplied("another effect", 4, 4)
}

// A primary that was a secondary answers reads only with everything applied.
func TestPromotionCatchesUp(t *testing.T) {
	f := follow(t)
	f.write(5, 10)
	f.wantApplied("a secondary", 0, 4)
	self := f.p.srv.self
	cfg := f.p.core.Config()
	cfg.Primary, cfg.Secondaries, cfg.Ballot, cfg.MaxReplicaCount = base.RPCAddress{}, []pacifica.Node{self}, cfg.Ballot+1, 2
	f.p.turn([]item{{event: pacifica.ConfigSynced{Config: cfg}}})
	cfg.Primary, cfg.Secondaries, cfg.Ballot = self, nil, cfg.Ballot+1
	f.p.turn([]item{{event: pacifica.ConfigSynced{Config: cfg}}})
	f.p.publish()
	f.wantApplied("promoted", 4, 4)
	if f.p.core.Status() != pacifica.Primary || f.p.readRefusal(false) == base.ErrOK {
		t.Errorf("%v answers reads before its tail is committed", f.p.core.Status())
	}
	for deadline := time.Now().Add(20 * time.Second); f.p.readRefusal(false) != base.ErrOK; {
		if time.Now().After(deadline) {
			t.Fatal("no reads")
		}
		f.p.mail.on.Wait(time.Second, f.p.mail.wake)
		f.p.drain()
	}
	f.wantApplied("reads", 5, 5)
}

// A store that refuses the backlog ends the replica as one that refuses a write does.
func TestRefusedBacklogEndsTheReplica(t *testing.T) {
	f := follow(t)
	f.write(5, 10)
	if err := f.p.store.Load().Close(); err != nil {
		t.Fatal(err)
	}
	f.p.turn([]item{{event: pacifica.Tick{}}})
	if !f.p.behind {
		t.Error("nothing was noticed")
	}
	f.p.drain()
	if f.p.closing == nil {
		t.Error("the replica goes on")
	}
}

// What was not applied when a replica ends is in its log.
func TestBacklogComesBackFromTheLog(t *testing.T) {
	f := follow(t)
	f.write(5, 10)
	f.wantApplied("before", 0, 4)
	closeParts(t, f.p)
	q, err := f.p.srv.openDir(testGpid, f.p.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer closeParts(t, q)
	if a, c := q.store.Load().LastApplied(), q.core.LastCommitted(); a != 4 || c != 4 || q.core.LastPrepared() != 5 {
		t.Errorf("opened with applied %d, committed %d, prepared %d", a, c, q.core.LastPrepared())
	}
}
