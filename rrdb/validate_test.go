package rrdb

import (
	"errors"
	"math/rand"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/dupinternal"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
	"github.com/pegasus-go/pegasus/internal/fuzz"
)

func TestOps(t *testing.T) {
	writes := 0
	for op := OpPut; op < opCount; op++ {
		code := op.TaskCode()
		if got, ok := OpOf(code); !ok || got != op {
			t.Errorf("%v: %q leads to %v", op, code, got)
		}
		if op.IsWrite() == op.IsRead() {
			t.Errorf("%v is neither a write nor a read, or both", op)
		}
		if op.IsWrite() {
			writes++
		}
	}
	eq(t, "writes", writes, 9)
	if _, ok := OpOf("RPC_RRDB_RRDB_NOTHING"); ok || OpInvalid.TaskCode() != "" || Op(200).TaskCode() != "" {
		t.Error("unknown codes have operations")
	}
}

func TestValidateWrite(t *testing.T) {
	long := strings.Repeat("h", 70000)
	raw := func(k string) *base.Blob { return blob(k) }
	hash := base.CRC64([]byte("h"))
	put := func(k string) thrift.TStruct { return &rrdb.UpdateRequest{Key: raw(k), Value: blob("v")} }
	for _, c := range []struct {
		what string
		op   Op
		req  thrift.TStruct
		hash uint64
		want error
		keys int
		size int
	}{
		{"put", OpPut, put("\x00\x01hs"), hash, nil, 1, 5},
		{"hash unset", OpPut, put("\x00\x01hs"), 0, nil, 1, 5},
		{"wrong hash", OpPut, put("\x00\x01hs"), hash + 1, base.ErrInvalidParameters, 0, 0},
		{"empty key", OpPut, put(""), 0, base.ErrInvalidParameters, 0, 0},
		{"one byte", OpPut, put("\x00"), 0, base.ErrInvalidParameters, 0, 0},
		{"missing key", OpPut, &rrdb.UpdateRequest{Value: blob("v")}, 0, base.ErrInvalidParameters, 0, 0},
		{"shorter than it says", OpPut, put("\x00\x05ab"), 0, base.ErrInvalidParameters, 0, 0},
		{"reserved", OpPut, put(string(stateKey)), 0, base.ErrInvalidParameters, 0, 0},
		{"hash of the sort key under an empty hash key", OpPut, put("\x00\x00abc"), base.CRC64([]byte("abc")), nil, 1, 6},
		{"remove", OpRemove, raw("\x00\x01hs"), hash, nil, 1, 4},
		{"remove nothing", OpRemove, raw("\x00"), 0, base.ErrInvalidParameters, 0, 0},
		{"incr", OpIncr, &rrdb.IncrRequest{Key: raw("\x00\x01h")}, hash, nil, 1, 1},
		{"incr short", OpIncr, &rrdb.IncrRequest{Key: raw("")}, 0, base.ErrInvalidParameters, 0, 0},
		{"multi_put", OpMultiPut, &rrdb.MultiPutRequest{HashKey: blob("h"), Kvs: kvs("a", "1", "b", "22")}, hash, nil, 2, 7},
		{"multi_put of nothing is answered in a reply", OpMultiPut, &rrdb.MultiPutRequest{HashKey: blob("h")}, hash, nil, 0, 0},
		{"multi_put wrong hash", OpMultiPut, &rrdb.MultiPutRequest{HashKey: blob("h"), Kvs: kvs("a", "1")}, 1, base.ErrInvalidParameters, 0, 0},
		{"multi_put empty hash key", OpMultiPut, &rrdb.MultiPutRequest{Kvs: kvs("a", "1")}, 12345, nil, 1, 2},
		{"multi_put long", OpMultiPut, &rrdb.MultiPutRequest{HashKey: blob(long), Kvs: kvs("a", "1")}, 0, base.ErrInvalidParameters, 0, 0},
		{"multi_remove", OpMultiRemove, &rrdb.MultiRemoveRequest{HashKey: blob("h"), SortKeys: blobs("a", "bb")}, hash, nil, 2, 5},
		{"cas", OpCheckAndSet, &rrdb.CheckAndSetRequest{HashKey: blob("h"), SetValue: blob("vv")}, hash, nil, 1, 3},
		{"cas wrong hash", OpCheckAndSet, &rrdb.CheckAndSetRequest{HashKey: blob("h")}, 7, base.ErrInvalidParameters, 0, 0},
		{"cam", OpCheckAndMutate, &rrdb.CheckAndMutateRequest{HashKey: blob("h"), MutateList: []*rrdb.Mutate{step(0, "a", "b"), step(9, "c", "")}}, hash, nil, 2, 5},
		{"read", OpGet, raw("\x00\x01hs"), 0, base.ErrInvalidParameters, 0, 0},
	} {
		info, err := ValidateWrite(c.op, body(1, c.req), c.hash)
		if err != c.want || info.Keys != c.keys || info.Bytes != c.size {
			t.Errorf("%s: %+v, %v", c.what, info, err)
		}
	}
	for op := OpPut; op <= OpDuplicate; op++ {
		for _, b := range [][]byte{nil, {0}, {12}, {12, 0, 1}, {12, 0, 1, 0x7F, 0xFF, 0xFF, 0xFF, 0}, []byte("garbage that is no thrift")} {
			if _, err := ValidateWrite(op, b, 0); !errors.Is(err, base.ErrInvalidData) {
				t.Errorf("%v of %q: %v", op, b, err)
			}
		}
	}
	if _, err := ValidateWrite(OpEmpty, nil, 0); err != nil {
		t.Error(err)
	}
}

