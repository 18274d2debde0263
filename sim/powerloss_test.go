package sim

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/sim/faultfs"
)

// TestPowerLossEverywhere cuts the power of all servers under load, again and again: with logs synced
// before each answer, what was acknowledged is there afterwards. The last time one disk is lost too.
func TestPowerLossEverywhere(t *testing.T) {
	t.Parallel()
	b := newBench(t, quick(Config{Disk: func(int) *faultfs.Disk { return faultfs.New(faultfs.Options{}) }}))
	rng := rand.New(rand.NewPCG(*seed, 7))
	var ledgers []*ledger
	for round, crash := range []faultfs.CrashOptions{{}, faultfs.AnyCrash(rng), {KeepAll: true}, faultfs.AnyCrash(rng)} {
		load := startLedger(b, b.cl, fmt.Sprintf("round%d", round), 16, 2*time.Second)
		ledgers = append(ledgers, load)
		load.more(b, 400)
		if round%2 == 1 {
			b.command(rng.IntN(3), "replica.trigger-checkpoint")
		}
		load.more(b, 100)
		for _, i := range rng.Perm(3) {
			b.CrashReplica(i, func(d *faultfs.Disk) *faultfs.Disk { return d.Crash(rng, crash) })
		}
		load.end()
		if round == 3 {
			b.Disks[rng.IntN(3)] = faultfs.New(faultfs.Options{})
		}
		for _, i := range rng.Perm(3) {
			if err := b.RestartReplica(i); err != nil {
				t.Fatal(err)
			}
		}
		b.healthy()
	}
	for _, l := range ledgers {
		l.verify(b)
	}
	b.sameEverywhere()
}

// TestMemberWithoutDisk brings two of three servers back, one of them with an empty disk: where the
// meta server would promote the empty one, it must learn that nothing is there.
func TestMemberWithoutDisk(t *testing.T) {
	t.Parallel()
	b := newBench(t, quick(Config{Disk: func(int) *faultfs.Disk { return faultfs.New(faultfs.Options{}) }}))
	load := startLedger(b, b.cl, "member", 8, 2*time.Second)
	load.more(b, 400)
	load.end()
	// All at one instant: nobody is there to take the others out of the group.
	after := make([]*faultfs.Disk, len(b.Disks))
	for i, d := range b.Disks {
		after[i] = d.Crash(nil, faultfs.CrashOptions{})
	}
	for i := range b.Replicas {
		b.CrashReplica(i, func(*faultfs.Disk) *faultfs.Disk { return after[i] })
	}
	b.Disks[0] = faultfs.New(faultfs.Options{})
	for i := range 2 {
		if err := b.RestartReplica(i); err != nil {
			t.Fatal(err)
		}
	}
	if h, err := b.cl.Admin().WaitReady(b.ctx, "temp", nil); err != nil {
		t.Fatalf("two servers, one with all the data: %+v: %v", h, err)
	}
	load.verify(b)
	if err := b.RestartReplica(2); err != nil {
		t.Fatal(err)
	}
	b.sameEverywhere()
}
