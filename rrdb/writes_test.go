package rrdb

import (
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

func kvs(pairs ...string) (out []*rrdb.KeyValue) {
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, &rrdb.KeyValue{Key: blob(pairs[i]), Value: blob(pairs[i+1])})
	}
	return out
}

func blobs(keys ...string) []*base.Blob {
	out := []*base.Blob{}
	for _, k := range keys {
		out = append(out, blob(k))
	}
	return out
}

func (r *rig) multiPut(hashKey string, pairs ...string) {
	r.Helper()
	var resp rrdb.UpdateResponse
	r.write(OpMultiPut, &rrdb.MultiPutRequest{HashKey: blob(hashKey), Kvs: kvs(pairs...)}, &resp)
	eq(r, "multi_put", resp.Error, 0)
}

func TestMultiPut(t *testing.T) {
	r := newRig(t)
	r.multiPut("h", "a", "1", "b", "", "a", "2", "", "3")
	eq(t, "repeated sort key: the last wins", r.get("h", "a"), "2")
	eq(t, "empty value", r.get("h", "b"), "")
	eq(t, "empty sort key", r.get("h", ""), "3")

	ignored := int32(now0 + 5)
	var resp rrdb.UpdateResponse
	r.write(OpMultiPut, &rrdb.MultiPutRequest{HashKey: blob("t"), ExpireTsSeconds: int32(now0 + 100),
		Kvs: []*rrdb.KeyValue{{Key: blob("a"), Value: blob("v"), ExpireTsSeconds: &ignored}}}, &resp)
	_, ttl := r.ttlOf("t", "a")
	eq(t, "the request's expiry counts, not the row's", ttl, 100)

	r.write(OpMultiPut, &rrdb.MultiPutRequest{HashKey: blob("h")}, &resp)
	eq(t, "no rows", resp.Error, StatusInvalidArgument)
	eq(t, "and still a decree", resp.Decree, r.s.LastApplied())
	eq(t, "decree", r.s.LastApplied(), 3)
}

func TestMultiRemove(t *testing.T) {
	r := newRig(t)
	r.multiPut("h", "a", "1", "b", "2", "c", "3")
	var resp rrdb.MultiRemoveResponse
	r.write(OpMultiRemove, &rrdb.MultiRemoveRequest{HashKey: blob("h"), SortKeys: blobs("a", "missing", "c"), MaxCount: 1}, &resp)
	r.checkIDs(resp.AppID, resp.PartitionIndex, resp.Server)
	eq(t, "error", resp.Error, 0)
	eq(t, "counts what was asked for, max_count or not", resp.Count, 3)
	eq(t, "decree", resp.Decree, r.s.LastApplied())
	eq(t, "a", r.get("h", "a"), "!1")
	eq(t, "b", r.get("h", "b"), "2")
	eq(t, "c", r.get("h", "c"), "!1")
	r.write(OpMultiRemove, &rrdb.MultiRemoveRequest{HashKey: blob("h")}, &resp)
	eq(t, "empty list", resp.Error, StatusInvalidArgument)
	eq(t, "count", resp.Count, 0)
	eq(t, "decree", resp.Decree, 3)
}

func (r *rig) incr(hashKey, sortKey string, by int64, expire int32) (int32, int64) {
	r.Helper()
	var resp rrdb.IncrResponse
	r.write(OpIncr, &rrdb.IncrRequest{Key: base.BlobOf(rawKey(hashKey, sortKey)), Increment: by, ExpireTsSeconds: expire}, &resp)
	r.checkIDs(resp.AppID, resp.PartitionIndex, resp.Server)
	eq(r, "decree", resp.Decree, r.s.LastApplied())
	return resp.Error, resp.NewValue_
}

func TestIncr(t *testing.T) {
	r := newRig(t)
	cases := []struct {
		old    string
		by     int64
		status Status
		result int64
		text   string
	}{
		{"", 5, 0, 5, "5"}, {"0", 0, 0, 0, "0"}, {"10", -15, 0, -5, "-5"}, {"010", 1, 0, 9, "9"}, {" 0x10", 1, 0, 17, "17"},
		{"aaa", 1, 4, 0, "aaa"}, {"5 ", 1, 4, 0, "5 "}, {"9223372036854775808", 1, 4, 0, "9223372036854775808"},
		{"9223372036854775807", 1, 4, 9223372036854775807, "9223372036854775807"},
		{"-9223372036854775808", -1, 4, -9223372036854775808, "-9223372036854775808"},
		{"-9223372036854775808", 9223372036854775807, 0, -1, "-1"},
	}
	for _, c := range cases {
		r.put("h", "n", c.old)
		decree := r.s.LastApplied()
		status, result := r.incr("h", "n", c.by, 0)
		eq(t, c.old+": status", status, c.status)
		eq(t, c.old+": result", result, c.result)
		eq(t, c.old+": stored", r.get("h", "n"), c.text)
		eq(t, c.old+": decree", r.s.LastApplied(), decree+1)
	}
	status, result := r.incr("h", "new", -3, 0)
	eq(t, "absent", status, 0)
	eq(t, "absent", result, -3)
}

func TestIncrTTL(t *testing.T) {
	r := newRig(t)
	ttl := func(want int32) {
		t.Helper()
		_, got := r.ttlOf("h", "n")
		eq(t, "ttl", got, want)
	}
	r.incr("h", "n", 1, int32(now0)+10)
	ttl(10)
	r.incr("h", "n", 1, 0) // keeps
	ttl(10)
	r.incr("h", "n", 1, int32(now0)+100) // sets
	ttl(100)
	r.incr("h", "n", 1, -2) // clears, as every negative number
	ttl(-1)
	r.incr("h", "n", 1, int32(now0)+10)
	r.at(10)
	_, result := r.incr("h", "n", 1, 0)
	eq(t, "an expired counter starts anew", result, 1)
	ttl(-1)
	r.ttl = 50
	r.incr("h", "n", 1, -1)
	ttl(50) // default_ttl comes back to what was cleared
	r.incr("h", "gone", 1, -1)
	_, got := r.ttlOf("h", "gone")
	eq(t, "absent with a negative expiry", got, 50)
}

