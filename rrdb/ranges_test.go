package rrdb

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

// multiGet runs one and shows the answer as "status: key=value ...".
func (r *rig) multiGet(q *rrdb.MultiGetRequest) string {
	r.Helper()
	var resp rrdb.MultiGetResponse
	r.read(OpMultiGet, q, &resp)
	r.checkIDs(resp.AppID, resp.PartitionIndex, resp.Server)
	eq(r, "rows", r.stats.Rows, len(resp.Kvs))
	eq(r, "status", r.stats.Status, resp.Error)
	var b strings.Builder
	fmt.Fprintf(&b, "%d:", resp.Error)
	for _, kv := range resp.Kvs {
		fmt.Fprintf(&b, " %s=%s", kv.Key.Bytes(), kv.Value.Bytes())
	}
	return b.String()
}

func rng(start string, startIncl bool, stop string, stopIncl bool) *rrdb.MultiGetRequest {
	return &rrdb.MultiGetRequest{HashKey: blob("h"), StartSortkey: blob(start), StartInclusive: startIncl, StopSortkey: blob(stop), StopInclusive: stopIncl}
}

func TestMultiGetRange(t *testing.T) {
	r := newRig(t)
	r.multiPut("h", "", "0", "a", "1", "b", "2", "c", "3", "d", "4")
	r.multiPut("g", "zz", "before")
	r.multiPut("i", "", "after")
	r.multiPut("hh", "a", "longer")
	with := func(q *rrdb.MultiGetRequest, f func(*rrdb.MultiGetRequest)) *rrdb.MultiGetRequest { f(q); return q }
	for _, c := range []struct {
		q    *rrdb.MultiGetRequest
		want string
	}{
		{rng("", true, "", false), "0: =0 a=1 b=2 c=3 d=4"},
		{rng("", true, "", true), "0: =0 a=1 b=2 c=3 d=4"},
		{rng("", false, "", false), "0: a=1 b=2 c=3 d=4"},
		{rng("a", true, "c", false), "0: a=1 b=2"},
		{rng("a", false, "c", true), "0: b=2 c=3"},
		{rng("a", true, "c", true), "0: a=1 b=2 c=3"},
		{rng("a", false, "c", false), "0: b=2"},
		{rng("aa", false, "cc", false), "0: b=2 c=3"},
		{rng("b", true, "b", true), "0: b=2"},
		{rng("b", true, "b", false), "0:"},
		{rng("b", false, "b", true), "0:"},
		{rng("c", true, "a", true), "0:"},
		{rng("d", false, "", false), "0:"},
		{rng("x", true, "", false), "0:"},
	} {
		for _, reverse := range []bool{false, true} {
			c.q.Reverse = reverse
			eq(t, fmt.Sprintf("%q %v, %q %v, reverse %v", c.q.StartSortkey.Bytes(), c.q.StartInclusive, c.q.StopSortkey.Bytes(), c.q.StopInclusive, reverse), r.multiGet(c.q), c.want)
		}
	}
	limits := func(n, size int32, reverse bool) *rrdb.MultiGetRequest {
		return with(rng("", true, "", false), func(q *rrdb.MultiGetRequest) { q.MaxKvCount, q.MaxKvSize, q.Reverse = n, size, reverse })
	}
	eq(t, "count", r.multiGet(limits(2, 0, false)), "7: =0 a=1")
	eq(t, "reverse count takes the largest, ascending", r.multiGet(limits(2, 0, true)), "7: c=3 d=4")
	eq(t, "exactly all", r.multiGet(limits(5, 0, false)), "0: =0 a=1 b=2 c=3 d=4")
	eq(t, "exactly all, reverse", r.multiGet(limits(5, 0, true)), "0: =0 a=1 b=2 c=3 d=4")
	eq(t, "negative", r.multiGet(limits(-1, -1, false)), "0: =0 a=1 b=2 c=3 d=4")
	eq(t, "size may be passed by one row", r.multiGet(limits(0, 2, false)), "7: =0 a=1")
	eq(t, "size, reverse", r.multiGet(limits(0, 1, true)), "7: d=4")
	eq(t, "a limit counts even when the next row is out of range",
		r.multiGet(with(rng("", true, "b", false), func(q *rrdb.MultiGetRequest) { q.MaxKvCount = 2 })), "7: =0 a=1")
	eq(t, "no value", r.multiGet(with(rng("a", true, "b", true), func(q *rrdb.MultiGetRequest) { q.NoValue = true })), "0: a= b=")
	eq(t, "bytes", r.stats.Bytes, 4)
	eq(t, "other hash key", r.multiGet(&rrdb.MultiGetRequest{HashKey: blob("zz"), StartInclusive: true}), "0:")
}

