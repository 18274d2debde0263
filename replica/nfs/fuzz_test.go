package nfs

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/gen-go/base"
	nfswire "github.com/pegasus-go/pegasus/gen-go/nfs"
	"github.com/pegasus-go/pegasus/internal/fuzz"
	"github.com/pegasus-go/pegasus/rpc"
)

// liar answers every request with the bytes it was given.
type liar struct{ list, copy, checksum []byte }

func (l liar) Call(_ context.Context, _ base.RPCAddress, c rpc.Call, resp thrift.TStruct) error {
	b := l.copy
	switch c.Name {
	case TaskFileSize:
		b = l.list
	case TaskChecksum:
		b = l.checksum
	}
	if _, err := rpc.ReadValue(b, resp); err != nil {
		return base.ErrInvalidData
	}
	return nil
}

// watched notes what is created outside of where it may be.
type watched struct {
	vfs.FS
	outside string
}

func (w *watched) see(name string) {
	if !strings.HasPrefix(filepath.Clean(name)+"/", "/dst/learn/") {
		w.outside = name
	}
}

func (w *watched) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	w.see(name)
	return w.FS.OpenReadWrite(name, c, opts...)
}

func (w *watched) MkdirAll(name string, perm os.FileMode) error {
	w.see(name)
	return w.FS.MkdirAll(name, perm)
}

func (w *watched) RemoveAll(name string) error {
	w.see(name)
	return w.FS.RemoveAll(name)
}

func answerOf(v thrift.TStruct) []byte { return rpc.AppendValue(nil, rpc.FieldNative, v) }

// FuzzFetch copies from a server that answers anything: nothing is touched outside of the destination,
// memory is bounded by what was answered, and a copy that is said to be complete has the sizes that were told.
func FuzzFetch(f *testing.F) {
	block := answerOf(&nfswire.CopyResponse{Error: base.ErrOK.Ptr(), FileContent: base.BlobOf([]byte("abc")), Size: 3})
	for _, names := range [][]string{{"a"}, {"a", "sub/b"}, {"../x"}, {"/etc/x"}, {"a", "a/b"}, {""}, {"."}, {"a", "./a"}, {strings.Repeat("d/", 2000) + "f"}} {
		sizes := make([]int64, len(names))
		for i := range sizes {
			sizes[i] = 3
		}
		f.Add(answerOf(&nfswire.GetFileSizeResponse{FileList: names, SizeList: sizes}), block, answerOf(&nfswire.GetFileSizeResponse{FileList: names, SizeList: sizes}))
	}
	f.Add(answerOf(&nfswire.GetFileSizeResponse{FileList: []string{"a"}, SizeList: []int64{1 << 62}}), block, []byte{})
	f.Fuzz(func(t *testing.T, list, copy, checksum []byte) {
		fs := &watched{FS: vfs.NewMem()}
		mustDo(t, fs.FS.MkdirAll("/dst", 0o755))
		c := NewClient(liar{list, copy, checksum}, ClientOptions{FS: fs, BlockBytes: 4096})
		var done Copied
		var err error
		fuzz.Bounded(t, len(list)+len(copy)+len(checksum), func() {
			done, err = c.Fetch(context.Background(), Copy{From: base.AddressOf(1, 1), SourceDir: "/src/reps/1", DestDir: "/dst/learn"})
		})
		if fs.outside != "" {
			t.Fatalf("%q was touched", fs.outside)
		}
		if err == nil && done.Bytes > int64(len(copy))*int64(done.Files) {
			t.Fatalf("%+v with blocks of %d bytes", done, len(copy))
		}
	})
}

// FuzzPaths asks a server for any directory and file: what it would open lies below its roots.
func FuzzPaths(f *testing.F) {
	for _, p := range [][2]string{{source, "one"}, {"/src/reps/../secret", "x"}, {"/src/reps", "../../etc/passwd"}, {"/src/repsx", "a"}, {"", ""}, {"/src/reps/1", "a/../../../x"}, {"/src/reps/1", "\x00"}} {
		f.Add(p[0], p[1], int64(0), int32(10))
	}
	fs := vfs.NewMem()
	sourceFiles(f, fs)
	s := NewServer(ServerOptions{FS: fs, Roots: func() []string { return []string{"/other", "/src/reps"} }})
	f.Fuzz(func(t *testing.T, dir, name string, offset int64, size int32) {
		d, err := s.confine(dir)
		if err != nil {
			return
		}
		path, err := below(d, name)
		if err == nil && !strings.HasPrefix(filepath.Clean(path), "/src/reps/") && !strings.HasPrefix(filepath.Clean(path), "/other/") {
			t.Fatalf("%q and %q lead to %q", dir, name, path)
		}
		fuzz.Bounded(t, len(dir)+len(name), func() { _, _ = s.list(dir, []string{name}, s.sizeOf) })
	})
}
