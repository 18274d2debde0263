package nfs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/gen-go/base"
	nfswire "github.com/pegasus-go/pegasus/gen-go/nfs"
	"github.com/pegasus-go/pegasus/rpc"
)

func mustDo(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(t testing.TB, fs vfs.FS, name string, b []byte) {
	t.Helper()
	mustDo(t, fs.MkdirAll(fs.PathDir(name), 0o755))
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	mustDo(t, err)
	_, err = f.Write(slices.Clone(b)) // a File may change what it is given
	mustDo(t, err)
	mustDo(t, f.Close())
}

func noise(n int) []byte {
	rng := rand.New(rand.NewPCG(uint64(n), 3))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

const source = "/src/reps/1.0.pegasus/data/checkpoint.7"

// files of the source directory: empty, smaller than a block, whole blocks, several with a rest.
func sourceFiles(t testing.TB, fs vfs.FS) map[string][]byte {
	files := map[string][]byte{
		"CURRENT": []byte("MANIFEST-1\n"), "empty": nil, "one": noise(1024), "rest": noise(5*1024 + 1), "sub/deep/x.sst": noise(3000), "sub/y": noise(1),
	}
	for name, b := range files {
		put(t, fs, source+"/"+name, b)
	}
	put(t, fs, "/src/secret", []byte("not served"))
	return files
}

// serveFiles starts an rpc server and a pool that reaches it.
func serveFiles(t *testing.T, o ServerOptions) (base.RPCAddress, *rpc.Pool) {
	o.Roots = func() []string { return []string{"/other", "/src/reps"} }
	s := rpc.NewServer(rpc.ServerOptions{})
	NewServer(o).Register(s.Handle)
	addr, err := s.Listen("127.0.0.1:0")
	mustDo(t, err)
	go s.Serve()
	pool := rpc.NewPool(rpc.PoolOptions{From: addr})
	t.Cleanup(func() { pool.Close(); s.Close() })
	return addr, pool
}

func wantFiles(t *testing.T, fs vfs.FS, dir string, want map[string][]byte) {
	t.Helper()
	s := NewServer(ServerOptions{FS: fs})
	names, err := s.walk(dir, "", nil, 0)
	mustDo(t, err)
	if len(names) != len(want) {
		t.Fatalf("files %v", names)
	}
	for name, b := range want {
		f, err := fs.Open(dir + "/" + name)
		mustDo(t, err)
		got := make([]byte, len(b)+1)
		n, _ := f.ReadAt(got, 0)
		f.Close()
		if string(got[:n]) != string(b) {
			t.Errorf("%s: %d bytes differ from %d", name, n, len(b))
		}
	}
}

func TestFetchCopiesADirectoryDurably(t *testing.T) {
	src, dst := vfs.NewMem(), vfs.NewCrashableMem()
	want := sourceFiles(t, src)
	addr, pool := serveFiles(t, ServerOptions{FS: src})
	mustDo(t, dst.MkdirAll("/dst", 0o755))
	mustDo(t, syncDir(dst, "/"))
	c := NewClient(pool, ClientOptions{FS: dst, BlockBytes: 1024})
	job := Copy{From: addr, SourceDir: source, DestDir: "/dst/learn", Gpid: base.Gpid{AppID: 1}}
	done, err := c.Fetch(context.Background(), job)
	mustDo(t, err)
	if done != (Copied{Files: 6, Bytes: 11 + 1024 + 5121 + 3000 + 1}) {
		t.Errorf("%+v", done)
	}
	wantFiles(t, dst.CrashClone(vfs.CrashCloneCfg{}), "/dst/learn", want)

	// Again, with names and sizes, over what is there.
	put(t, dst, "/dst/learn/rest", noise(9000))
	job.Files, job.Sizes = []string{"rest", "sub/y"}, []int64{5121, 1}
	done, err = c.Fetch(context.Background(), job)
	mustDo(t, err)
	if done.Files != 2 {
		t.Errorf("%+v", done)
	}
	wantFiles(t, dst.CrashClone(vfs.CrashCloneCfg{}), "/dst/learn", want)

	job.Sizes[0]++
	if _, err := c.Fetch(context.Background(), job); !errors.Is(err, base.ErrInvalidData) {
		t.Errorf("another size than promised: %v", err)
	}
}

func TestOnlyTheRootsAreServed(t *testing.T) {
	src := vfs.NewMem()
	sourceFiles(t, src)
	addr, pool := serveFiles(t, ServerOptions{FS: src})
	ask := func(dir, file string) error {
		body := rpc.AppendValue(nil, rpc.FieldNative, &nfswire.GetFileSizeRequest{SourceDir: dir, FileList: []string{file}, Source: &base.RPCAddress{}})
		err := pool.Call(context.Background(), addr, rpc.Call{Name: TaskFileSize, Body: body}, nfswire.NewGetFileSizeResponse())
		body = rpc.AppendValue(nil, rpc.FieldNative, &nfswire.CopyRequest{SourceDir: dir, FileName: file, Size: 10, Source: &base.RPCAddress{}})
		err2 := pool.Call(context.Background(), addr, rpc.Call{Name: TaskCopy, Body: body}, nfswire.NewCopyResponse())
		if err == nil != (err2 == nil) {
			t.Errorf("%s %s: %v and %v", dir, file, err, err2)
		}
		return err
	}
	mustDo(t, ask(source, "one"))
	mustDo(t, ask(source+"/sub/../", "./one"))
	for _, c := range [][2]string{
		{"/src", "secret"}, {"/src/reps/..", "secret"}, {"/src/reps", "1.0.pegasus/data/checkpoint.7/one"}, {"/src/repsX/a", "b"}, {"", "src/secret"},
		{source, "../../../../secret"}, {source, "/src/secret"}, {source, ".."}, {source, "."}, {source, ""}, {source, "sub/../../../../../secret"}, {source, "sub"},
	} {
		if err := ask(c[0], c[1]); !errors.Is(err, base.ErrInvalidParameters) {
			t.Errorf("%s %q: %v", c[0], c[1], err)
		}
	}
	if err := ask(source, "missing"); !errors.Is(err, base.ErrObjectNotFound) {
		t.Errorf("missing file: %v", err)
	}
}

func TestServerBoundsBlocks(t *testing.T) {
	src := vfs.NewMem()
	sourceFiles(t, src)
	s := NewServer(ServerOptions{FS: src, Roots: func() []string { return []string{"/src/reps"} }})
	for _, c := range []struct {
		offset int64
		size   int32
		want   int // -1: refused
	}{{0, 1024, 1024}, {1000, 1024, 24}, {1024, 10, 0}, {5000, 10, 0}, {0, 0, 0}, {-1, 10, -1}, {0, -1, -1}, {0, copyBytesMax + 1, -1}, {0, copyBytesMax, 1024}} {
		resp, err := s.read(&nfswire.CopyRequest{SourceDir: source, FileName: "one", Offset: c.offset, Size: c.size})
		switch {
		case c.want < 0:
			if !errors.Is(err, base.ErrInvalidParameters) {
				t.Errorf("%d bytes at %d: %v", c.size, c.offset, err)
			}
		case err != nil || len(resp.FileContent.Data) != c.want || int(resp.Size) != c.want:
			t.Errorf("%d bytes at %d: %v, %v", c.size, c.offset, resp, err)
		}
	}
}

func TestServerAnswersBusyBeyondItsQueue(t *testing.T) {
	src := vfs.NewMem()
	sourceFiles(t, src)
	addr, pool := serveFiles(t, ServerOptions{FS: src, RequestsMax: 1, RequestsQueuedMax: 1, RateMBps: 1})
	var busy, ok atomic.Int32
	var wg sync.WaitGroup
	body := rpc.AppendValue(nil, rpc.FieldNative, &nfswire.CopyRequest{SourceDir: source, FileName: "one", Size: 1024, Source: &base.RPCAddress{}})
	for range 200 {
		wg.Go(func() {
			err := pool.Call(context.Background(), addr, rpc.Call{Name: TaskCopy, Body: body}, nfswire.NewCopyResponse())
			switch {
			case err == nil:
				ok.Add(1)
			case errors.Is(err, base.ErrBusy):
				busy.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if busy.Load() == 0 || ok.Load() == 0 {
		t.Fatalf("%d served, %d busy", ok.Load(), busy.Load())
	}
}

// peer is a Caller whose answers a test can spoil.
type peer struct {
	s     *Server
	mu    sync.Mutex
	calls int
	inNow int
	inMax int
	spoil func(task string, call int, result thrift.TStruct) error
}

func (p *peer) Call(ctx context.Context, _ base.RPCAddress, c rpc.Call, result thrift.TStruct) (err error) {
	p.mu.Lock()
	p.calls++
	call := p.calls
	p.inNow++
	p.inMax = max(p.inMax, p.inNow)
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		p.inNow--
		p.mu.Unlock()
	}()
	if err := ctx.Err(); err != nil {
		return err
	}
	switch c.Name {
	case TaskCopy:
		req := nfswire.NewCopyRequest()
		if _, err := rpc.ReadValue(c.Body, req); err != nil {
			return err
		}
		resp, err := p.s.read(req)
		if err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
		*result.(*nfswire.CopyResponse) = *resp
	default:
		req := nfswire.NewGetFileSizeRequest()
		if _, err := rpc.ReadValue(c.Body, req); err != nil {
			return err
		}
		number := p.s.sizeOf
		if c.Name == TaskChecksum {
			number = p.s.checksumOf
		}
		resp, err := p.s.list(req.SourceDir, req.FileList, number)
		if err != nil {
			return err
		}
		*result.(*nfswire.GetFileSizeResponse) = *resp
	}
	if p.spoil != nil {
		return p.spoil(c.Name, call, result)
	}
	return nil
}

func newPeer(t *testing.T) *peer {
	src := vfs.NewMem()
	sourceFiles(t, src)
	return &peer{s: NewServer(ServerOptions{FS: src, Roots: func() []string { return []string{"/src/reps"} }})}
}

func fetchFrom(p *peer, o ClientOptions) (*vfs.MemFS, error) {
	dst := vfs.NewMem()
	o.FS, o.BlockBytes = dst, 1024
	_, err := NewClient(p, o).Fetch(context.Background(), Copy{SourceDir: source, DestDir: "/dst"})
	return dst, err
}

func TestPassingErrorsAreTriedAgain(t *testing.T) {
	p := newPeer(t)
	failed := map[string]int{}
	p.spoil = func(task string, call int, _ thrift.TStruct) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if failed[task]++; failed[task] <= 2 {
			return []error{base.ErrTimeout, base.ErrNetworkFailure, base.ErrBusy}[call%3]
		}
		return nil
	}
	dst, err := fetchFrom(p, ClientOptions{})
	mustDo(t, err)
	wantFiles(t, dst, "/dst", sourceFiles(t, vfs.NewMem()))

	for _, c := range []struct {
		code  error
		calls int
	}{{base.ErrTimeout, 3}, {base.ErrObjectNotFound, 1}, {base.ErrInvalidParameters, 1}} {
		p := newPeer(t)
		p.spoil = func(string, int, thrift.TStruct) error { return c.code }
		if _, err := fetchFrom(p, ClientOptions{}); !errors.Is(err, c.code) || p.calls != c.calls {
			t.Errorf("%v after %d calls", err, p.calls)
		}
	}
}

func TestRequestsInFlightAreBounded(t *testing.T) {
	p := newPeer(t)
	_, err := fetchFrom(p, ClientOptions{RequestsMax: 3, RequestsPerCopyMax: 8})
	mustDo(t, err)
	if p.inMax > 3 || p.inMax < 2 {
		t.Errorf("%d in flight", p.inMax)
	}
}

func TestAHostileOrDamagedPeerIsNoticed(t *testing.T) {
	list := func(names []string, sizes []int64) func(string, int, thrift.TStruct) error {
		return func(task string, _ int, result thrift.TStruct) error {
			if r, ok := result.(*nfswire.GetFileSizeResponse); ok && task == TaskFileSize {
				r.FileList, r.SizeList = names, sizes
			}
			return nil
		}
	}
	onCopy := func(f func(*nfswire.CopyResponse)) func(string, int, thrift.TStruct) error {
		return func(_ string, _ int, result thrift.TStruct) error {
			if r, ok := result.(*nfswire.CopyResponse); ok {
				f(r)
			}
			return nil
		}
	}
	for name, c := range map[string]struct {
		spoil func(string, int, thrift.TStruct) error
		want  base.ErrorCode
	}{
		"name leads out":  {list([]string{"../../etc/passwd"}, []int64{1}), base.ErrInvalidParameters},
		"absolute name":   {list([]string{"/etc/passwd"}, []int64{1}), base.ErrInvalidParameters},
		"empty name":      {list([]string{""}, []int64{1}), base.ErrInvalidParameters},
		"negative size":   {list([]string{"one"}, []int64{-1}), base.ErrInvalidData},
		"name twice":      {list([]string{"one", "./one"}, []int64{1, 1}), base.ErrInvalidData},
		"fewer sizes":     {list([]string{"one"}, nil), base.ErrInvalidData},
		"size too large":  {list([]string{"one"}, []int64{5000}), base.ErrInvalidData},
		"size too small":  {list([]string{"one"}, []int64{1000}), base.ErrWrongChecksum},
		"short block":     {onCopy(func(r *nfswire.CopyResponse) { r.FileContent.Data = r.FileContent.Data[1:] }), base.ErrInvalidData},
		"long block":      {onCopy(func(r *nfswire.CopyResponse) { r.FileContent.Data = append(r.FileContent.Data, 0) }), base.ErrInvalidData},
		"other offset":    {onCopy(func(r *nfswire.CopyResponse) { r.Offset++ }), base.ErrInvalidData},
		"error in answer": {onCopy(func(r *nfswire.CopyResponse) { r.Error = base.ErrFileOperationFailed.Ptr() }), base.ErrFileOperationFailed},
		"no error code":   {onCopy(func(r *nfswire.CopyResponse) { r.Error = nil }), base.ErrUnknown},
		"no content":      {onCopy(func(r *nfswire.CopyResponse) { r.FileContent = nil }), base.ErrInvalidData},
		"one bit differs": {onCopy(func(r *nfswire.CopyResponse) { r.FileContent.Data[0] ^= 1 }), base.ErrWrongChecksum},
	} {
		p := newPeer(t)
		p.spoil = c.spoil
		dst, err := fetchFrom(p, ClientOptions{})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if names, _ := dst.List("/"); len(names) > 1 || len(names) == 1 && names[0] != "dst" {
			t.Errorf("%s: wrote %v", name, names)
		}
	}
	p := newPeer(t)
	p.spoil = func(_ string, _ int, result thrift.TStruct) error {
		if r, ok := result.(*nfswire.GetFileSizeResponse); ok {
			r.Error = 10
		}
		return nil
	}
	if _, err := fetchFrom(p, ClientOptions{}); err == nil || !strings.Contains(err.Error(), "error number 10") {
		t.Errorf("error number: %v", err)
	}
}

func TestAPeerWithoutChecksumsIsAccepted(t *testing.T) {
	p := newPeer(t)
	p.spoil = func(task string, _ int, _ thrift.TStruct) error {
		if task == TaskChecksum {
			return base.ErrHandlerNotFound
		}
		return nil
	}
	_, err := fetchFrom(p, ClientOptions{})
	mustDo(t, err)
}

func TestRate(t *testing.T) {
	l := newLimiter(8)
	start := time.Now()
	mustDo(t, l.take(context.Background(), 1<<20)) // the burst
	mustDo(t, l.take(context.Background(), 2<<20))
	if d := time.Since(start); d < 200*time.Millisecond {
		t.Errorf("2 MiB beyond the burst took %v at 8 MiB/s", d)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := l.take(ctx, 64<<20); err == nil {
		t.Error("64 MiB passed in 10 ms")
	}
	l.set(0)
	mustDo(t, l.take(context.Background(), 1<<40))
}

func TestFetchEndsWithItsContext(t *testing.T) {
	p := newPeer(t)
	ctx, cancel := context.WithCancel(context.Background())
	p.spoil = func(task string, _ int, _ thrift.TStruct) error {
		if task == TaskCopy {
			cancel()
		}
		return nil
	}
	_, err := NewClient(p, ClientOptions{FS: vfs.NewMem(), BlockBytes: 64}).Fetch(ctx, Copy{SourceDir: source, DestDir: "/dst"})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
}

func TestFetchOnARealFileSystem(t *testing.T) {
	root := t.TempDir()
	src := root + "/src/reps/1.0.pegasus/data"
	want := map[string][]byte{"a.sst": noise(3_000_000), "b": noise(70_000), "z": nil}
	for name, b := range want {
		put(t, vfs.Default, src+"/"+name, b)
	}
	s := NewServer(ServerOptions{Roots: func() []string { return []string{root + "/src/reps"} }})
	done, err := NewClient(&peer{s: s}, ClientOptions{BlockBytes: 256 << 10}).Fetch(context.Background(), Copy{SourceDir: src, DestDir: root + "/dst"})
	mustDo(t, err)
	if done.Bytes != 3_070_000 {
		t.Errorf("%+v", done)
	}
	wantFiles(t, vfs.Default, root+"/dst", want)
	names, err := s.walk(src, "", nil, 0)
	mustDo(t, err)
	slices.Sort(names)
	if fmt.Sprint(names) != "[a.sst b z]" {
		t.Errorf("%v", names)
	}
}
