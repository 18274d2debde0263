package rrdb

import (
	"bytes"
	"fmt"
	"math/rand"
	randv2 "math/rand/v2"
	"sync"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/dupinternal"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

func newRNG(seed int64) *randv2.Rand { return randv2.New(randv2.NewPCG(uint64(seed), 1)) }

func pick(rnd *rand.Rand, keys int) (string, string) {
	return fmt.Sprint("h", rnd.Intn(3)), fmt.Sprint("s", rnd.Intn(keys))
}

// randomExpire is often none, else a few seconds around the mutation.
func randomExpire(rnd *rand.Rand, ts int64) int32 {
	if rnd.Intn(2) == 0 {
		return 0
	}
	return int32(base.EpochSecondsOfMicros(ts)) + rnd.Int31n(20) - 3
}

func randomValue(rnd *rand.Rand) string {
	if rnd.Intn(3) > 0 {
		return fmt.Sprint(rnd.Intn(10))
	}
	return []string{"", "abc", "-7", "0x1f", "9223372036854775807", "x"}[rnd.Intn(6)]
}

// randomUpdate is a well-formed write over few keys, so that updates meet each other.
func randomUpdate(rnd *rand.Rand, keys int, ts int64) Update {
	hash, sort := pick(rnd, keys)
	key := base.BlobOf(rawKey(hash, sort))
	var req thrift.TStruct
	op := OpPut + Op(rnd.Intn(int(OpEmpty-OpPut)))
	switch op {
	case OpPut:
		req = &rrdb.UpdateRequest{Key: key, Value: blob(randomValue(rnd)), ExpireTsSeconds: randomExpire(rnd, ts)}
	case OpRemove:
		req = key
	case OpMultiPut:
		req = &rrdb.MultiPutRequest{HashKey: blob(hash), Kvs: kvs(sort, randomValue(rnd), fmt.Sprint("s", rnd.Intn(keys)), randomValue(rnd)), ExpireTsSeconds: randomExpire(rnd, ts)}
	case OpMultiRemove:
		req = &rrdb.MultiRemoveRequest{HashKey: blob(hash), SortKeys: blobs(sort)}
	case OpIncr:
		req = &rrdb.IncrRequest{Key: key, Increment: rnd.Int63n(7) - 3, ExpireTsSeconds: []int32{0, -1, randomExpire(rnd, ts)}[rnd.Intn(3)]}
	case OpCheckAndSet:
		req = &rrdb.CheckAndSetRequest{HashKey: blob(hash), CheckSortKey: blob(sort), CheckType: rrdb.CasCheckType(rnd.Intn(19)), CheckOperand: blob(randomValue(rnd)),
			SetDiffSortKey: rnd.Intn(2) == 0, SetSortKey: blob(fmt.Sprint("s", rnd.Intn(keys))), SetValue: blob(randomValue(rnd)), SetExpireTsSeconds: randomExpire(rnd, ts), ReturnCheckValue: true}
	case OpCheckAndMutate:
		q := &rrdb.CheckAndMutateRequest{HashKey: blob(hash), CheckSortKey: blob(sort), CheckType: rrdb.CasCheckType(rnd.Intn(19)), CheckOperand: blob(randomValue(rnd)), ReturnCheckValue: true}
		for range rnd.Intn(4) {
			q.MutateList = append(q.MutateList, step(rnd.Intn(2), fmt.Sprint("s", rnd.Intn(keys)), randomValue(rnd), randomExpire(rnd, ts)))
		}
		req = q
	case OpDuplicate:
		return randomDuplicate(rnd, key, ts)
	}
	return Update{op, body(1, req)}
}

func randomMutation(rnd *rand.Rand, keys int, ts int64) []Update {
	updates := make([]Update, rnd.Intn(5))
	for i := range updates {
		updates[i] = randomUpdate(rnd, keys, ts)
	}
	return updates
}

// Three replicas apply the same mutations, each with its own flushes, sweeps, compactions,
// restarts and batches of replies: they answer alike and hold the same live rows at every decree.
func TestReplicasStayEqual(t *testing.T) {
	for seed := range int64(4) {
		shared := rand.New(rand.NewSource(seed))
		var rigs []*rig
		for range 3 {
			rigs = append(rigs, newRig(t, func(o *EngineOptions) {
				o.IgnoreOtherClusterIDs = true
				o.MemtableBytesMax = 256 << 10
				o.SweepChunkRows = 3
				o.SweepRowsPerSecond = 1e9
			}))
		}
		own := rand.New(rand.NewSource(seed + 100))
		var swept int64
		for range 150 {
			ts := rigs[0].ts + shared.Int63n(3e6)
			ttl := shared.Int31n(2) * shared.Int31n(20)
			updates := randomMutation(shared, 12, ts)
			var first [][]byte
			for i, r := range rigs {
				r.ts, r.ttl = ts, ttl
				replies := r.apply(updates...)
				if i == 0 {
					first = replies
				}
				eq(t, "replies", fmt.Sprintf("%x", replies), fmt.Sprintf("%x", first))
				swept += disturb(t, own, r)
			}
			want := rigs[0].digest()
			for _, r := range rigs[1:] {
				eq(t, "digest", r.digest(), want)
			}
		}
		if swept == 0 {
			t.Error("nothing was swept: the test proves nothing")
		}
	}
}

// What is applied as one batch leaves, and answers, what the same mutations do one after the other. Their rows meet, expire
// in between, and come from other clusters.
func TestMutationsTogetherAreAsOneByOne(t *testing.T) {
	for seed := range int64(8) {
		rnd := rand.New(rand.NewSource(seed))
		set := func(o *EngineOptions) { o.IgnoreOtherClusterIDs = true }
		single, grouped := newRig(t, set), newRig(t, set)
		for range 60 {
			var want, got [][]byte
			var group []Mutation
			for range 1 + rnd.Intn(12) {
				single.ts += rnd.Int63n(6e6) - 1e6
				single.ttl = rnd.Int31n(2) * rnd.Int31n(20)
				updates := randomMutation(rnd, 6, single.ts)
				m := Mutation{Decree: grouped.s.LastApplied() + int64(len(group)) + 1, TimestampUs: single.ts, DefaultTTL: single.ttl, Updates: updates}
				if rnd.Intn(3) > 0 {
					m.Reply = func(i int, body []byte) { got = append(got, bytes.Clone(body)) }
				}
				if replies := single.apply(updates...); m.Reply != nil {
					want = append(want, replies...)
				}
				group = append(group, m)
			}
			if err := grouped.s.ApplyAll(group); err != nil {
				t.Fatal(err)
			}
			eq(t, "replies", fmt.Sprintf("%x", got), fmt.Sprintf("%x", want))
			eq(t, "digest", grouped.digest(), single.digest())
		}
	}
}

// A batch with a decree that is not the next is refused as a whole.
func TestMutationsTogetherFollowEachOther(t *testing.T) {
	r := newRig(t)
	put := []Update{{OpPut, body(1, &rrdb.UpdateRequest{Key: base.BlobOf(rawKey("h", "s")), Value: blob("v")})}}
	for _, decrees := range [][]int64{{2}, {1, 3}, {1, 1}, {1, 2, 4}} {
		var group []Mutation
		for _, d := range decrees {
			group = append(group, Mutation{Decree: d, TimestampUs: 1, Updates: put})
		}
		if err := r.s.ApplyAll(group); err == nil || r.s.LastApplied() != 0 {
			t.Errorf("%v: %v, applied up to %d", decrees, err, r.s.LastApplied())
		}
	}
	if d := r.digest(); d.Rows != 0 {
		t.Errorf("%d rows", d.Rows)
	}
}

// disturb does to one replica what must not show.
func disturb(t *testing.T, rnd *rand.Rand, r *rig) int64 {
	r.s.versions.Store(rnd.Intn(2) == 0) // range reads step or seek
	if rnd.Intn(2) == 0 {
		r.s.misses.level.Store(rnd.Int31n(2) * missRateOne) // lookups go one way or the other
	}
	switch rnd.Intn(8) {
	case 0:
		if err := r.s.Flush(); err != nil {
			t.Fatal(err)
		}
	case 1:
		res, err := r.s.Sweep(ctxb)
		if err != nil {
			t.Fatal(err)
		}
		return res.Deleted
	case 2:
		if err := r.s.compact(ctxb, dataStart, dataEnd); err != nil {
			t.Fatal(err)
		}
	case 3:
		if rnd.Intn(4) == 0 {
			r.reopen()
		}
	}
	return 0
}

// The sweeper deletes exactly the rows that had expired at the last applied mutation's second, and
// never a live one, also while writes go on.
func TestSweepTakesTheDeadOnly(t *testing.T) {
	r := newRig(t, func(o *EngineOptions) { o.SweepChunkRows = 7; o.SweepRowsPerSecond = 1e9 })
	for i := range 100 {
		r.put("live", fmt.Sprint(i), "v")
		r.put("later", fmt.Sprint(i), "v", 100+i)
		r.put("dead", fmt.Sprint(i), "v", 1+i%10)
	}
	sweep := func(deleted int64) {
		t.Helper()
		before := r.digest()
		res, err := r.s.Sweep(ctxb)
		if err != nil {
			t.Fatal(err)
		}
		eq(t, "deleted", res.Deleted, deleted)
		eq(t, "digest", r.digest(), before)
	}
	sweep(0)
	r.rc.Now += 50
	sweep(0) // the reader's clock does not matter, the last mutation's does
	r.at(5)
	sweep(0)
	r.apply() // now the store knows that it is second 5
	sweep(50)
	sweep(0)
	r.at(99).apply()
	sweep(50)
	r.at(100).apply()
	sweep(1)
	rows := 0
	it, err := r.s.db.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for it.First(); it.Valid(); it.Next() {
		rows++
	}
	it.Close()
	eq(t, "rows kept, and the state record", rows, 100+99+1)
	r.reopen()
	eq(t, "decree", r.s.LastApplied(), 303)
}

func TestSweepFreesSpace(t *testing.T) {
	r := newRig(t, func(o *EngineOptions) { o.SweepRowsPerSecond = 1e9 })
	value := make([]byte, 1000)
	rand.New(rand.NewSource(1)).Read(value)
	for i := range 2000 {
		r.put("h", fmt.Sprint(i), string(value), 10)
	}
	if err := r.s.compact(ctxb, dataStart, dataEnd); err != nil {
		t.Fatal(err)
	}
	before, _ := r.s.Stats()
	r.at(10).apply()
	r.s.TriggerSweep()
	eventually(t, "space", func() bool {
		st, err := r.s.Stats()
		return err == nil && st.SweptRows == 2000 && st.DiskBytes < before.DiskBytes/10
	})
	r.s.tasks.Wait()
	eq(t, "no row expires any more", r.s.sweeper.sawTTL.Load(), false)
	r.put("h", "x", "v", 10)
	eq(t, "until one is written", r.s.sweeper.sawTTL.Load(), true)
}

// Rows are rewritten while a sweep is between finding and deleting them: the new ones stay.
func TestSweepAgainstWriters(t *testing.T) {
	r := newRig(t, func(o *EngineOptions) { o.SweepChunkRows = 5; o.SweepRowsPerSecond = 1e9 })
	for i := range 200 {
		r.put("h", fmt.Sprint(i), "old", 1)
	}
	r.at(1).apply()
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		for range 5 {
			if _, err := r.s.Sweep(ctxb); err != nil {
				t.Error(err)
			}
		}
	}()
	for i := range 200 {
		r.put("h", fmt.Sprint(199-i), "new")
	}
	wg.Wait()
	for i := range 200 {
		eq(t, "row", r.get("h", fmt.Sprint(i)), "new")
	}
}

