package replica

import (
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/replica/pacifica"
)

// A committed mutation that the store refuses is missing from reads, though the core counts it. Nothing
// may be read any more, not even until the core hears of it.
func TestFailedApplyEndsReads(t *testing.T) {
	_, _, p := leasedPrimary(t)
	if err := p.store.Load().Close(); err != nil {
		t.Fatal(err)
	}
	p.core.SetMaxReplicaCount(1)
	p.step([]pacifica.Event{pacifica.Write{Update: pacifica.Update{Code: "RPC_RRDB_RRDB_PUT", Body: []byte("x")}}})
	for deadline := time.Now().Add(20 * time.Second); p.core.LastCommitted() == 0; {
		if time.Now().After(deadline) {
			t.Fatal("the write was not logged")
		}
		p.mail.on.Wait(time.Second, p.mail.wake)
		p.drainOnce()
	}
	p.publish()
	if p.core.Status() != pacifica.Primary {
		t.Fatal("the core has heard already: the test shows nothing")
	}
	if code := p.readRefusal(false); code != base.ErrInvalidState {
		t.Errorf("reads of a store that lacks a committed write: %v", code)
	}
	p.drain()
	if p.closing == nil {
		t.Error("the replica goes on")
	}
}
