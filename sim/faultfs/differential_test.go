package faultfs

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// actor does random things to a file system; two with the same seed do the same to two.
type actor struct {
	fs    vfs.FS
	rng   *rand.Rand
	files []vfs.File // open, by age
	log   []string
}

func newActor(f vfs.FS, seed uint64) *actor {
	return &actor{fs: f, rng: rand.New(rand.NewPCG(seed, 1))}
}

func (a *actor) dir() string {
	return []string{"/", "/d", "/d/e", "/d/e/f", "/g"}[a.rng.IntN(5)]
}

func (a *actor) name() string { return a.fs.PathJoin(a.dir(), string(rune('p'+a.rng.IntN(4)))) }

func (a *actor) bytes() []byte {
	b := make([]byte, []int{1, 10, 511, 513, 5000, 9000}[a.rng.IntN(6)])
	for i := range b {
		b[i] = byte(a.rng.Uint32())
	}
	return b
}

func (a *actor) keep(f vfs.File, err error) error {
	if err == nil {
		a.files = append(a.files, f)
	}
	return err
}

// closeAll closes what is open.
func (a *actor) closeAll() {
	for _, f := range a.files {
		_ = f.Close()
	}
	a.files = nil
}

// step does one thing and notes it with its result. Only what both file systems agree on is done: MemFS neither minds
// a directory where a file should be nor the other way round, and loses a file that is moved to nowhere.
func (a *actor) step() {
	switch k := a.rng.IntN(22); {
	case k < 2:
		n := a.name()
		a.note(a.keep(a.fs.Create(n, vfs.WriteCategoryUnspecified)), "create", n)
	case k < 3:
		n := a.name()
		a.note(a.keep(a.fs.OpenReadWrite(n, vfs.WriteCategoryUnspecified)), "openrw", n)
	case k < 4:
		n := a.name()
		f, err := a.fs.Open(n)
		a.note(err, "open", n)
		if err == nil {
			b, err := io.ReadAll(f)
			a.note(err, "read", fmt.Sprintf("%d bytes, crc %08x", len(b), crc32.ChecksumIEEE(b)))
			_ = f.Close()
		}
	case k < 5:
		o, n := a.name(), a.name()
		if a.exists(o) && a.exists(a.fs.PathDir(n)) {
			a.note(a.fs.Rename(o, n), "rename", o, n)
		}
	case k < 6:
		o, n := a.name(), a.name()+"-link" // not among the names that are moved: see rename(2) of two names of one file
		a.note(a.fs.Link(o, n), "link", o, n)
	case k < 7:
		n := a.name()
		a.note(a.fs.Remove(n), "remove", n)
	case k < 8 && a.rng.IntN(4) == 0:
		n := a.dir()
		if n != "/" {
			a.note(a.fs.RemoveAll(n), "removeall", n)
		}
	case k < 9:
		n := a.dir()
		a.note(a.fs.MkdirAll(n, 0o755), "mkdir", n)
	case k < 10:
		n := a.dir()
		names, err := a.fs.List(n)
		slices.Sort(names)
		a.note(err, "list", n, fmt.Sprint(names))
	case k < 11:
		n := a.name()
		i, err := a.fs.Stat(n)
		a.note(err, "stat", n)
		if err == nil {
			a.note(nil, i.Name(), fmt.Sprint(i.Size(), i.IsDir()))
		}
	case k < 12:
		o, n := a.name(), a.name()
		if a.exists(o) && a.exists(a.fs.PathDir(n)) {
			a.note(a.keep(a.fs.ReuseForWrite(o, n, vfs.WriteCategoryUnspecified)), "reuse", o, n)
		}
	case k < 15:
		n := a.dir()
		f, err := a.fs.OpenDir(n)
		a.note(err, "opendir", n)
		if err == nil {
			a.note(f.Sync(), "syncdir")
			_ = f.Close()
		}
	case len(a.files) > 0:
		a.withFile(a.rng.IntN(len(a.files)))
	}
}

func (a *actor) exists(name string) bool {
	_, err := a.fs.Stat(name)
	return err == nil
}

