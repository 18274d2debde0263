package sim

import (
	"testing"
	"time"
)

// TestMetasComeAndGo restarts metas under load, the leader and the follower, while a replica server
// leaves and returns too.
func TestMetasComeAndGo(t *testing.T) {
	t.Parallel()
	b := newBench(t, quick(Config{Metas: 2}))
	load := startLedger(b, b.cl, "metas", 8, 30*time.Second)
	load.more(b, 200)
	for round := range 4 {
		i := round % 2
		if err := b.StopMeta(i); err != nil {
			t.Fatal(err)
		}
		if round == 2 {
			if err := b.Replicas[1].Close(); err != nil {
				t.Fatal(err)
			}
		}
		load.more(b, 200)
		if err := b.StartMeta(i); err != nil {
			t.Fatal(err)
		}
		if round == 2 {
			if err := b.RestartReplica(1); err != nil {
				t.Fatal(err)
			}
		}
		load.more(b, 200)
	}
	load.end()
	if n := load.errors.Load(); n > 0 {
		t.Errorf("%d writes failed although there was time; last: %v", n, errOf(&load.last))
	}
	load.verify(b)
	b.sameEverywhere()
}
