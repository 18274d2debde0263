package replica

import (
	"context"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/replica/pacifica"
)

// A server that leaves may find a primary in the middle of a change of its group, where it cannot be asked for its role. It must be asked
// when it is in office again: the others wait for it, and it would go on taking writes until the connections close.
func TestPrimaryThatComesBackWhileItsServerLeavesIsAsked(t *testing.T) {
	s, m, p := leased(t)
	cfg := pacifica.Config{Ballot: p.core.Config().Ballot, Primary: s.self, Secondaries: []pacifica.Node{base.AddressOf(0x7F000001, 34802)}, MaxReplicaCount: 2}
	var ask pacifica.UpdateMeta
	for _, e := range p.core.Step(s.clock(), pacifica.ConfigSynced{Config: cfg}) {
		if e, ok := e.(pacifica.UpdateMeta); ok {
			ask = e
		}
	}
	p.publish()
	if !p.view.Load().beingGivenAway() || p.view.Load().status == pacifica.Primary {
		t.Fatalf("not in the middle of a change: %+v", p.view.Load())
	}
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan struct{})
	go func() { s.handOver(ctx); close(left) }()
	defer func() { cancel(); <-left }()
	waitFor(t, "the server leaves", s.leaving.Load)
	time.Sleep(20 * time.Millisecond) // it has looked at all primaries
	p.core.Step(s.clock(), pacifica.MetaReplied{Seq: ask.Seq, Err: base.ErrOK, Config: ask.Config})
	if p.publish(); p.core.Status() != pacifica.Primary {
		t.Fatalf("%v", p.core.Status())
	}
	for deadline := time.Now().Add(20 * time.Second); !p.core.Reconfiguring(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it was not asked")
		}
		m.h.elapsed.Add(int64(10 * time.Millisecond))
		p.drain()
	}
}