// The request bytes may use any field id and any tag in the wrapper.
func TestWrapperIdAndTagDoNotMatter(t *testing.T) {
	r := newRig(t)
	b := body(0, &rrdb.UpdateRequest{Key: base.BlobOf(rawKey("h", "s")), Value: blob("v")})
	b[0], b[2] = tagString, 9
	if _, err := ValidateWrite(OpPut, b, 0); err != nil {
		t.Fatal(err)
	}
	r.apply(Update{OpPut, b})
	get := body(7, base.BlobOf(rawKey("h", "s")))
	get[0] = tagString
	out, st := r.s.Read(OpGet, get, nil, r.rc)
	var resp rrdb.ReadResponse
	unwrap(t, out, &resp)
	eq(t, "value", string(resp.Value.Bytes()), "v")
	eq(t, "err", st.Err, base.ErrOK)
}

// allRequests returns a random well-formed body for each operation.
func randomRequest(rnd *rand.Rand, op Op) []byte {
	gens := map[Op]func() thrift.TStruct{
		OpPut: func() thrift.TStruct { return rrdb.NewUpdateRequest() }, OpMultiPut: func() thrift.TStruct { return rrdb.NewMultiPutRequest() },
		OpRemove: func() thrift.TStruct { return base.NewBlob() }, OpMultiRemove: func() thrift.TStruct { return rrdb.NewMultiRemoveRequest() },
		OpIncr: func() thrift.TStruct { return rrdb.NewIncrRequest() }, OpCheckAndSet: func() thrift.TStruct { return rrdb.NewCheckAndSetRequest() },
		OpCheckAndMutate: func() thrift.TStruct { return rrdb.NewCheckAndMutateRequest() }, OpDuplicate: func() thrift.TStruct { return dupinternal.NewDuplicateRequest() },
		OpGet: func() thrift.TStruct { return base.NewBlob() }, OpTTL: func() thrift.TStruct { return base.NewBlob() },
		OpMultiGet: func() thrift.TStruct { return rrdb.NewMultiGetRequest() }, OpBatchGet: func() thrift.TStruct { return rrdb.NewBatchGetRequest() },
		OpSortkeyCount: func() thrift.TStruct { return base.NewBlob() }, OpGetScanner: func() thrift.TStruct { return rrdb.NewGetScannerRequest() },
		OpScan: func() thrift.TStruct { return rrdb.NewScanRequest() },
	}
	gen, ok := gens[op]
	if !ok {
		return appendI64Field(nil, 1, rnd.Int63())
	}
	v := gen()
	fillRandom(rnd, reflect.ValueOf(v).Elem())
	return body(1, v)
}

