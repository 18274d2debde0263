package sim

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// TestPowerLossEverywhere cuts the power of all servers under load, again and again: with logs synced
// before each answer, what was acknowledged is there afterwards. The last time one disk is lost too.
func TestPowerLossEverywhere(t *testing.T) {
	b := newBench(t, quick(Config{Disk: func(int) *PowerFS { return NewPowerFS() }}))
	rng := rand.New(rand.NewPCG(*seed, 7))
	var ledgers []*ledger
	for round, unsynced := range []int{0, 50, 100, 0} {
		load := startLedger(b, b.cl, fmt.Sprintf("round%d", round), 16, 2*time.Second)
		ledgers = append(ledgers, load)
		load.more(b, 400)
		if round%2 == 1 {
			b.command(rng.IntN(3), "replica.trigger-checkpoint")
		}
		load.more(b, 100)
		for _, i := range rng.Perm(3) {
			b.CrashReplica(i, func(d *PowerFS) *PowerFS { return d.Cut(rng, unsynced) })
		}
		load.end()
		if round == 3 {
			b.Disks[rng.IntN(3)] = NewPowerFS()
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
