package rrdb

import (
	"fmt"
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

// The check table of rrdb.md §7; the value "-" stands for a missing record. The columns are the
// status for each check type 0..17.
func TestCheckTable(t *testing.T) {
	const ok, no, bad = StatusOK, StatusTryAgain, StatusInvalidArgument
	for _, c := range []struct {
		value, operand string
		want           [18]Status
	}{
		{"-", "x", [18]Status{ok, ok, ok, no, no, no, no, no, no, no, no, no, no, no, no, no, no, no}},
		{"", "", [18]Status{ok, no, ok, ok, no, ok, ok, ok, no, ok, ok, ok, no, bad, bad, bad, bad, bad}},
		{"abc", "", [18]Status{ok, no, no, ok, ok, ok, ok, ok, no, no, no, ok, ok, bad, bad, bad, bad, bad}},
		{"abc", "ab", [18]Status{ok, no, no, ok, ok, ok, ok, no, no, no, no, ok, ok, bad, bad, bad, bad, bad}},
		{"abc", "bc", [18]Status{ok, no, no, ok, ok, ok, no, ok, ok, ok, no, no, no, bad, bad, bad, bad, bad}},
		{"abc", "abcd", [18]Status{ok, no, no, ok, ok, no, no, no, ok, ok, no, no, no, bad, bad, bad, bad, bad}},
		{"a\xff", "a\x01", [18]Status{ok, no, no, ok, ok, no, no, no, no, no, no, ok, ok, bad, bad, bad, bad, bad}},
		{"9", "10", [18]Status{ok, no, no, ok, ok, no, no, no, no, no, no, ok, ok, ok, ok, no, no, no}},
		{"-3", "-3", [18]Status{ok, no, no, ok, ok, ok, ok, ok, no, ok, ok, ok, no, no, ok, ok, ok, no}},
		{"0x10", "7", [18]Status{ok, no, no, ok, ok, no, no, no, ok, ok, no, no, no, no, no, no, ok, ok}},
		{"5", "5x", [18]Status{ok, no, no, ok, ok, no, no, no, ok, ok, no, no, no, bad, bad, bad, bad, bad}},
		{"5", "", [18]Status{ok, no, no, ok, ok, ok, ok, ok, no, no, no, ok, ok, bad, bad, bad, bad, bad}},
	} {
		for typ, want := range c.want {
			value := c.value
			if value == "-" {
				value = ""
			}
			if got := passes(int32(typ), c.value != "-", []byte(value), []byte(c.operand)); got != want {
				t.Errorf("type %d, value %q, operand %q: %d, want %d", typ, c.value, c.operand, got, want)
			}
		}
	}
}

type cas struct {
	typ         int
	check, op   string
	diff        string // set_sort_key when not empty
	value       string
	returnValue bool
	expire      int32
	wantStatus  Status
	wantExist   bool
	wantValue   string
	wantAfter   string // of the target
}

func (r *rig) cas(hashKey string, c cas) {
	r.Helper()
	req := &rrdb.CheckAndSetRequest{HashKey: blob(hashKey), CheckSortKey: blob(c.check), CheckType: rrdb.CasCheckType(c.typ), CheckOperand: blob(c.op),
		SetDiffSortKey: c.diff != "", SetSortKey: blob(c.diff), SetValue: blob(c.value), SetExpireTsSeconds: c.expire, ReturnCheckValue: c.returnValue}
	var resp rrdb.CheckAndSetResponse
	decree := r.s.LastApplied()
	r.write(OpCheckAndSet, req, &resp)
	r.checkIDs(resp.AppID, resp.PartitionIndex, resp.Server)
	eq(r, "decree", resp.Decree, decree+1)
	eq(r, "status", resp.Error, c.wantStatus)
	eq(r, "returned", resp.CheckValueReturned, c.returnValue && checkTypeValid(int32(c.typ)))
	eq(r, "exist", resp.CheckValueExist, c.wantExist)
	eq(r, "check value", string(resp.CheckValue.Bytes()), c.wantValue)
	target := c.check
	if c.diff != "" {
		target = c.diff
	}
	eq(r, "after", r.get(hashKey, target), c.wantAfter)
}

func TestCheckAndSet(t *testing.T) {
	r := newRig(t)
	r.cas("h", cas{typ: 1, check: "k", value: "v1", returnValue: true, wantAfter: "v1"})
	r.cas("h", cas{typ: 1, check: "k", value: "v2", returnValue: true, wantStatus: StatusTryAgain, wantExist: true, wantValue: "v1", wantAfter: "v1"})
	r.cas("h", cas{typ: 1, check: "k", value: "v2", wantStatus: StatusTryAgain, wantAfter: "v1"})
	r.cas("h", cas{typ: 10, check: "k", op: "v1", value: "5", wantAfter: "5"})
	r.cas("h", cas{typ: 13, check: "k", op: "bad", value: "6", returnValue: true, wantStatus: StatusInvalidArgument, wantExist: true, wantValue: "5", wantAfter: "5"})
	r.cas("h", cas{typ: 3, check: "k", diff: "other", value: "6", wantAfter: "6"})
	eq(t, "checked row untouched", r.get("h", "k"), "5")
	for _, typ := range []int{18, 100, -1} {
		r.cas("h", cas{typ: typ, check: "k", value: "x", returnValue: true, wantStatus: StatusInvalidArgument, wantAfter: "5"})
	}
	r.cas("", cas{typ: 0, check: "", value: "empty keys", wantAfter: "empty keys"})
	r.cas("h", cas{typ: 0, check: "t", value: "v", expire: int32(now0) + 20, wantAfter: "v"})
	r.at(20)
	r.cas("h", cas{typ: 1, check: "t", value: "w", returnValue: true, wantAfter: "w"})
}

func (r *rig) cam(req *rrdb.CheckAndMutateRequest) *rrdb.CheckAndMutateResponse {
	r.Helper()
	var resp rrdb.CheckAndMutateResponse
	r.write(OpCheckAndMutate, req, &resp)
	r.checkIDs(resp.AppID, resp.PartitionIndex, resp.Server)
	eq(r, "decree", resp.Decree, r.s.LastApplied())
	return &resp
}

func step(op int, sortKey, value string, expire ...int32) *rrdb.Mutate {
	m := &rrdb.Mutate{Operation: rrdb.MutateOperation(op), SortKey: blob(sortKey), Value: blob(value)}
	if len(expire) > 0 {
		m.SetExpireTsSeconds = expire[0]
	}
	return m
}

func TestCheckAndMutate(t *testing.T) {
	r := newRig(t)
	req := func(typ int, steps ...*rrdb.Mutate) *rrdb.CheckAndMutateRequest {
		return &rrdb.CheckAndMutateRequest{HashKey: blob("h"), CheckSortKey: blob("k"), CheckType: rrdb.CasCheckType(typ), MutateList: steps, ReturnCheckValue: true}
	}
	resp := r.cam(req(1, step(0, "k", "v"), step(0, "a", "1"), step(0, "b", "2", int32(now0)+10), step(1, "a", "")))
	eq(t, "pass", resp.Error, 0)
	eq(t, "returned", resp.CheckValueReturned, true)
	eq(t, "exist", resp.CheckValueExist, false)
	eq(t, "set then deleted", r.get("h", "a"), "!1")
	_, ttl := r.ttlOf("h", "b")
	eq(t, "ttl", ttl, 10)
	resp = r.cam(req(1, step(1, "k", "")))
	eq(t, "fail", resp.Error, StatusTryAgain)
	eq(t, "value of a failed check", string(resp.CheckValue.Bytes()), "v")
	eq(t, "nothing done", r.get("h", "k"), "v")
	for what, q := range map[string]*rrdb.CheckAndMutateRequest{
		"empty list": req(0), "bad operation": req(0, step(0, "k", "x"), step(7, "z", "")), "bad check type": req(44, step(0, "k", "x")),
	} {
		resp = r.cam(q)
		eq(t, what, resp.Error, StatusInvalidArgument)
		eq(t, what, resp.CheckValueReturned, false)
		eq(t, what, r.get("h", "k"), "v")
	}
	resp = r.cam(req(0, step(1, "k", ""), step(0, "k", "again")))
	eq(t, "deleted then set", r.get("h", "k"), "again")
	eq(t, "check value is the one before", string(resp.CheckValue.Bytes()), "v")
}

// All kinds of updates in one mutation; each sees what the ones before it did.
func TestMixedMutationSeesItself(t *testing.T) {
	r := newRig(t)
	r.put("h", "n", "10")
	r.put("h", "dies", "x", 5)
	r.at(5)
	key := func(s string) *base.Blob { return base.BlobOf(rawKey("h", s)) }
	incr := Update{OpIncr, body(1, &rrdb.IncrRequest{Key: key("n"), Increment: 1})}
	casIf := func(check, op, set string, typ int) Update {
		return Update{OpCheckAndSet, body(1, &rrdb.CheckAndSetRequest{HashKey: blob("h"), CheckSortKey: blob(check), CheckType: rrdb.CasCheckType(typ),
			CheckOperand: blob(op), SetDiffSortKey: true, SetSortKey: blob(set), SetValue: blob("set"), ReturnCheckValue: true})}
	}
	replies := r.apply(
		incr, // 11
		incr, // 12
		casIf("n", "12", "c1", 15),
		Update{OpRemove, body(1, key("n"))},
		casIf("n", "", "c2", 1),
		incr, // 1
		Update{OpMultiPut, body(1, &rrdb.MultiPutRequest{HashKey: blob("h"), Kvs: kvs("n", "100", "m", "1")})},
		incr, // 101
		Update{OpMultiRemove, body(1, &rrdb.MultiRemoveRequest{HashKey: blob("h"), SortKeys: blobs("m")})},
		casIf("m", "", "c3", 3),
		casIf("dies", "", "c4", 1),
		Update{OpPut, body(1, &rrdb.UpdateRequest{Key: key("n"), Value: blob("nan")})},
		incr, // fails
		Update{OpCheckAndMutate, body(1, &rrdb.CheckAndMutateRequest{HashKey: blob("h"), CheckSortKey: blob("n"), CheckType: 10, CheckOperand: blob("nan"),
			MutateList: []*rrdb.Mutate{step(1, "n", ""), step(0, "n", "7")}})},
		incr, // 8
	)
	var got []string
	for _, i := range []int{0, 1, 5, 7, 12, 14} {
		var resp rrdb.IncrResponse
		unwrap(t, replies[i], &resp)
		got = append(got, fmt.Sprintf("%d:%d", resp.Error, resp.NewValue_))
	}
	eq(t, "incr", fmt.Sprint(got), "[0:11 0:12 0:1 0:101 4:0 0:8]")
	got = nil
	for _, i := range []int{2, 4, 9, 10} {
		var resp rrdb.CheckAndSetResponse
		unwrap(t, replies[i], &resp)
		got = append(got, fmt.Sprintf("%d:%v:%s", resp.Error, resp.CheckValueExist, resp.CheckValue.Bytes()))
	}
	eq(t, "cas", fmt.Sprint(got), "[0:true:12 0:false: 13:false: 0:false:]")
	eq(t, "n", r.get("h", "n"), "8")
	eq(t, "m", r.get("h", "m"), "!1")
	eq(t, "c3", r.get("h", "c3"), "!1")
	eq(t, "c4", r.get("h", "c4"), "set")
}
