package rrdb

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

// A request that reads several rows sees one state of the store: here, rows that are always
// written together are always read alike, whichever way lookups are made.
func TestReadsSeeOneState(t *testing.T) {
	for _, filtered := range []bool{false, true} {
		r := newRig(t)
		if filtered {
			r.s.misses.level.Store(missRateOne)
		}
		write := func(i int) error {
			v := fmt.Sprint(i)
			b := body(1, &rrdb.MultiPutRequest{HashKey: blob("h"), Kvs: kvs("a", v, "b", v, "c", v)})
			return r.s.Apply(r.s.LastApplied()+1, t0, 0, []Update{{OpMultiPut, b}}, nil)
		}
		if err := write(0); err != nil {
			t.Fatal(err)
		}
		stop, wg := make(chan struct{}), sync.WaitGroup{}
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 1; ; i++ {
				select {
				case <-stop:
					return
				default:
					if err := write(i); err != nil {
						t.Error(err)
						return
					}
				}
			}
		}()
		full := []*rrdb.FullKey{{HashKey: blob("h"), SortKey: blob("c")}, {HashKey: blob("h"), SortKey: blob("b")}, {HashKey: blob("h"), SortKey: blob("a")}}
		for range 100 {
			var batch rrdb.BatchGetResponse
			r.read(OpBatchGet, &rrdb.BatchGetRequest{Keys: full}, &batch)
			eq(t, "batch_get", string(batch.Data[0].Value.Data) == string(batch.Data[2].Value.Data), true)
			for _, q := range []*rrdb.MultiGetRequest{{HashKey: blob("h"), SortKeys: blobs("c", "b", "a")}, rng("", true, "", false)} {
				var multi rrdb.MultiGetResponse
				r.read(OpMultiGet, q, &multi)
				eq(t, "multi_get", string(multi.Kvs[0].Value.Data) == string(multi.Kvs[2].Value.Data), true)
			}
		}
		close(stop)
		wg.Wait()
	}
}

// Lookups are answered alike in both modes, and the mode follows the rate of misses.
func TestLookupModeFollowsMisses(t *testing.T) {
	r := newRig(t, func(o *EngineOptions) { o.RowCacheBytes = -1 })
	r.put("h", "there", "v")
	for range 200 {
		eq(t, "miss", r.get("other", "key"), "!1")
	}
	eq(t, "filtered", r.s.misses.high(), true)
	eq(t, "hit", r.get("h", "there"), "v")
	eq(t, "same hash key", r.get("h", "else"), "!1")
	for range 200 {
		eq(t, "hit", r.get("h", "there"), "v")
	}
	eq(t, "direct", r.s.misses.high(), false)
	eq(t, "miss", r.get("h", "else"), "!1")
	settled := r.s.misses.level.Load()
	for range 500 {
		r.get("h", "there")
	}
	if low := r.s.misses.level.Load(); low > settled || low < 0 || low > missRateOne/512 {
		t.Errorf("the average of hits only is %d", low)
	}
}

// One answer is bounded in bytes, whatever the request says.
func TestResponseBytesMax(t *testing.T) {
	r := newRig(t, func(o *EngineOptions) { o.ResponseBytesMax = 1000 })
	value := strings.Repeat("v", 300)
	for i := range 10 {
		r.put("h", fmt.Sprint(i), value)
	}
	var keys []string
	var full []*rrdb.FullKey
	for i := range 10 {
		keys = append(keys, fmt.Sprint(i))
		full = append(full, &rrdb.FullKey{HashKey: blob("h"), SortKey: blob(fmt.Sprint(i))})
	}
	var multi rrdb.MultiGetResponse
	for _, q := range []*rrdb.MultiGetRequest{{HashKey: blob("h"), SortKeys: blobs(keys...)}, rng("", true, "", false)} {
		r.read(OpMultiGet, q, &multi)
		eq(t, "multi_get", multi.Error, StatusIncomplete)
		eq(t, "rows", len(multi.Kvs), 4)
	}
	var batch rrdb.BatchGetResponse
	r.read(OpBatchGet, &rrdb.BatchGetRequest{Keys: full}, &batch)
	eq(t, "batch_get", batch.Error, StatusIncomplete)
	eq(t, "rows", len(batch.Data), 4)
	first := r.scanner(fullScan(100))
	eq(t, "scan batch", len(first.Kvs), 4)
	rows, n := r.drain(first)
	eq(t, "rows", strings.Count(rows, "h/"), 10)
	eq(t, "replies", n, 3)
}

// A row with thousands of versions in the memtable slows down one read, not all of them.
func TestRowsWithManyVersions(t *testing.T) {
	r := newRig(t)
	r.multiPut("h", "a", "1", "b", "2", "c", "3")
	for i := range 3000 {
		r.put("h", "b", fmt.Sprint(i))
	}
	reads := []func() string{
		func() string { return r.multiGet(rng("", true, "", false)) },
		func() string { rows, _ := r.drain(r.scanner(hashScan("h", 1))); return rows },
		func() string { rows, _ := r.drain(r.scanner(fullScan(10))); return rows },
		func() string {
			var resp rrdb.CountResponse
			r.read(OpSortkeyCount, blob("h"), &resp)
			return fmt.Sprint(resp.Count)
		},
	}
	want := []string{"0: a=1 b=2999 c=3", "h/a=1 h/b=2999 h/c=3", "h/a=1 h/b=2999 h/c=3", "3"}
	for i, read := range reads {
		if err := r.s.Flush(); err != nil {
			t.Fatal(err)
		}
		eq(t, "forgotten after a flush", r.s.versions.Load(), false)
		for n := range 3000 {
			r.put("h", "b", fmt.Sprint(n))
		}
		eq(t, "stepping", read(), want[i])
		eq(t, "noticed", r.s.versions.Load(), true)
		eq(t, "seeking", read(), want[i])
	}
}
