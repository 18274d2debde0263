package plog

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func listDir(t *testing.T, fs vfs.FS) string {
	t.Helper()
	names, err := fs.List(testDir)
	mustDo(t, err)
	slices.Sort(names)
	return strings.Join(names, " ")
}

// numbersOf returns the numbers of the log's files.
func numbersOf(l *Log) (ns []uint64) {
	for _, f := range l.files {
		ns = append(ns, f.number)
	}
	return ns
}

// tenFiles opens a log whose file n holds decrees 10n-9..10n.
func tenFiles(t *testing.T, o Options) *Log {
	t.Helper()
	l := mustOpen(t, o)
	for n := int64(1); n <= 10; n++ {
		mustDo(t, appendWait(l, entries(1, 10*n-9, 10*n)...))
	}
	if len(l.files) != 10 {
		t.Fatalf("%d files", len(l.files))
	}
	return l
}

func TestGCDeletesOnlyWhatIsDurable(t *testing.T) {
	for _, c := range []struct {
		durable int64
		first   uint64
	}{{0, 1}, {9, 1}, {10, 2}, {19, 2}, {20, 3}, {89, 9}, {90, 10}, {100, 10}, {1000, 10}} {
		fs := newMem(t)
		l := tenFiles(t, Options{FS: fs, FileBytesMax: 100, ReserveBytesMax: -1})
		mustDo(t, l.GC(c.durable))
		if ns := numbersOf(l); ns[0] != c.first || ns[len(ns)-1] != 10 {
			t.Errorf("durable %d: files %v remain", c.durable, ns)
		}
		first := int64(c.first*10 - 9)
		if l.FirstDecree() != first {
			t.Errorf("durable %d: first decree %d", c.durable, l.FirstDecree())
		}
		if _, err := l.Read(first-1, first, 1000); err != ErrGone {
			t.Errorf("durable %d: read of a collected decree: %v", c.durable, err)
		}
		wantRead(t, l, first, first+3, 1<<20, entries(1, first, first+3))
		mustDo(t, l.Close())
		l = mustOpen(t, Options{FS: fs})
		wantReplay(t, l, 0, entries(1, first, 100))
		mustDo(t, l.Close())
	}
}

func TestGCKeepsAFileWithALaterDecree(t *testing.T) {
	l := mustOpen(t, Options{FS: newMem(t), FileBytesMax: 100, ReserveBytesMax: -1})
	mustDo(t, appendWait(l, entries(1, 1, 30)...))
	mustDo(t, appendWait(l, entries(2, 5, 6)...)) // the file before still holds decree 30
	mustDo(t, appendWait(l, entries(2, 7, 40)...))
	mustDo(t, l.GC(29))
	if len(l.files) != 3 {
		t.Fatalf("files %v", numbersOf(l))
	}
	mustDo(t, l.GC(30))
	if len(l.files) != 1 {
		t.Fatalf("files %v", numbersOf(l))
	}
	mustDo(t, l.Close())
}

func TestGCReserve(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	o := Options{FS: newMem(t), FileBytesMax: 100, ReserveSecondsMax: 60, Now: func() time.Time { return now }}
	l := tenFiles(t, o)
	each := l.files[0].end
	l.o.ReserveBytesMax = 7 * l.files[0].end
	mustDo(t, l.GC(100))
	if got := l.Bytes(); got > 7*each || got < 5*each {
		t.Fatalf("%d bytes remain, a file has %d", got, each)
	}
	now = now.Add(59 * time.Second)
	before := len(l.files)
	mustDo(t, appendWait(l, entries(1, 101, 101)...))
	mustDo(t, l.GC(100))
	if len(l.files) < before-1 {
		t.Fatalf("files %v after 59 s", numbersOf(l))
	}
	now = now.Add(2 * time.Second)
	mustDo(t, l.GC(100))
	if len(l.files) != 1 {
		t.Fatalf("files %v after 61 s", numbersOf(l))
	}
	mustDo(t, l.Close())
}

func TestGCLeavesFilesThatAreBeingRead(t *testing.T) {
	l := tenFiles(t, Options{FS: newMem(t), FileBytesMax: 100, ReserveBytesMax: -1})
	l.mu.Lock()
	views := l.pin(25)
	l.mu.Unlock()
	mustDo(t, l.GC(100))
	if ns := numbersOf(l); ns[0] != 3 {
		t.Fatalf("files %v", ns)
	}
	l.unpin(views)
	mustDo(t, l.GC(100))
	if ns := numbersOf(l); ns[0] != 10 {
		t.Fatalf("files %v", ns)
	}
	mustDo(t, l.Close())
}

func TestRecycledFileIsOverwrittenAndItsOldBytesNeverRead(t *testing.T) {
	fs := newMem(t)
	o := Options{FS: fs, FileBytesMax: 400, ReserveBytesMax: -1}
	l := mustOpen(t, o)
	mustDo(t, appendWait(l, entries(1, 1, 10)...))
	mustDo(t, appendWait(l, entries(1, 11, 20)...))
	mustDo(t, l.GC(10))
	if names := listDir(t, fs); !strings.Contains(names, recycledFile(1)) {
		t.Fatalf("directory: %s", names)
	}
	mustDo(t, l.Close())

	l = mustOpen(t, o)
	mustDo(t, appendWait(l, entries(1, 21, 21)...))
	if names := listDir(t, fs); strings.Contains(names, recycledName) || l.Metrics().Recycled != 1 {
		t.Fatalf("directory: %s, metrics %+v", names, l.Metrics())
	}
	if l.files[1].physical <= l.files[1].end {
		t.Fatal("the recycled file has no old tail, the test shows nothing")
	}
	// A crash at this moment: old blocks follow the new one.
	crashed := fs.CrashClone(vfs.CrashCloneCfg{})
	after := mustOpen(t, Options{FS: crashed})
	wantReplay(t, after, 0, entries(1, 11, 21))
	mustDo(t, appendWait(after, entries(1, 22, 22)...))
	mustDo(t, after.Close())
	after = mustOpen(t, Options{FS: crashed})
	wantReplay(t, after, 0, entries(1, 11, 22))
	mustDo(t, after.Close())
	mustDo(t, l.Close())
}

func TestReset(t *testing.T) {
	fs := newMem(t)
	l := tenFiles(t, Options{FS: fs, FileBytesMax: 100})
	mustDo(t, l.Reset(5000))
	if l.FirstDecree() != 5001 || l.LastDecree() != 5000 || len(l.files) != 1 {
		t.Fatalf("log spans %d..%d in %d files", l.FirstDecree(), l.LastDecree(), len(l.files))
	}
	if _, err := l.Read(100, 100, 100); err != ErrGone {
		t.Fatalf("read of a dropped decree: %v", err)
	}
	mustDo(t, appendWait(l, entries(7, 5001, 5010)...))
	wantRead(t, l, 5001, 5010, 1<<20, entries(7, 5001, 5010))
	mustDo(t, l.Reset(20)) // a learner that was ahead goes back
	mustDo(t, l.Close())
	l = mustOpen(t, Options{FS: fs})
	wantReplay(t, l, 0, nil)
	if l.FirstDecree() != 21 || l.LastDecree() != 20 {
		t.Fatalf("log spans %d..%d", l.FirstDecree(), l.LastDecree())
	}
	mustDo(t, l.Close())
}