// A timestamp that goes back (a primary with a slow clock) does not wake rows that had expired.
func TestTimestampsNeverGoBack(t *testing.T) {
	r := newRig(t)
	r.put("h", "s", "v", 10)
	r.at(10).apply()
	r.at(5)
	_, n := r.incr("h", "n", 1, 0)
	eq(t, "incr", n, 1)
	eq(t, "timestamp", r.s.LastAppliedTimestampUs(), t0+10e6)
	r.cas("h", cas{typ: 1, check: "s", value: "w", wantAfter: "w"})
}

func randomDuplicate(rnd *rand.Rand, key *base.Blob, ts int64) Update {
	q := &dupinternal.DuplicateRequest{}
	for range rnd.Intn(3) {
		stamp := ts - 5 + rnd.Int63n(10)
		if rnd.Intn(3) == 0 {
			q.Entries = append(q.Entries, dupEntry(OpRemove, stamp, 9, true, key))
			continue
		}
		put := &rrdb.UpdateRequest{Key: key, Value: blob(randomValue(rnd)), ExpireTsSeconds: randomExpire(rnd, ts)}
		q.Entries = append(q.Entries, dupEntry(OpPut, stamp, 9, rnd.Intn(2) == 0, put))
	}
	return Update{OpDuplicate, body(1, q)}
}
