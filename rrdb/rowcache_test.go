package rrdb

import (
	"bytes"
	"fmt"
	"math/rand"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

// What the cache returns is what was put last under that key of that store, or nothing, however often its rings went around.
func TestRowCacheReturnsWhatWasPutLast(t *testing.T) {
	c := newRowCache(rowShards * rowShardBytesMin)
	if c == nil {
		t.Skip("no row cache on this system")
	}
	defer c.close()
	rnd := rand.New(rand.NewSource(1))
	always := func() bool { return true }
	last := map[string][]byte{} // nil: known to be absent
	found := 0
	for i := range 400_000 {
		// A few keys come often, so that some are found again after the ring went around.
		n := rnd.Intn(20)
		if rnd.Intn(2) == 0 {
			n = rnd.Intn(20_000)
		}
		store, key := uint64(rnd.Intn(2)), []byte(fmt.Sprintf("%0*d", n%50, n))
		name := fmt.Sprint(store, "/", string(key))
		switch rnd.Intn(8) {
		case 0:
			c.change(store, key)
			delete(last, name)
		case 1:
			c.put(store, key, []byte("not valid"), true, func() bool { return false })
		case 2, 3:
			size := rnd.Intn(200)
			if rnd.Intn(50) == 0 {
				size = rnd.Intn(2 * RowCacheRowBytesMax) // some are too large
			}
			value := append(strconv.AppendInt(nil, int64(i), 10), make([]byte, size)...)
			if rnd.Intn(4) == 0 {
				value = nil
			}
			c.change(store, key) // as a writer does
			if rnd.Intn(2) == 0 {
				c.settle(store, cachedRow{key, value, value != nil})
			} else { // a reader comes later
				c.put(store, key, value, value != nil, always)
			}
			last[name] = value
		default:
			value, there, locked := c.get(store, key)
			if locked == nil {
				continue
			}
			want, ok := last[name]
			if !ok || there != (want != nil) || !bytes.Equal(value, want) {
				t.Fatalf("step %d, %s: %q, want %q (%v)", i, name, value, want, ok)
			}
			locked.mu.Unlock()
			found++
		}
	}
	hits, misses, used := c.stats()
	if found < 10_000 || hits != int64(found) || misses == 0 {
		t.Errorf("%d found; hits %d, misses %d", found, hits, misses)
	}
	if all := int64(len(c.memory)); used < all/2 || used > all {
		t.Errorf("%d bytes of %d are used", used, all)
	}
}

// A row that is read again and again stays while others pass through.
func TestRowCacheKeepsWhatIsReadOften(t *testing.T) {
	c := newRowCache(rowShards * rowShardBytesMin)
	if c == nil {
		t.Skip("no row cache on this system")
	}
	defer c.close()
	always := func() bool { return true }
	lost := 0 // its bucket may fill up
	for i := range 100_000 {
		c.put(1, fmt.Appendf(nil, "seldom %d", i), make([]byte, 100), true, always)
		value, _, locked := c.get(1, []byte("often"))
		if locked == nil {
			lost++
			c.put(1, []byte("often"), []byte("v"), true, always)
			continue
		}
		eq(t, "value", string(value), "v")
		locked.mu.Unlock()
	}
	if lost > 50 {
		t.Errorf("gone %d times in 100,000 reads", lost)
	}
	if _, _, locked := c.get(1, []byte("seldom 0")); locked != nil {
		t.Error("a row that was read once is still there")
	}
}

// Whatever kind of write changes a row, a get that had it in the cache sees the change, and both ways of reading agree.
func TestRowCacheFollowsEveryKindOfWrite(t *testing.T) {
	r := newRig(t)
	if r.e.rows == nil {
		t.Skip("no row cache on this system")
	}
	const keys = 4
	rnd := rand.New(rand.NewSource(2))
	for i := range 6000 {
		r.at(i / 100) // rows expire meanwhile
		updates := []Update{randomUpdate(rnd, keys, r.ts)}
		for rnd.Intn(3) == 0 {
			updates = append(updates, randomUpdate(rnd, keys, r.ts))
		}
		r.apply(updates...)
		if i%1500 == 0 {
			if _, err := r.s.Sweep(ctxb); err != nil {
				t.Fatal(err)
			}
		}
		if i == 3000 {
			r.reopen()
		}
		hash, sort := pick(rnd, keys)
		for range 2 { // the second time out of the cache
			var k keyReader
			stored, found, err := k.get(r.s, rawKey(hash, sort))
			if err != nil {
				t.Fatal(err)
			}
			want := "!1"
			if row, err := decodeValue(r.s.schema, stored); found && err == nil && !base.Expired(row.expire, r.rc.Now) {
				want = string(row.user)
			}
			k.close()
			eq(t, fmt.Sprint("step ", i), r.get(hash, sort), want)
		}
	}
	if hits, misses, _ := r.e.RowCacheStats(); hits < 3000 || misses == 0 {
		t.Errorf("%d hits, %d misses", hits, misses)
	}
}

// readBeside reads row "h", "n", a number, again and again beside what follows, until stop is called. No get may go behind what it finds acknowledged when it begins, nor behind what
// one of them has seen, nor see what is no multiple of step.
func (r *rig) readBeside(acknowledged *atomic.Int64, step int64) (stop func()) {
	const readers = 3
	request := body(1, base.BlobOf(rawKey("h", "n")))
	ended := make(chan struct{})
	var seen atomic.Int64
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			var out []byte
			for {
				select {
				case <-ended:
					return
				default:
				}
				least := max(acknowledged.Load(), seen.Load())
				var st ReadStat
				out, st = r.s.Read(OpGet, request, out[:0], r.rc)
				var resp rrdb.ReadResponse
				unwrap(r, out, &resp)
				n, err := strconv.ParseInt(string(resp.Value.Bytes()), 10, 64)
				if st.StorageErr != nil || err != nil || n < least || n%step != 0 {
					r.Errorf("read %d (%v, %v) after %d", n, st.StorageErr, err, least)
					return
				}
				for s := seen.Load(); n > s && !seen.CompareAndSwap(s, n); s = seen.Load() {
				}
			}
		})
	}
	return func() {
		if r.e.rows != nil { // the writes may be over before the readers come
			eventually(r, "a read out of the cache", func() bool { hits, _, _ := r.e.RowCacheStats(); return hits > 0 })
		}
		close(ended)
		wg.Wait()
	}
}

