package pacifica

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// Paper 1.5: a replica is its state, a log of prepared updates and now and then a checkpoint, from which
// it comes back as it was. A random history of a secondary is cut at every point, and brought back from
// every checkpoint it can have had: everything that was acknowledged is in the list again, nothing is
// taken as committed that was not, and what is committed has the same content.
func TestPaperReplicaComesBackFromCheckpointAndLog(t *testing.T) {
	for seed := range uint64(40) {
		h := randomSecondary(t, seed)
		for checkpoint := range len(h.applied) + 1 {
			c := New(gpid, nodeB, Params{}, h.ballot, int64(checkpoint), 0)
			applied := slices.Clone(h.applied[:checkpoint])
			for _, m := range h.log {
				effects, err := c.Replay(m)
				if err != nil {
					t.Fatalf("seed %d, checkpoint %d: %v", seed, checkpoint, err)
				}
				for _, e := range effects {
					applied = append(applied, content(e.(Apply).Mutation))
				}
			}
			if err := c.Check(); err != nil {
				t.Fatalf("seed %d, checkpoint %d: %v", seed, checkpoint, err)
			}
			if !isPrefix(applied, h.applied) || c.LastCommitted() != int64(len(applied)) {
				t.Fatalf("seed %d, checkpoint %d: committed %d, applied %q, before the crash %q", seed, checkpoint, c.LastCommitted(), applied, h.applied)
			}
			for d := c.LastCommitted() + 1; d <= h.acknowledged; d++ {
				if e := c.list.get(d); e == nil || content(e.m) != h.content[d] {
					t.Fatalf("seed %d, checkpoint %d: acknowledged decree %d is not in the list as it was", seed, checkpoint, d)
				}
			}
			if c.Config().Ballot < h.ballot {
				t.Fatalf("seed %d: ballot %d after %d", seed, c.Config().Ballot, h.ballot)
			}
		}
	}
}

// secondaryHistory is what a secondary did and has on its disk.
type secondaryHistory struct {
	ballot       int64
	log          []*Mutation
	applied      []string
	content      map[int64]string // of the version acknowledged last
	acknowledged int64
}

// randomSecondary receives prepares of primaries that follow each other, the later ones replacing what
// was not committed.
func randomSecondary(t *testing.T, seed uint64) *secondaryHistory {
	rng := rand.New(rand.NewPCG(seed, 2))
	b := secondaryOf(t)
	h := &secondaryHistory{content: map[int64]string{}}
	ballot, next := int64(3), int64(1)
	for i := range 60 {
		if rng.IntN(12) == 0 {
			ballot += 2
			next = b.LastCommitted() + 1 // the new primary has no more than what is committed
		}
		ev := prepareOf(uint64(i+1), ballot, next, max(b.LastCommitted(), next-1-rng.Int64N(3)))
		ev.Mutation.LastCommitted = min(ev.Mutation.LastCommitted, next-1)
		ev.Mutation.TimestampUs = int64(10_000 + i)
		ev.Mutation.Updates = []Update{{Code: "RPC_RRDB_RRDB_PUT", Body: fmt.Appendf(nil, "w%d", i)}}
		ev.Mutation.encode()
		effects := append(b.step(ev), b.step(Logged{Ballot: ballot, Decree: next})...)
		for _, e := range effects {
			switch e := e.(type) {
			case PersistBallot:
				h.ballot = e.Ballot
			case Append:
				h.log = append(h.log, e.Mutation)
			case Apply:
				h.applied = append(h.applied, content(e.Mutation))
			case AckPrepare:
				h.acknowledged = e.Decree
				h.content[e.Decree] = content(ev.Mutation)
			}
		}
		next++
	}
	return h
}

// Paper 1.5: the log brings back what was prepared only if it has no holes. A log with one is not
// opened; a log whose end is missing is opened with less.
func TestPaperLogWithAHoleIsNotReplayed(t *testing.T) {
	for missing := 1; missing <= 6; missing++ {
		c := New(gpid, nodeB, Params{}, 3, 0, 0)
		var failed error
		for d := 1; d <= 6 && failed == nil; d++ {
			if d != missing {
				_, failed = c.Replay(prepareOf(0, 3, int64(d), int64(d-1)).Mutation)
			}
		}
		if (failed == nil) != (missing == 6) {
			t.Errorf("without decree %d of 6: %v", missing, failed)
		}
		if c.MaxDecree() != int64(missing-1) {
			t.Errorf("without decree %d: prepared %d", missing, c.MaxDecree())
		}
	}
}
