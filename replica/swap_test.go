package replica

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/replica/pacifica"
)

// A learner died after its store was replaced by a checkpoint and before its log began anew. What the log
// holds is of an earlier life: it may have versions of decrees that were never committed, and must not be
// taught to anybody.
func TestInterruptedSwapBeginsANewLog(t *testing.T) {
	s, _, p := leasedPrimary(t)
	p.core.SetMaxReplicaCount(1)
	const decrees = 3
	deadline := time.Now().Add(20 * time.Second)
	for d := int64(1); d <= decrees; d++ {
		p.step([]pacifica.Event{pacifica.Write{Update: pacifica.Update{Code: "RPC_RRDB_RRDB_PUT", Body: []byte("x")}}})
		for p.core.LastCommitted() < d {
			if time.Now().After(deadline) {
				t.Fatal("a write was not logged")
			}
			p.mail.on.Wait(time.Second, p.mail.wake)
			p.drainOnce()
		}
	}
	if entries, err := p.plog.Read(1, decrees, 1<<20); err != nil || len(entries) != decrees {
		t.Fatalf("the log has %d entries, %v", len(entries), err)
	}
	closeParts(t, p)
	if err := s.opts.FS.MkdirAll(filepath.Join(p.dir, oldStoreName), 0o755); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second opening finds nothing to repair
		q, err := s.openDir(testGpid, p.dir)
		if err != nil {
			t.Fatal(err)
		}
		if entries, _ := q.plog.Read(1, decrees, 1<<20); len(entries) != 0 {
			t.Errorf("the log still has %d entries of before the swap", len(entries))
		}
		if applied := q.store.Load().LastApplied(); q.core.LastCommitted() != applied || q.core.MaxDecree() != applied {
			t.Errorf("store at %d, committed %d, prepared %d", applied, q.core.LastCommitted(), q.core.MaxDecree())
		}
		closeParts(t, q)
	}
	if _, err := s.opts.FS.Stat(filepath.Join(p.dir, oldStoreName)); err == nil {
		t.Error("the old store is still there")
	}
}
