package pacifica

import (
	"fmt"
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// Paper 1.3: the grace period counts from when a beacon was received, however old it was then. Here the
// one who waits is the meta server. (That the lease counts from when the beacon was sent is the host's
// matter, and shown there.)
func TestPaperGraceCountsFromTheReceipt(t *testing.T) {
	for _, delay := range []int64{0, 700, 1900} {
		g := newGroup(t, "started=3")
		g.do("hold beacon from=r1")
		for len(g.held) == 0 {
			g.do("run 1")
		}
		g.do(fmt.Sprintf("drop any from=r1\nrun %d\nallow beacon\nrelease\ndrop beacon from=r1", delay))
		received := g.c.nowMs
		for g.c.meta.config().Primary == g.named("r1").addr && g.c.nowMs < received+2*simGraceMs {
			g.do("run 10")
		}
		if removed := g.c.nowMs - received; removed <= simGraceMs || removed > simGraceMs+200 {
			t.Errorf("a beacon delayed by %d ms: the primary was removed %d ms after its receipt, the grace period is %d", delay, removed, simGraceMs)
		}
	}
}

// Paper 1.3: without an acknowledgement for the lease period the primary stops being primary at once:
// no queries, no updates, and nothing is committed by acknowledgements that come later. (In the paper it
// then asks to remove the secondary that was silent; here the silent one is the meta server.)
func TestPaperPrimaryResignsAtTheEndOfItsLease(t *testing.T) {
	a := busyPrimary(t, nodeB)
	a.step(write(1))
	a.step(Disconnected{})
	if a.ReadsAllowed() || a.WritesAllowed() != base.ErrInvalidState || a.Status() != Inactive {
		t.Errorf("status %v, reads %v, writes %v", a.Status(), a.ReadsAllowed(), a.WritesAllowed())
	}
	if e := a.step(Logged{Ballot: 3, Decree: 1}, ackOf(nodeB, 3, 1)); len(only[Apply](e)) != 0 {
		t.Errorf("committed without a lease: %v", e)
	}
	if e := a.step(Tick{}); len(e) != 0 {
		t.Errorf("a primary without a lease goes on: %v", e)
	}
}

// Paper 1.3: a grace period that is not shorter than the lease makes sure that the old primary has
// resigned before anybody can replace it. The link to the meta server breaks at every moment of a
// beacon's period, in each direction; whenever the meta server has stored another primary or none, the
// old one must not serve.
func TestPaperOldPrimaryResignsBeforeItIsReplaced(t *testing.T) {
	for _, cut := range []string{"drop beacon from=r1", "drop beacon_ack to=r1", "isolate r1", "hold beacon from=r1 times=3"} {
		for at := range int64(8) {
			g := newGroup(t, "started=3")
			r1, replaced := g.named("r1"), false
			g.do(fmt.Sprintf("run %d\nwrite w1\n%s", at*40, cut))
			for range 400 {
				g.do("run 10")
				if p := g.c.meta.config().Primary; p != r1.addr {
					replaced = true
					if r1.serves() {
						t.Fatalf("%s at %d ms: r1 serves, the stored primary is %s", cut, at*40, g.c.nameOf(p))
					}
				}
				if g.c.nowMs%500 == 0 {
					g.do("release")
				}
			}
			// With answers lost alone the meta server sees r1 alive: the partition is not served, and not moved.
			if want := cut == "drop beacon from=r1" || cut == "isolate r1"; replaced != want {
				t.Errorf("%s at %d ms: replaced: %v", cut, at*40, replaced)
			}
			g.do("allow\njoin r1\nrun 9000\nwrite w2\nrun 400")
			g.expectWhole()
		}
	}
}

// Paper 1.3: a secondary that hears nothing for the grace period asks to replace the primary. Here the
// meta server watches the primary, and a secondary never acts on silence.
func TestPaperSecondaryLeavesDetectionToTheManager(t *testing.T) {
	b := secondaryOf(t)
	b.step(prepareOf(1, 3, 1, 0), Logged{Ballot: 3, Decree: 1})
	for range 100 {
		b.now += 60_000
		if e := b.step(Tick{}); len(e) != 0 || b.Status() != Secondary {
			t.Fatalf("a secondary that waits: %v", e)
		}
	}
}