// FuzzBodies: whatever bytes arrive, nothing panics, the decree advances by one, and replies are
// well-formed enough to tell their status.
func FuzzBodies(f *testing.F) {
	rnd := rand.New(rand.NewSource(4))
	for op := OpPut; op < opCount; op++ {
		for range 3 {
			f.Add(uint8(op), randomRequest(rnd, op))
		}
	}
	r := newRig(f, func(o *EngineOptions) { o.ScanContextsMax = 10; o.IgnoreOtherClusterIDs = true })
	r.multiPut("h", "a", "1", "b", "2", "c", "3")
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		op := Op(which % uint8(opCount))
		fuzz.Bounded(t, len(b), func() { _, _ = ValidateWrite(op, b, 0) })
		fuzzBody(t, r, op, b)
	})
}

func fuzzBody(t *testing.T, r *rig, op Op, b []byte) {
	_, err := ValidateWrite(op, b, 0)
	before := r.s.LastApplied()
	if op.IsWrite() || op == OpInvalid {
		if applyErr := r.s.Apply(before+1, r.ts, 0, []Update{{op, b}, {op, b}}, func(i int, reply []byte) {
			if err == nil && op != OpDuplicate && op != OpEmpty && len(reply) < 10 {
				t.Fatalf("%v: reply %x", op, reply)
			}
		}); applyErr != nil {
			t.Fatalf("%v of %x: %v", op, b, applyErr)
		}
		eq(t, "decree", r.s.LastApplied(), before+1)
		return
	}
	_, st := r.s.Read(op, b, nil, r.rc)
	if st.StorageErr != nil {
		t.Fatalf("%v of %x: %v", op, b, st.StorageErr)
	}
}

func TestAnyBytes(t *testing.T) {
	r := newRig(t, func(o *EngineOptions) { o.IgnoreOtherClusterIDs = true })
	r.multiPut("h", "a", "1", "b", "2", "c", "3")
	rnd := rand.New(rand.NewSource(5))
	for op := OpInvalid; op < opCount; op++ {
		for range 300 {
			b := randomRequest(rnd, op)
			fuzzBody(t, r, op, b)
			for range rnd.Intn(6) {
				b[rnd.Intn(len(b))] = byte(rnd.Uint32())
			}
			fuzzBody(t, r, op, b[:rnd.Intn(len(b)+1)])
			fuzzBody(t, r, op, b)
		}
	}
}

func (r *rig) dup(entries ...*dupinternal.DuplicateEntry) (Status, string) {
	r.Helper()
	var resp dupinternal.DuplicateResponse
	r.write(OpDuplicate, &dupinternal.DuplicateRequest{Entries: entries}, &resp)
	return resp.GetError(), resp.GetErrorHint()
}

func dupEntry(op Op, ts int64, cluster int8, verify bool, req thrift.TStruct) *dupinternal.DuplicateEntry {
	return &dupinternal.DuplicateEntry{Timestamp: &ts, TaskCode: &base.TaskCode{Name: op.TaskCode()}, RawMessage: base.BlobOf(body(0, req)), ClusterID: &cluster, VerifyTimetag: &verify}
}

