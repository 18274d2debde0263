package rrdb

import (
	"bytes"
	"math/rand"
	"reflect"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
	"github.com/pegasus-go/pegasus/internal/fuzz"
)

// genDecode reads a wrapper with the generated code; ok as openBody and closeBody mean it.
func genDecode(b []byte, v thrift.TStruct) bool {
	if len(b) < 4 || b[0] == tagStop {
		return false
	}
	buf := thrift.NewTMemoryBuffer()
	buf.Write(b[3:])
	if err := v.Read(ctxb, thrift.NewTBinaryProtocolConf(buf, nil)); err != nil {
		return false
	}
	rest := buf.Bytes()
	return len(rest) > 0 && rest[0] == tagStop
}

// The reverse of each decoder: our request as the generated struct, for comparison.

func genUpdate(q updateRequest) *rrdb.UpdateRequest {
	return &rrdb.UpdateRequest{Key: blobN(q.key), Value: blobN(q.value), ExpireTsSeconds: q.expire}
}

func blobN(b []byte) *base.Blob { return base.BlobOf(b) }

func genKVs(kvs []keyValue) (out []*rrdb.KeyValue) {
	for _, kv := range kvs {
		e := kv.expire
		out = append(out, &rrdb.KeyValue{Key: blobN(kv.key), Value: blobN(kv.value), ExpireTsSeconds: &e})
	}
	return out
}

func genBlobs(bs [][]byte) (out []*base.Blob) {
	for _, b := range bs {
		out = append(out, blobN(b))
	}
	return out
}

func genFullKeys(ks []fullKey) (out []*rrdb.FullKey) {
	for _, k := range ks {
		out = append(out, &rrdb.FullKey{HashKey: blobN(k.hashKey), SortKey: blobN(k.sortKey)})
	}
	return out
}

func genSteps(ms []mutate) (out []*rrdb.Mutate) {
	for _, m := range ms {
		out = append(out, &rrdb.Mutate{Operation: rrdb.MutateOperation(m.operation), SortKey: blobN(m.sortKey), Value: blobN(m.value), SetExpireTsSeconds: m.expire})
	}
	return out
}

// canonical fills in what a decoder of ours cannot tell apart from absent, so that both sides
// encode alike, and drops what it does not read.
func canonical(v thrift.TStruct) thrift.TStruct {
	switch q := v.(type) {
	case *rrdb.UpdateRequest:
		return &rrdb.UpdateRequest{Key: q.Key, Value: q.Value, ExpireTsSeconds: q.ExpireTsSeconds}
	case *rrdb.MultiPutRequest:
		for _, kv := range q.Kvs {
			e := kv.GetExpireTsSeconds()
			kv.ExpireTsSeconds = &e
		}
	case *rrdb.MultiRemoveRequest:
		q.MaxCount = 0
	case *rrdb.GetScannerRequest:
		yes := !q.IsSetValidatePartitionHash() || q.GetValidatePartitionHash()
		exp, full, count := q.GetReturnExpireTs(), q.GetFullScan(), q.GetOnlyReturnCount()
		q.ValidatePartitionHash, q.ReturnExpireTs, q.FullScan, q.OnlyReturnCount = &yes, &exp, &full, count
	}
	return v
}

type codecPair struct {
	name string
	gen  func() thrift.TStruct
	ours func(b []byte) (thrift.TStruct, bool)
}