func TestMultiGetFilters(t *testing.T) {
	r := newRig(t)
	r.multiPut("h", "a1", "", "a2", "", "b1", "", "b2", "", "\xff", "", "\xff\xff1", "")
	run := func(kind int, pattern, start, stop string, reverse bool) string {
		return r.multiGet(&rrdb.MultiGetRequest{HashKey: blob("h"), StartSortkey: blob(start), StartInclusive: true, StopSortkey: blob(stop), Reverse: reverse,
			SortKeyFilterType: rrdb.FilterType(kind), SortKeyFilterPattern: blob(pattern)})
	}
	for _, reverse := range []bool{false, true} {
		eq(t, "prefix", run(2, "a", "", "", reverse), "0: a1= a2=")
		eq(t, "prefix from within", run(2, "a", "a2", "", reverse), "0: a2=")
		eq(t, "prefix to within", run(2, "a", "", "a2", reverse), "0: a1=")
		eq(t, "prefix outside", run(2, "a", "b", "", reverse), "0:")
		eq(t, "prefix of high bytes", run(2, "\xff\xff", "", "", reverse), "0: \xff\xff1=")
		eq(t, "postfix", run(3, "1", "", "", reverse), "0: a1= b1= \xff\xff1=")
		eq(t, "anywhere", run(1, "2", "", "", reverse), "0: a2= b2=")
		eq(t, "empty pattern", run(2, "", "b", "c", reverse), "0: b1= b2=")
		eq(t, "pattern without filter", run(0, "a", "b", "c", reverse), "0: b1= b2=")
		eq(t, "bad type", run(4, "a", "", "", reverse), "4:")
		eq(t, "negative type", run(-1, "a", "", "", reverse), "4:")
	}
	missing := &rrdb.MultiGetRequest{HashKey: blob("h"), StartInclusive: true}
	eq(t, "missing blobs are empty", r.multiGet(missing), "0: a1= a2= b1= b2= \xff= \xff\xff1=")
}

func TestMultiGetBySortKeys(t *testing.T) {
	r := newRig(t)
	r.multiPut("h", "a", "1", "b", "22", "c", "3", "", "0")
	r.put("h", "dead", "x", 1)
	r.at(1)
	run := func(n, size int32, keys ...string) string {
		return r.multiGet(&rrdb.MultiGetRequest{HashKey: blob("h"), SortKeys: blobs(keys...), MaxKvCount: n, MaxKvSize: size, Reverse: true,
			SortKeyFilterType: 2, SortKeyFilterPattern: blob("ignored")})
	}
	eq(t, "order and repetition as asked", run(0, 0, "c", "a", "missing", "dead", "", "a"), "0: c=3 a=1 =0 a=1")
	eq(t, "limit met exactly", run(2, 0, "a", "b"), "0: a=1 b=22")
	eq(t, "limit, only missing left", run(2, 0, "a", "b", "missing", "dead"), "0: a=1 b=22")
	eq(t, "limit", run(2, 0, "a", "b", "missing", "c"), "7: a=1 b=22")
	eq(t, "size", run(0, 3, "a", "b", "c"), "7: a=1 b=22")
}

// The budget of 3000 visited rows is spent by expired and filtered rows too.
func TestMultiGetIterationBudget(t *testing.T) {
	for _, c := range []struct {
		expired, total, limit int
		status                Status
		rows                  int
	}{{3000, 4000, 3500, 7, 0}, {500, 4000, 3500, 7, 2500}, {2950, 4000, 100, 7, 50}, {0, 3000, 5000, 0, 3000}, {0, 3001, 5000, 7, 3000}} {
		r := newRig(t)
		var pairs, dead []string
		for i := range c.total {
			if i < c.expired {
				dead = append(dead, fmt.Sprintf("%05d", i), "v")
			} else {
				pairs = append(pairs, fmt.Sprintf("%05d", i), "v")
			}
		}
		if len(dead) > 0 {
			r.write(OpMultiPut, &rrdb.MultiPutRequest{HashKey: blob("h"), Kvs: kvs(dead...), ExpireTsSeconds: int32(now0)}, &rrdb.UpdateResponse{})
		}
		r.multiPut("h", pairs...)
		var resp rrdb.MultiGetResponse
		r.read(OpMultiGet, &rrdb.MultiGetRequest{HashKey: blob("h"), StartInclusive: true, MaxKvCount: int32(c.limit)}, &resp)
		eq(t, "status", resp.Error, c.status)
		eq(t, "rows", len(resp.Kvs), c.rows)
		var count rrdb.CountResponse
		r.read(OpSortkeyCount, blob("h"), &count)
		eq(t, "sortkey_count has no cap", count.Count, int64(c.total-c.expired))
	}
}

