package rrdb

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

// benchRows is enough for a bottom level of several tables.
const benchRows = 200_000

func benchKey(i int) []byte { return rawKey(fmt.Sprintf("user%08d", i), "field") }

// benchRig holds benchRows rows of 100 bytes, one per hash key, and one hash key of 1000 rows, all
// compacted to the bottom level.
func benchRig(b *testing.B) *rig {
	r := newRigOn(b, vfs.NewMem(), func(o *EngineOptions) { o.BlockCacheBytes, o.MemtableBytesMax = 256<<20, 32<<20 })
	value := blob(string(make([]byte, 100)))
	for i := 0; i < benchRows; {
		updates := make([]Update, 0, 1000)
		for range 1000 {
			updates = append(updates, Update{OpPut, body(1, &rrdb.UpdateRequest{Key: base.BlobOf(benchKey(2 * i)), Value: value})})
			i++
		}
		r.apply(updates...)
	}
	var pairs []string
	for i := range 1000 {
		pairs = append(pairs, fmt.Sprintf("%08d", i), string(make([]byte, 100)))
	}
	r.multiPut("wide", pairs...)
	if err := r.s.compact(ctxb, dataStart, dataEnd); err != nil {
		b.Fatal(err)
	}
	return r
}

func (r *rig) benchReads(b *testing.B, name string, op Op, bodies [][]byte) {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		var out []byte
		for i := 0; b.Loop(); i++ {
			var st ReadStat
			out, st = r.s.Read(op, bodies[i%len(bodies)], out[:0], r.rc)
			if st.Err != base.ErrOK {
				b.Fatal(st.Err)
			}
		}
	})
}

func (r *rig) benchWrites(b *testing.B, name string, updates func(i int) []Update) {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		n := 0
		for i := 0; b.Loop(); i++ {
			u := updates(i)
			r.ts++
			if err := r.s.Apply(r.s.LastApplied()+1, r.ts, 0, u, func(int, []byte) {}); err != nil {
				b.Fatal(err)
			}
			n += len(u)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/update")
	})
}

func BenchmarkStore(b *testing.B) {
	r := benchRig(b)
	var hits, misses [][]byte
	for i := range 20_000 {
		hits = append(hits, body(1, base.BlobOf(benchKey(i*7919%benchRows*2))))
		misses = append(misses, body(1, base.BlobOf(benchKey(i*7919%benchRows*2+1))))
	}
	r.benchReads(b, "get/hit", OpGet, hits)
	r.benchReads(b, "get/miss", OpGet, misses)
	r.benchReads(b, "get/hit-hot", OpGet, hits[:1])
	rows := rng("", true, "", false)
	rows.HashKey, rows.MaxKvCount = blob("wide"), 100
	r.benchReads(b, "multi_get/100", OpMultiGet, [][]byte{body(1, rows)})
	r.benchReads(b, "scan/100", OpGetScanner, [][]byte{body(1, fullScan(100))})

	value := blob(string(make([]byte, 100)))
	one := make([]Update, 1)
	puts := make([]Update, 20_000)
	incrs, cass := make([]Update, len(puts)), make([]Update, len(puts))
	for i := range puts {
		key := base.BlobOf(benchKey(i * 7919 % benchRows * 2))
		puts[i] = Update{OpPut, body(1, &rrdb.UpdateRequest{Key: key, Value: value})}
		incrs[i] = Update{OpIncr, body(1, &rrdb.IncrRequest{Key: base.BlobOf(benchKey(i*2 + 1)), Increment: 1})}
		hashKey, sortKey, _ := base.DecodeKey(key.Data)
		cass[i] = Update{OpCheckAndSet, body(1, &rrdb.CheckAndSetRequest{HashKey: base.BlobOf(hashKey), CheckSortKey: base.BlobOf(sortKey), CheckType: 3, SetValue: value})}
	}
	single := func(all []Update) func(int) []Update {
		return func(i int) []Update { one[0] = all[i%len(all)]; return one }
	}
	batch := func(all []Update) func(int) []Update {
		return func(i int) []Update { at := i * 32 % (len(all) - 32); return all[at : at+32] }
	}
	r.benchWrites(b, "put/1", single(puts))
	r.benchWrites(b, "put/32", batch(puts))
	r.benchWrites(b, "incr/1", single(incrs))
	r.benchWrites(b, "incr/32", batch(incrs))
	r.benchWrites(b, "cas/1", single(cass))
	r.benchWrites(b, "cas/32", batch(cass))
}

// What the hand-written codecs win over the generated ones.
func BenchmarkCodec(b *testing.B) {
	put := body(1, &rrdb.UpdateRequest{Key: base.BlobOf(benchKey(1)), Value: blob(string(make([]byte, 1000)))})
	multi := &rrdb.MultiGetResponse{Server: testServer}
	value := make([]byte, 100)
	for range 100 {
		multi.Kvs = append(multi.Kvs, &rrdb.KeyValue{Key: base.BlobOf(benchKey(1)), Value: base.BlobOf(value)})
	}
	tl := newTails(testGpid, testServer)
	run := func(name string, f func()) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
	run("decode put/ours", func() { decodeUpdate(put) })
	run("decode put/generated", func() { genDecode(put, rrdb.NewUpdateRequest()) })
	var out []byte
	run("encode get/ours", func() { out = tl.appendRead(out[:0], 0, value) })
	read := &rrdb.ReadResponse{Value: base.BlobOf(value), Server: testServer}
	run("encode get/generated", func() { body(0, read) })
	run("encode 100 rows/ours", func() {
		var list rowList
		out, list = beginRows(out[:0])
		for _, kv := range multi.Kvs {
			out = appendKeyValue(out, kv.Key.Data, kv.Value.Data)
			list.count++
		}
		out = append(list.end(out, 0, false), tl.read...)
	})
	run("encode 100 rows/generated", func() { body(0, multi) })
}