var codecPairs = []codecPair{
	{"update", func() thrift.TStruct { return rrdb.NewUpdateRequest() }, func(b []byte) (thrift.TStruct, bool) {
		q, ok := decodeUpdate(b)
		return genUpdate(q), ok
	}},
	{"blob", func() thrift.TStruct { return base.NewBlob() }, func(b []byte) (thrift.TStruct, bool) {
		q, ok := decodeBlob(b)
		return blobN(q), ok
	}},
	{"multi_put", func() thrift.TStruct { return rrdb.NewMultiPutRequest() }, func(b []byte) (thrift.TStruct, bool) {
		q, ok := decodeMultiPut(b)
		return &rrdb.MultiPutRequest{HashKey: blobN(q.hashKey), Kvs: genKVs(q.kvs), ExpireTsSeconds: q.expire}, ok
	}},
	{"multi_remove", func() thrift.TStruct { return rrdb.NewMultiRemoveRequest() }, func(b []byte) (thrift.TStruct, bool) {
		q, ok := decodeMultiRemove(b)
		return &rrdb.MultiRemoveRequest{HashKey: blobN(q.hashKey), SortKeys: genBlobs(q.sortKeys)}, ok
	}},
	{"incr", func() thrift.TStruct { return rrdb.NewIncrRequest() }, func(b []byte) (thrift.TStruct, bool) {
		q, ok := decodeIncr(b)
		return &rrdb.IncrRequest{Key: blobN(q.key), Increment: q.increment, ExpireTsSeconds: q.expire}, ok
	}},
	{"check_and_set", func() thrift.TStruct { return rrdb.NewCheckAndSetRequest() }, func(b []byte) (thrift.TStruct, bool) {
		q, ok := decodeCheckAndSet(b)
		return &rrdb.CheckAndSetRequest{HashKey: blobN(q.hashKey), CheckSortKey: blobN(q.sortKey), CheckType: rrdb.CasCheckType(q.kind),
			CheckOperand: blobN(q.operand), SetDiffSortKey: q.setDiffSortKey, SetSortKey: blobN(q.setSortKey), SetValue: blobN(q.setValue),
			SetExpireTsSeconds: q.setExpire, ReturnCheckValue: q.returnValue}, ok
	}},
	{"check_and_mutate", func() thrift.TStruct { return rrdb.NewCheckAndMutateRequest() }, func(b []byte) (thrift.TStruct, bool) {
		q, ok := decodeCheckAndMutate(b)
		return &rrdb.CheckAndMutateRequest{HashKey: blobN(q.hashKey), CheckSortKey: blobN(q.sortKey), CheckType: rrdb.CasCheckType(q.kind),
			CheckOperand: blobN(q.operand), MutateList: genSteps(q.steps), ReturnCheckValue: q.returnValue}, ok
	}},
	{"multi_get", func() thrift.TStruct { return rrdb.NewMultiGetRequest() }, func(b []byte) (thrift.TStruct, bool) {
		q, ok := decodeMultiGet(b)
		return &rrdb.MultiGetRequest{HashKey: blobN(q.hashKey), SortKeys: genBlobs(q.sortKeys), MaxKvCount: q.maxCount, MaxKvSize: q.maxSize,
			NoValue: q.noValue, StartSortkey: blobN(q.start), StopSortkey: blobN(q.stop), StartInclusive: q.startIncl, StopInclusive: q.stopInc,
			SortKeyFilterType: rrdb.FilterType(q.filter.kind), SortKeyFilterPattern: blobN(q.filter.pattern), Reverse: q.reverse}, ok
	}},
	{"batch_get", func() thrift.TStruct { return rrdb.NewBatchGetRequest() }, func(b []byte) (thrift.TStruct, bool) {
		q, ok := decodeBatchGet(b)
		return &rrdb.BatchGetRequest{Keys: genFullKeys(q)}, ok
	}},
	{"get_scanner", func() thrift.TStruct { return rrdb.NewGetScannerRequest() }, func(b []byte) (thrift.TStruct, bool) {
		q, ok := decodeGetScanner(b)
		return &rrdb.GetScannerRequest{StartKey: blobN(q.start), StopKey: blobN(q.stop), StartInclusive: q.startIncl, StopInclusive: q.stopIncl,
			BatchSize: q.batchSize, NoValue: q.noValue, HashKeyFilterType: rrdb.FilterType(q.hashFilter.kind), HashKeyFilterPattern: blobN(q.hashFilter.pattern),
			SortKeyFilterType: rrdb.FilterType(q.sortFilter.kind), SortKeyFilterPattern: blobN(q.sortFilter.pattern), ValidatePartitionHash: &q.validateHash,
			ReturnExpireTs: &q.returnExpire, FullScan: &q.fullScan, OnlyReturnCount: q.onlyCount}, ok
	}},
	{"scan", func() thrift.TStruct { return rrdb.NewScanRequest() }, func(b []byte) (thrift.TStruct, bool) {
		id, ok := decodeScan(b)
		return &rrdb.ScanRequest{ContextID: id}, ok
	}},
}

