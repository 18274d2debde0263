package rrdb

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

// filled returns a closed store of many blocks.
func filled(t *testing.T, fs vfs.FS) *rig {
	r := newRigOn(t, fs)
	for i := range 2000 {
		r.put("h", fmt.Sprintf("%05d", i), strings.Repeat(fmt.Sprint(i), 30))
	}
	if err := r.s.Close(); err != nil {
		t.Fatal(err)
	}
	return r
}

// A damaged block is noticed by its checksum: the client is told, the replica is told, and the
// store serves nothing any more.
func TestDamagedBlock(t *testing.T) {
	r := filled(t, vfs.NewMem())
	names, _ := r.fs.List("db")
	for _, name := range names {
		if strings.HasSuffix(name, ".sst") {
			f, err := r.fs.OpenReadWrite(r.fs.PathJoin("db", name), vfs.WriteCategoryUnspecified)
			if err != nil {
				t.Fatal(err)
			}
			f.WriteAt([]byte("scribble"), 2000)
			f.Close()
		}
	}
	var told atomic.Pointer[error]
	s, err := r.e.Open("db", StoreOptions{Gpid: testGpid, Server: testServer, OnError: func(err error) { told.Store(&err) }})
	if err != nil {
		t.Fatal(err)
	}
	r.s = s
	if out, st := s.Read(OpGet, body(1, base.BlobOf(rawKey("h", "01999"))), nil, r.rc); st.StorageErr != nil || ReplyStatus(out) != 0 {
		t.Fatalf("a row of another block: %v, %v", ReplyStatus(out), st.StorageErr)
	}
	out, st := s.Read(OpMultiGet, body(1, rng("", true, "", false)), nil, r.rc)
	if !IsCorruption(st.StorageErr) || st.Status != StatusCorruption {
		t.Fatalf("%+v", st)
	}
	var resp rrdb.MultiGetResponse
	unwrap(t, out, &resp)
	eq(t, "status", resp.Error, StatusCorruption)
	eq(t, "rows", len(resp.Kvs), 0)
	eventually(t, "OnError", func() bool { e := told.Load(); return e != nil && IsCorruption(*e) })
	if !IsCorruption(s.Err()) {
		t.Errorf("the store goes on: %v", s.Err())
	}
	if err := s.Apply(s.LastApplied()+1, r.ts, 0, nil, nil); !IsCorruption(err) {
		t.Errorf("apply: %v", err)
	}
	if _, st := s.Read(OpGet, body(1, blob("\x00\x01h")), nil, r.rc); st.Err != base.ErrInvalidState || !IsCorruption(st.StorageErr) {
		t.Errorf("read: %+v", st)
	}
	if err := s.Close(); !IsCorruption(err) {
		t.Errorf("close: %v", err)
	}
	r.s = nil
}

// A disk that fails reads gives errors of its class, and answers with it.
func TestFailingReads(t *testing.T) {
	var failing atomic.Bool
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if failing.Load() && op.Kind == errorfs.OpFileReadAt {
			return &os.PathError{Op: "read", Path: op.Path, Err: syscall.EIO}
		}
		return nil
	}))
	r := filled(t, fs)
	r.open()
	failing.Store(true)
	for op, b := range map[Op][]byte{
		OpGet: body(1, base.BlobOf(rawKey("h", "00100"))), OpTTL: body(1, base.BlobOf(rawKey("h", "00200"))),
		OpMultiGet: body(1, rng("00300", true, "", false)), OpSortkeyCount: body(1, blob("h")), OpGetScanner: body(1, fullScan(10)),
		OpBatchGet: body(1, &rrdb.BatchGetRequest{Keys: []*rrdb.FullKey{{HashKey: blob("h"), SortKey: blob("00400")}}}),
	} {
		out, st := r.s.Read(op, b, nil, r.rc)
		if !IsIO(st.StorageErr) || ReplyStatus(out) != StatusIOError || st.Err != base.ErrOK {
			t.Errorf("%v: %+v, reply %d", op, st, ReplyStatus(out))
		}
	}
	incr := Update{OpIncr, body(1, &rrdb.IncrRequest{Key: base.BlobOf(rawKey("h", "00500")), Increment: 1})}
	if _, err := r.applyErr(incr); !IsIO(err) {
		t.Errorf("apply: %v", err)
	}
	eq(t, "nothing applied", r.s.LastApplied(), 2000)
	failing.Store(false)
	eq(t, "and well again", strings.HasPrefix(r.get("h", "00100"), "100100"), true)
}

func TestTablesWithoutManifest(t *testing.T) {
	r := filled(t, vfs.NewMem())
	names, _ := r.fs.List("db")
	for _, name := range names {
		if strings.HasPrefix(name, "marker.manifest") {
			r.fs.Remove(r.fs.PathJoin("db", name))
		}
	}
	if _, err := r.e.Open("db", StoreOptions{}); !IsCorruption(err) {
		t.Fatalf("opened: %v", err)
	}
	after, _ := r.fs.List("db")
	eq(t, "files", len(after), len(names)-1)
}
