package rrdb

import (
	"context"
	"testing"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

// The tests speak to the store in the generated structs, so every one of them also compares the
// hand-written codecs with gen-go.

var ctxb = context.Background()

var testGpid = base.Gpid{AppID: 3, PartitionIndex: 2}

const testServer = "127.0.0.1:34801"

// t0 is the timestamp of the first mutation of a test, in microseconds, and now0 its second.
const t0 = int64(1_700_000_000_000_000)

var now0 = base.EpochSecondsOfMicros(t0)

// body wraps v as {id: v} STOP.
func body(id int16, v thrift.TStruct) []byte {
	buf := thrift.NewTMemoryBuffer()
	p := thrift.NewTBinaryProtocolConf(buf, nil)
	p.WriteFieldBegin(ctxb, "", thrift.STRUCT, id)
	if err := v.Write(ctxb, p); err != nil {
		panic(err)
	}
	p.WriteFieldStop(ctxb)
	return buf.Bytes()
}

func blob(s string) *base.Blob { return base.BlobOf([]byte(s)) }

func rawKey(hashKey, sortKey string) []byte {
	return base.EncodeKey([]byte(hashKey), []byte(sortKey))
}

// unwrap decodes a wrapped response with gen-go and requires that nothing is left.
func unwrap(t testing.TB, b []byte, v thrift.TStruct) {
	t.Helper()
	buf := thrift.NewTMemoryBuffer()
	buf.Write(b)
	p := thrift.NewTBinaryProtocolConf(buf, nil)
	_, tag, id, err := p.ReadFieldBegin(ctxb)
	if err != nil || tag != thrift.STRUCT || id != 0 {
		t.Fatalf("wrapper of %x: tag %v, id %d, %v", b, tag, id, err)
	}
	if err := v.Read(ctxb, p); err != nil {
		t.Fatalf("response %x: %v", b, err)
	}
	if rest := buf.Bytes(); len(rest) != 1 || rest[0] != 0 {
		t.Fatalf("response leaves %x", rest)
	}
}

// bench is a store under test with the decree and clock of its next mutation.
type rig struct {
	testing.TB
	fs    vfs.FS
	e     *Engine
	s     *Store
	ts    int64 // of the next mutation
	ttl   int32 // default_ttl of mutations
	rc    ReadContext
	stats ReadStat // of the last read
}

func newRig(t testing.TB, change ...func(*EngineOptions)) *rig {
	return newRigOn(t, vfs.NewMem(), change...)
}

func newRigOn(t testing.TB, fs vfs.FS, change ...func(*EngineOptions)) *rig {
	t.Helper()
	o := EngineOptions{FS: fs, BlockCacheBytes: 16 << 20, MemtableBytesMax: 4 << 20, SweepPeriod: -1}
	for _, f := range change {
		f(&o)
	}
	r := &rig{TB: t, fs: fs, e: NewEngine(o), ts: t0, rc: ReadContext{Now: now0, PartitionVersion: 3}}
	r.open()
	t.Cleanup(func() {
		if r.s != nil {
			r.s.Close()
		}
		if err := r.e.Close(); err != nil {
			t.Errorf("engine: %v", err)
		}
	})
	return r
}

func (r *rig) open() {
	r.Helper()
	var err error
	if r.s, err = r.e.Open("db", StoreOptions{Gpid: testGpid, Server: testServer}); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) reopen() {
	r.Helper()
	if err := r.s.Close(); err != nil {
		r.Fatal(err)
	}
	r.open()
}

// at moves the clocks of mutations and reads to sec seconds after the start.
func (r *rig) at(sec int) *rig {
	r.ts = t0 + int64(sec)*1e6
	r.rc.Now = now0 + uint32(sec)
	return r
}

func (r *rig) applyErr(updates ...Update) ([][]byte, error) {
	var out [][]byte
	err := r.s.Apply(r.s.LastApplied()+1, r.ts, r.ttl, updates, func(i int, b []byte) {
		if i != len(out) {
			r.Fatalf("reply %d after %d", i, len(out))
		}
		out = append(out, append([]byte(nil), b...))
	})
	r.ts++
	return out, err
}

// apply applies one mutation and returns the replies.
func (r *rig) apply(updates ...Update) [][]byte {
	r.Helper()
	out, err := r.applyErr(updates...)
	if err != nil {
		r.Fatal(err)
	}
	if len(out) != len(updates) {
		r.Fatalf("%d replies to %d updates", len(out), len(updates))
	}
	return out
}

// write applies a mutation of one update, admitted as the server would, and decodes the reply.
func (r *rig) write(op Op, req, resp thrift.TStruct) {
	r.Helper()
	b := body(1, req)
	if _, err := ValidateWrite(op, b, 0); err != nil {
		r.Fatalf("%v: %v", op, err)
	}
	unwrap(r, r.apply(Update{op, b})[0], resp)
}

func (r *rig) read(op Op, req, resp thrift.TStruct) {
	r.Helper()
	prefix := []byte("out")
	b, st := r.s.Read(op, body(1, req), prefix, r.rc)
	if st.Err != base.ErrOK || st.StorageErr != nil {
		r.Fatalf("%v: %v, %v", op, st.Err, st.StorageErr)
	}
	if string(b[:3]) != "out" {
		r.Fatalf("%v overwrote the buffer", op)
	}
	r.stats = st
	unwrap(r, b[3:], resp)
}

func (r *rig) put(hashKey, sortKey, value string, ttl ...int) {
	r.Helper()
	req := &rrdb.UpdateRequest{Key: base.BlobOf(rawKey(hashKey, sortKey)), Value: blob(value)}
	if len(ttl) > 0 {
		req.ExpireTsSeconds = int32(r.rc.Now) + int32(ttl[0])
	}
	var resp rrdb.UpdateResponse
	r.write(OpPut, req, &resp)
	r.checkIDs(resp.AppID, resp.PartitionIndex, resp.Server)
	if resp.Error != 0 || resp.Decree != r.s.LastApplied() {
		r.Fatalf("put: %+v", resp)
	}
}

func (r *rig) checkIDs(app, part int32, server string) {
	r.Helper()
	if app != testGpid.AppID || part != testGpid.PartitionIndex || server != testServer {
		r.Fatalf("ids %d.%d %q", app, part, server)
	}
}

// get returns the value, or "!status".
func (r *rig) get(hashKey, sortKey string) string {
	r.Helper()
	var resp rrdb.ReadResponse
	r.read(OpGet, base.BlobOf(rawKey(hashKey, sortKey)), &resp)
	r.checkIDs(resp.AppID, resp.PartitionIndex, resp.Server)
	if resp.Error != 0 {
		if len(resp.Value.Bytes()) > 0 {
			r.Fatalf("value with error %d", resp.Error)
		}
		return "!" + string(rune('0'+resp.Error))
	}
	return string(resp.Value.Bytes())
}

func (r *rig) ttlOf(hashKey, sortKey string) (status, seconds int32) {
	r.Helper()
	var resp rrdb.TTLResponse
	r.read(OpTTL, base.BlobOf(rawKey(hashKey, sortKey)), &resp)
	r.checkIDs(resp.AppID, resp.PartitionIndex, resp.Server)
	return resp.Error, resp.TTLSeconds
}

func (r *rig) digest() Digest {
	r.Helper()
	d, err := r.s.Digest(ctxb)
	if err != nil {
		r.Fatal(err)
	}
	return d
}

func eq[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

// eventually waits for something that background work brings about.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatalf("%s never happened", what)
}