// Gets that run beside writes never go back: not behind what was acknowledged before they began, nor behind what one of them has seen.
func TestCachedRowsNeverGoBack(t *testing.T) {
	r := newRig(t)
	const writes = 3000
	var acknowledged atomic.Int64
	r.put("h", "n", "0")
	defer r.readBeside(&acknowledged, 1)()
	for i := range int64(writes) {
		if err := putRow(r.s, "n", strconv.AppendInt(nil, i+1, 10)); err != nil {
			t.Fatal(err)
		}
		acknowledged.Store(i + 1)
	}
}

// A get that read before a write, or while one was committed, does not keep what it read.
func TestRowReadBesideAWriteIsNotKept(t *testing.T) {
	r := newRig(t)
	if r.e.rows == nil {
		t.Skip("no row cache on this system")
	}
	r.put("h", "s", "old")
	key := rawKey("h", "s")
	kept := func() bool {
		_, _, locked := r.e.rows.get(r.s.id, key)
		if locked != nil {
			locked.mu.Unlock()
		}
		return locked != nil
	}
	var k keyReader
	defer k.close()
	before := r.s.writes.Load()
	value, _, err := k.get(r.s, key)
	if err != nil {
		t.Fatal(err)
	}
	r.put("h", "s", "new")
	r.s.keep(key, value, true, before)
	eq(t, "read before the write, kept", kept(), false)

	r.s.writes.Add(1) // a batch is being committed
	eq(t, "value", r.get("h", "s"), "new")
	eq(t, "read during the commit, kept", kept(), false)
	r.s.writes.Add(1)
	eq(t, "value", r.get("h", "s"), "new")
	eq(t, "read after the commit, kept", kept(), true)

	key = rawKey("h", "absent")
	eq(t, "value", r.get("h", "absent"), "!1")
	eq(t, "absence, kept", kept(), true)
	eq(t, "value", r.get("h", "absent"), "!1")
	r.put("h", "absent", "no longer")
	eq(t, "value", r.get("h", "absent"), "no longer")
}