// compareDecoders requires that our decoder accepts what the generated one accepts, with the same
// content, and nothing else.
func compareDecoders(t *testing.T, p codecPair, b []byte) {
	gen := p.gen()
	genOK := genDecode(b, gen)
	got, ok := p.ours(b)
	if ok != genOK {
		t.Fatalf("%s of %x: ours %v, generated %v", p.name, b, ok, genOK)
	}
	if !ok {
		return
	}
	if g, w := body(1, got), body(1, canonical(gen)); !bytes.Equal(g, w) {
		t.Fatalf("%s of %x:\n got %x\nwant %x", p.name, b, g, w)
	}
}

// fillRandom sets every field of a generated struct.
func fillRandom(rnd *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Ptr:
		if v.Type() == reflect.TypeOf((*base.Blob)(nil)) {
			b := make([]byte, rnd.Intn(20))
			rnd.Read(b)
			v.Set(reflect.ValueOf(base.BlobOf(b)))
			return
		}
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		fillRandom(rnd, v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			fillRandom(rnd, v.Field(i))
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			b := make([]byte, rnd.Intn(20))
			rnd.Read(b)
			v.SetBytes(b)
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), rnd.Intn(4), 4))
		for i := range v.Len() {
			fillRandom(rnd, v.Index(i))
		}
	case reflect.Bool:
		v.SetBool(rnd.Intn(2) == 0)
	case reflect.Int32, reflect.Int64:
		v.SetInt(int64(int32(rnd.Uint32())) >> rnd.Intn(30)) // enums are int64 here, i32 on the wire
	case reflect.String:
		v.SetString(string([]byte{byte('a' + rnd.Intn(26))}))
	}
}

// What the generated code encodes, ours decodes the same, and damaged bytes are judged alike.
func TestDecodersAgreeWithGenGo(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for _, p := range codecPairs {
		for range 2000 {
			v := p.gen()
			fillRandom(rnd, reflect.ValueOf(v).Elem())
			b := body(int16(rnd.Intn(2)), v)
			compareDecoders(t, p, b)
			for range rnd.Intn(4) {
				b[rnd.Intn(len(b))] = byte(rnd.Uint32() >> rnd.Intn(8))
			}
			compareDecoders(t, p, b[:rnd.Intn(len(b)+1)])
			compareDecoders(t, p, b)
		}
	}
}

func FuzzDecoders(f *testing.F) {
	rnd := rand.New(rand.NewSource(2))
	for i, p := range codecPairs {
		v := p.gen()
		fillRandom(rnd, reflect.ValueOf(v).Elem())
		f.Add(uint8(i), body(1, v))
	}
	f.Add(uint8(0), []byte{12, 0, 1, 15, 0, 9, 12, 0x7F, 0xFF, 0xFF, 0xFF, 0})
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		p := codecPairs[int(which)%len(codecPairs)]
		fuzz.Bounded(t, len(b), func() { p.ours(b) })
		compareDecoders(t, p, b)
	})
}