func TestDuplicate(t *testing.T) {
	r := newRig(t, func(o *EngineOptions) { o.ClusterID = 1; o.KnownClusterIDs = []uint8{2} })
	put := func(v string) thrift.TStruct {
		return &rrdb.UpdateRequest{Key: base.BlobOf(rawKey("h", "s")), Value: blob(v)}
	}
	check := func(what string, wantStatus Status, wantHint, wantValue string, entries ...*dupinternal.DuplicateEntry) {
		t.Helper()
		status, hint := r.dup(entries...)
		eq(t, what, status, wantStatus)
		eq(t, what, hint, wantHint)
		eq(t, what, r.get("h", "s"), wantValue)
	}
	check("no entries", 0, "", "!1")
	eq(t, "decree", r.s.LastApplied(), 1)
	check("put", 0, "", "a", dupEntry(OpPut, 100, 2, true, put("a")))
	check("older loses", 0, "", "a", dupEntry(OpPut, 99, 2, true, put("b")))
	check("equal loses", 0, "", "a", dupEntry(OpPut, 100, 2, true, put("b")))
	check("older without verify wins", 0, "", "b", dupEntry(OpPut, 98, 2, false, put("b")))
	check("newer wins", 0, "", "c", dupEntry(OpPut, 99, 2, true, put("c")))
	check("unknown cluster", 4, "request cluster id is unconfigured", "c", dupEntry(OpPut, 200, 3, true, put("x")))
	check("own cluster", 4, "self-duplicating", "c", dupEntry(OpPut, 200, 1, true, put("x")))
	check("not shippable", 4, "unrecognized task code RPC_RRDB_RRDB_INCR", "c", dupEntry(OpIncr, 200, 2, true, put("x")))
	check("entries before a refused one stay", 4, "request cluster id is unconfigured", "d", dupEntry(OpPut, 200, 2, true, put("d")), dupEntry(OpPut, 201, 3, true, put("x")))
	check("later entries see earlier ones", 0, "", "newest", dupEntry(OpPut, 300, 2, true, put("newest")), dupEntry(OpPut, 299, 2, true, put("x")))
	check("removes are never verified", 0, "", "!1", dupEntry(OpRemove, 1, 2, true, base.BlobOf(rawKey("h", "s"))))
	check("multi", 0, "", "!1",
		dupEntry(OpMultiPut, 400, 2, true, &rrdb.MultiPutRequest{HashKey: blob("h"), Kvs: kvs("s", "1", "t", "2")}),
		dupEntry(OpMultiRemove, 1, 2, true, &rrdb.MultiRemoveRequest{HashKey: blob("h"), SortKeys: blobs("s")}))
	eq(t, "t", r.get("h", "t"), "2")
	v, c, err := r.s.db.Get(rawKey("h", "t"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	row, _ := decodeValue(schemaV1, v)
	eq(t, "timetag of the origin", row.timetag, timetagOf(400, 2, false))
	r.put("h", "s", "local")
	check("a local row is newer than an old shipped one", 0, "", "local", dupEntry(OpPut, 500, 2, true, put("x")))
	bad := dupEntry(OpPut, 1, 2, false, put("x"))
	bad.RawMessage = blob("garbage")
	check("undecodable entry", 4, "undecodable RPC_RRDB_RRDB_PUT", "local", bad)
}

func TestDuplicateFromAnyCluster(t *testing.T) {
	r := newRig(t, func(o *EngineOptions) { o.ClusterID = 1; o.IgnoreOtherClusterIDs = true })
	req := &rrdb.UpdateRequest{Key: base.BlobOf(rawKey("h", "s")), Value: blob("v")}
	status, _ := r.dup(dupEntry(OpPut, 1, 77, false, req))
	eq(t, "any id", status, 0)
	status, hint := r.dup(dupEntry(OpPut, 1, 1, false, req))
	eq(t, "but ours", status, StatusInvalidArgument)
	eq(t, "hint", hint, "self-duplicating")
	r.put("h", "dead", "x", -1)
	dead := &rrdb.UpdateRequest{Key: base.BlobOf(rawKey("h", "dead")), Value: blob("alive")}
	r.dup(dupEntry(OpPut, 1, 77, true, dead))
	eq(t, "an expired row never wins", r.get("h", "dead"), "alive")
}