// A sweep takes the rows that it deletes out of the cache, too: a reader whose clock is behind would see them come back.
func TestSweptRowLeavesTheRowCache(t *testing.T) {
	r := newRig(t)
	r.put("h", "s", "v", 10)
	eq(t, "alive", r.get("h", "s"), "v")
	r.at(20).apply()
	if res, err := r.s.Sweep(ctxb); err != nil || res.Deleted != 1 {
		t.Fatalf("%+v, %v", res, err)
	}
	r.at(5)
	eq(t, "swept, to a clock that is behind", r.get("h", "s"), "!1")
}

// A row that is in the cache stays there as it is written, whatever writes it and however often in one batch; only what has grown
// larger than the cache keeps leaves.
func TestRowsStayInTheCacheAsTheyAreWritten(t *testing.T) {
	r := newRig(t)
	if r.e.rows == nil {
		t.Skip("no row cache on this system")
	}
	put := func(value string) Update {
		return Update{OpPut, body(1, &rrdb.UpdateRequest{Key: base.BlobOf(rawKey("h", "n")), Value: base.BlobOf([]byte(value))})}
	}
	remove := Update{OpRemove, body(1, base.BlobOf(rawKey("h", "n")))}
	add := Update{OpIncr, body(1, &rrdb.IncrRequest{Key: base.BlobOf(rawKey("h", "n")), Increment: 1})}
	eq(t, "before", r.get("h", "n"), "!1")
	for i, c := range []struct {
		updates []Update
		want    string
	}{
		{[]Update{put("1")}, "1"},
		{[]Update{put("another")}, "another"}, // has outgrown its place
		{[]Update{put("2"), put("3"), put("4")}, "4"},
		{[]Update{remove}, "!1"},
		{[]Update{put("5"), remove}, "!1"},
		{[]Update{remove, put("6")}, "6"},
		{[]Update{add}, "7"},
		{[]Update{add, add, put("0"), add}, "1"},
	} {
		r.apply(c.updates...)
		_, before, _ := r.e.RowCacheStats()
		eq(t, fmt.Sprint("case ", i), r.get("h", "n"), c.want)
		if _, after, _ := r.e.RowCacheStats(); after != before {
			t.Errorf("case %d: the row was not in the cache", i)
		}
	}
	_, before, _ := r.e.RowCacheStats()
	large := string(make([]byte, RowCacheRowBytesMax))
	r.apply(put("small"), put(large)) // and not the small one
	eq(t, "large", r.get("h", "n") == large, true)
	if _, after, _ := r.e.RowCacheStats(); after != before+1 {
		t.Error("a row larger than the cache keeps was in it")
	}
	r.apply(put("small again"))
	eq(t, "after it was large", r.get("h", "n"), "small again")
}

// A batch writes a row twice, and the row goes from the cache in between, as the ring comes around: what the first write made of it must not come back.
func TestRowThatLeavesTheCacheDuringABatch(t *testing.T) {
	c := newRowCache(rowShards * rowShardBytesMin)
	if c == nil {
		t.Skip("no row cache on this system")
	}
	defer c.close()
	always, key := func() bool { return true }, []byte("k")
	c.put(1, key, []byte("before"), true, always)
	eq(t, "there before", c.change(1, key), true)
	for i := range 100_000 { // readers of another store
		c.put(2, fmt.Append(nil, i), make([]byte, 100), true, always)
	}
	eq(t, "there for the second write", c.change(1, key), false)
	c.settleAll(1, []cachedRow{{key, []byte("first"), true}})
	if value, _, locked := c.get(1, key); locked != nil {
		t.Errorf("the cache says %q", value)
		locked.mu.Unlock()
	}
}

// Gets beside batches that write a row many times see what a batch leaves and nothing in between, and never go back.
func TestNoGetSeesTheMiddleOfABatch(t *testing.T) {
	r := newRig(t)
	const batches, times = 1000, 20
	var acknowledged atomic.Int64
	r.put("h", "n", "0")
	defer r.readBeside(&acknowledged, times)()
	var updates [times]Update
	for i := range batches {
		for j := range updates {
			value := strconv.Itoa(i*times + j + 1)
			updates[j] = Update{OpPut, body(1, &rrdb.UpdateRequest{Key: base.BlobOf(rawKey("h", "n")), Value: base.BlobOf([]byte(value))})}
		}
		r.apply(updates[:]...)
		acknowledged.Store(int64(i+1) * times)
	}
}