// Every response is, byte for byte, what the generated code makes of the same content.
func TestResponsesAgreeWithGenGo(t *testing.T) {
	g := base.Gpid{AppID: 77, PartitionIndex: 5}
	const server = "host-1:34801"
	tl := newTails(g, server)
	rnd := rand.New(rand.NewSource(3))
	for range 500 {
		status, n, decree := rnd.Int31n(16), int64(rnd.Uint64()), rnd.Int63()
		val := make([]byte, rnd.Intn(40))
		rnd.Read(val)
		same := func(what string, got []byte, want thrift.TStruct) {
			t.Helper()
			if w := body(0, want); !bytes.Equal(got, w) {
				t.Fatalf("%s:\n got %x\nwant %x", what, got, w)
			}
			if s := ReplyStatus(got); s != status {
				t.Fatalf("%s: status %d read as %d", what, status, s)
			}
		}
		same("update", tl.appendUpdate(nil, status, decree), &rrdb.UpdateResponse{Error: status, AppID: 77, PartitionIndex: 5, Decree: decree, Server: server})
		same("multi_remove", tl.appendCounted(nil, status, n, decree), &rrdb.MultiRemoveResponse{Error: status, Count: n, AppID: 77, PartitionIndex: 5, Decree: decree, Server: server})
		same("incr", tl.appendCounted(nil, status, n, decree), &rrdb.IncrResponse{Error: status, NewValue_: n, AppID: 77, PartitionIndex: 5, Decree: decree, Server: server})
		c := checked{status, n&1 == 0, n&2 == 0, val}
		same("cas", tl.appendChecked(nil, c, decree), &rrdb.CheckAndSetResponse{Error: status, CheckValueReturned: c.returned, CheckValueExist: c.exist, CheckValue: blobN(val), AppID: 77, PartitionIndex: 5, Decree: decree, Server: server})
		same("cam", tl.appendChecked(nil, c, decree), &rrdb.CheckAndMutateResponse{Error: status, CheckValueReturned: c.returned, CheckValueExist: c.exist, CheckValue: blobN(val), AppID: 77, PartitionIndex: 5, Decree: decree, Server: server})
		same("get", tl.appendRead(nil, status, val), &rrdb.ReadResponse{Error: status, Value: blobN(val), AppID: 77, PartitionIndex: 5, Server: server})
		same("ttl", tl.appendTTL(nil, status, int32(n)), &rrdb.TTLResponse{Error: status, TTLSeconds: int32(n), AppID: 77, PartitionIndex: 5, Server: server})
		same("count", tl.appendCount(nil, status, n), &rrdb.CountResponse{Error: status, Count: n, AppID: 77, PartitionIndex: 5, Server: server})
		sameRows(t, rnd, &tl, same, status)
	}
}

func sameRows(t *testing.T, rnd *rand.Rand, tl *tails, same func(string, []byte, thrift.TStruct), status Status) {
	server := "host-1:34801"
	kvs, data := []*rrdb.KeyValue{}, []*rrdb.FullData{}
	a, la := beginRows(nil)
	b, lb := beginRows(nil)
	for i := rnd.Intn(5); i > 0; i-- {
		key, val := make([]byte, rnd.Intn(9)), make([]byte, rnd.Intn(9))
		rnd.Read(key)
		kv := &rrdb.KeyValue{Key: blobN(key), Value: blobN(val)}
		if i%2 == 0 {
			exp := rnd.Int31()
			kv.ExpireTsSeconds = &exp
			a = appendKeyValueExpire(a, key, val, uint32(exp))
		} else {
			a = appendKeyValue(a, key, val)
		}
		la.count++
		kvs = append(kvs, kv)
		b = appendFullData(b, fullKey{key, val}, val)
		lb.count++
		data = append(data, &rrdb.FullData{HashKey: blobN(key), SortKey: blobN(val), Value: blobN(val)})
	}
	rows := la.end(a, status, false)
	same("multi_get", append(bytes.Clone(rows), tl.read...), &rrdb.MultiGetResponse{Error: status, Kvs: kvs, AppID: 77, PartitionIndex: 5, Server: server})
	same("batch_get", append(lb.end(b, status, false), tl.read...), &rrdb.BatchGetResponse{Error: status, Data: data, AppID: 77, PartitionIndex: 5, Server: server})
	want := &rrdb.ScanResponse{Error: status, Kvs: kvs, ContextID: 99, AppID: 77, PartitionIndex: 5, Server: server}
	same("scan", tl.endScan(bytes.Clone(rows), 99, -1), want)
	count := int32(7)
	want.KvCount = &count
	same("scan count", tl.endScan(bytes.Clone(rows), 99, 7), want)
}