// A row is gone in the second in which now reaches its expiry, for reads by their clock and for
// atomic operations by the mutation's.
func TestExpiry(t *testing.T) {
	r := newRig(t)
	r.put("h", "s", "v", 10)
	r.put("h", "already", "v", -5)
	eq(t, "expired on arrival", r.get("h", "already"), "!1")
	r.at(9)
	status, ttl := r.ttlOf("h", "s")
	eq(t, "status", status, 0)
	eq(t, "ttl", ttl, 1)
	r.at(10)
	eq(t, "get", r.get("h", "s"), "!1")
	status, ttl = r.ttlOf("h", "s")
	eq(t, "ttl status", status, StatusNotFound)
	eq(t, "ttl", ttl, 0)
	r.rc.Now = 0 // the wall clock, which is long past
	eq(t, "wall clock", r.get("h", "s"), "!1")
}

func TestDefaultTTLComesWithTheMutation(t *testing.T) {
	r := newRig(t)
	r.put("h", "old", "v")
	r.ttl = 3600
	r.put("h", "new", "v")
	r.put("h", "own", "v", 7)
	r.multiPut("m", "a", "v")
	for _, c := range []struct {
		hash, sort string
		ttl        int32
	}{{"h", "old", -1}, {"h", "new", 3600}, {"h", "own", 7}, {"m", "a", 3600}} {
		_, ttl := r.ttlOf(c.hash, c.sort)
		eq(t, c.sort, ttl, c.ttl)
	}
}

// A negative expire_ts is, as an unsigned number, far in the future.
func TestNegativeExpireReadsBack(t *testing.T) {
	r := newRig(t)
	var resp rrdb.UpdateResponse
	r.write(OpPut, &rrdb.UpdateRequest{Key: base.BlobOf(rawKey("h", "s")), Value: blob("v"), ExpireTsSeconds: -5}, &resp)
	eq(t, "value", r.get("h", "s"), "v")
}

func TestEmptyAndUndecodableUpdatesAdvanceTheDecree(t *testing.T) {
	r := newRig(t)
	r.apply()
	eq(t, "no updates", r.s.LastApplied(), 1)
	eq(t, "empty update", len(r.apply(Update{Op: OpEmpty})[0]), 0)
	for op := OpPut; op <= OpDuplicate; op++ {
		for _, b := range [][]byte{nil, {0}, {12, 0, 1}, {12, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0}} {
			reply := r.apply(Update{op, b})[0]
			if op != OpDuplicate {
				eq(t, op.String(), ReplyStatus(reply), StatusInvalidArgument)
			}
		}
	}
	eq(t, "reads in a mutation", len(r.apply(Update{Op: OpGet, Body: body(1, blob("x"))})[0]), 0)
	st, err := r.s.Stats()
	if err != nil {
		t.Fatal(err)
	}
	eq(t, "counted", st.CorruptWrites, 8*4+1)
	eq(t, "rows", r.digest().Rows, 0)
}

func TestApplyRefusesDecreesOutOfOrder(t *testing.T) {
	r := newRig(t)
	r.put("h", "s", "v")
	for _, d := range []int64{0, 1, 3, -1} {
		if err := r.s.Apply(d, t0, 0, nil, nil); !classIs(err, ClassOrder) {
			t.Errorf("decree %d: %v", d, err)
		}
	}
	eq(t, "decree", r.s.LastApplied(), 1)
}

// Put and remove of one key in one mutation: the order of the updates decides.
func TestUpdatesOfOneMutationInOrder(t *testing.T) {
	r := newRig(t)
	put := func(v string) Update {
		return Update{OpPut, body(1, &rrdb.UpdateRequest{Key: base.BlobOf(rawKey("h", "s")), Value: blob(v)})}
	}
	remove := Update{OpRemove, body(1, base.BlobOf(rawKey("h", "s")))}
	for i, b := range r.apply(put("a"), remove, put("b")) {
		var resp rrdb.UpdateResponse
		unwrap(t, b, &resp)
		eq(t, "decree", resp.Decree, 1)
		eq(t, "status", resp.Error, 0)
		_ = i
	}
	eq(t, "value", r.get("h", "s"), "b")
	r.apply(put("c"), remove)
	eq(t, "removed", r.get("h", "s"), "!1")
}

// The type of a translated update decides what it does; check_value is passed over.
func TestTranslatedUpdates(t *testing.T) {
	r := newRig(t)
	for _, typ := range []rrdb.UpdateType{1, 2, 3} {
		yes := true
		var resp rrdb.UpdateResponse
		r.write(OpPut, &rrdb.UpdateRequest{Key: base.BlobOf(rawKey("h", "s")), Value: blob("7"), Type: &typ, CheckValueReturned: &yes, CheckValueExist: &yes, CheckValue: blob("seen")}, &resp)
		eq(t, "stored", r.get("h", "s"), "7")
	}
	typ := rrdb.UpdateType(4)
	var resp rrdb.UpdateResponse
	r.write(OpPut, &rrdb.UpdateRequest{Key: base.BlobOf(rawKey("h", "s")), Type: &typ}, &resp)
	eq(t, "CHECK_AND_MUTATE_REMOVE deletes", r.get("h", "s"), "!1")
}