func TestMultiGetIterationBytes(t *testing.T) {
	r := newRig(t, func(o *EngineOptions) { o.MultiGetIterationBytesMax = 10 })
	r.multiPut("h", "a", "12345678", "b", "12345678", "c", "1")
	eq(t, "by range", r.multiGet(rng("", true, "", false)), "7: a=12345678 b=12345678")
	eq(t, "not by sort keys", r.multiGet(&rrdb.MultiGetRequest{HashKey: blob("h"), SortKeys: blobs("a", "b", "c")}), "0: a=12345678 b=12345678 c=1")
}

func TestSortkeyCount(t *testing.T) {
	r := newRig(t)
	r.multiPut("h", "", "", "a", "", "b", "")
	r.multiPut("h2", "x", "")
	r.put("h", "dead", "", 1)
	r.multiPut("", "a", "", "b", "")
	r.at(1)
	for key, want := range map[string]int64{"h": 3, "h2": 1, "none": 0, "": 2} {
		var resp rrdb.CountResponse
		r.read(OpSortkeyCount, blob(key), &resp)
		r.checkIDs(resp.AppID, resp.PartitionIndex, resp.Server)
		eq(t, key, resp.Count, want)
		eq(t, "status", resp.Error, 0)
	}
}

// Beyond the time limit sortkey_count says -1 without an error, multi_get and scans are incomplete.
func TestIterationTimeLimit(t *testing.T) {
	r := newRig(t)
	var pairs []string
	for i := range 5000 {
		pairs = append(pairs, fmt.Sprintf("%05d", i), "v")
	}
	r.multiPut("h", pairs...)
	r.s.SetEnvs(map[string]string{EnvIterationMs: "30000"})
	var count rrdb.CountResponse
	r.read(OpSortkeyCount, blob("h"), &count)
	eq(t, "in time", count.Count, 5000)
	v := *r.s.envs.Load()
	v.iterationTime = 1 // ns
	r.s.envs.Store(&v)
	r.read(OpSortkeyCount, blob("h"), &count)
	eq(t, "count", count.Count, -1)
	eq(t, "error", count.Error, 0)
	eq(t, "multi_get", strings.HasPrefix(r.multiGet(rng("", true, "", false)), "7:"), true)
	got := r.scanner(&rrdb.GetScannerRequest{StartKey: base.BlobOf(rawKey("h", "")), StopKey: blob("\xff\xff"), StartInclusive: true})
	eq(t, "scan", got.Error, StatusIncomplete)
	eq(t, "no context", got.ContextID, -1)
	r.s.SetEnvs(map[string]string{EnvIterationMs: "0"})
	r.read(OpSortkeyCount, blob("h"), &count)
	eq(t, "no limit", count.Count, 5000)
}

func TestBatchGet(t *testing.T) {
	r := newRig(t)
	r.put("a", "1", "v1")
	r.put("b", "", "v2")
	r.put("", "", "")
	r.put("dead", "", "x", 1)
	r.at(1)
	keys := func(parts ...string) *rrdb.BatchGetRequest {
		q := &rrdb.BatchGetRequest{}
		for i := 0; i < len(parts); i += 2 {
			q.Keys = append(q.Keys, &rrdb.FullKey{HashKey: blob(parts[i]), SortKey: blob(parts[i+1])})
		}
		return q
	}
	var resp rrdb.BatchGetResponse
	r.read(OpBatchGet, keys("b", "", "none", "", "a", "1", "dead", "", "", "", "a", "1"), &resp)
	r.checkIDs(resp.AppID, resp.PartitionIndex, resp.Server)
	eq(t, "status", resp.Error, 0)
	var got []string
	for _, d := range resp.Data {
		got = append(got, fmt.Sprintf("%s/%s=%s", d.HashKey.Bytes(), d.SortKey.Bytes(), d.Value.Bytes()))
	}
	eq(t, "rows in the order asked for", strings.Join(got, " "), "b/=v2 a/1=v1 /= a/1=v1")
	eq(t, "bytes", r.stats.Bytes, 3+4+0+4)
	r.read(OpBatchGet, keys(), &resp)
	eq(t, "no keys", resp.Error, StatusInvalidArgument)
	r.read(OpBatchGet, keys(strings.Repeat("x", 70000), ""), &resp)
	eq(t, "impossible key", len(resp.Data), 0)
}