func (a *actor) withFile(i int) {
	f := a.files[i]
	switch a.rng.IntN(8) {
	case 0, 1:
		n, err := f.Write(a.bytes())
		a.note(err, "write", fmt.Sprint(n))
	case 2, 3:
		n, err := f.WriteAt(a.bytes(), int64(a.rng.IntN(12000)))
		a.note(err, "writeat", fmt.Sprint(n))
	case 4:
		a.note(f.Sync(), "sync")
	case 5:
		a.note(f.SyncData(), "syncdata")
	case 6:
		i, err := f.Stat()
		a.note(err, "fstat", fmt.Sprint(i.Size()))
	default:
		a.note(f.Close(), "close")
		a.files = slices.Delete(a.files, i, i+1)
	}
}

func (a *actor) note(err error, what ...string) {
	s := fmt.Sprint(what)
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrNotExist):
		s += " not exist"
	case errors.Is(err, fs.ErrExist):
		s += " exist"
	default:
		s += " failed"
	}
	a.log = append(a.log, s)
}

// tree writes down everything on a file system.
func tree(t testing.TB, f vfs.FS, dir string) string {
	t.Helper()
	var b bytes.Buffer
	names, err := f.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	for _, name := range names {
		at := f.PathJoin(dir, name)
		i, err := f.Stat(at)
		if err != nil {
			t.Fatal(err)
		}
		if i.IsDir() {
			fmt.Fprintf(&b, "%s/\n%s", at, tree(t, f, at))
			continue
		}
		file, err := f.Open(at)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(file)
		if err != nil {
			t.Fatal(err)
		}
		_ = file.Close()
		if len(content) > 16 {
			content = fmt.Appendf(nil, "%d bytes, crc %08x", len(content), crc32.ChecksumIEEE(content))
		}
		fmt.Fprintf(&b, "%s %q\n", at, content)
	}
	return b.String()
}

// TestLikeMemFS does the same to a Disk and to Pebble's own crashable memory file system: the same answers, the same
// bytes, and the same again after a crash that loses everything unsynced. (Then they part: MemFS makes two files of
// one that has two names.)
func TestLikeMemFS(t *testing.T) {
	for seed := range uint64(400) {
		mem, disk := vfs.NewCrashableMem(), New(Options{})
		a, b := newActor(mem, seed), newActor(disk, seed)
		for step := range 200 {
			a.step()
			b.step()
			if k := len(a.log) - 1; len(a.log) != len(b.log) || (k >= 0 && a.log[k] != b.log[k]) {
				t.Fatalf("seed %d, step %d:\nMemFS %s\nDisk  %s", seed, step, a.log[max(k-3, 0):], b.log[max(k-3, 0):])
			}
		}
		if x, y := tree(t, mem, "/"), tree(t, disk, "/"); x != y {
			t.Fatalf("seed %d: MemFS has\n%s\nDisk has\n%s", seed, x, y)
		}
		x, y := tree(t, mem.CrashClone(vfs.CrashCloneCfg{}), "/"), tree(t, disk.Crash(nil, CrashOptions{}), "/")
		if x != y {
			t.Fatalf("seed %d, after the crash: MemFS has\n%s\nDisk has\n%s", seed, x, y)
		}
	}
}

// TestSameCallsSameBytes runs the same lives twice: all that chance does to a disk comes from the seed.
func TestSameCallsSameBytes(t *testing.T) {
	lives := func(seed uint64) (hashes []string) {
		rng := rand.New(rand.NewPCG(seed, 2))
		disk := New(Options{})
		for life := range uint64(6) {
			a := newActor(disk, seed*10+life)
			for range 200 {
				a.step()
			}
			clone := disk.Clone(rng, AnyCrash(rng))
			hashes = append(hashes, disk.Hash("/"), clone.Hash("/"))
			if path, bit, ok := disk.RandomBit(rng, "/", nil); ok {
				if err := disk.FlipBit(path, bit); err != nil {
					t.Fatal(err)
				}
			}
			disk = disk.Crash(rng, AnyCrash(rng))
			hashes = append(hashes, disk.Hash("/"))
		}
		return hashes
	}
	different := map[string]bool{}
	for seed := range uint64(40) {
		first, again := lives(seed), lives(seed)
		if !slices.Equal(first, again) {
			t.Fatalf("seed %d: %v, then %v", seed, first, again)
		}
		different[first[len(first)-1]] = true
	}
	if len(different) < 20 {
		t.Errorf("40 seeds end in only %d states", len(different))
	}
}
