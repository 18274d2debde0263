package plog

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

const testDir = "/data/1.0.pegasus/plog"

// newMem returns a file system in which the replica's directory exists durably.
func newMem(t testing.TB) *vfs.MemFS {
	fs := vfs.NewCrashableMem()
	mustDo(t, fs.MkdirAll("/data/1.0.pegasus", 0o755))
	for _, dir := range []string{"/", "/data", "/data/1.0.pegasus"} {
		mustDo(t, syncDir(fs, dir))
	}
	return fs
}

func mustDo(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustOpen(t testing.TB, o Options) *Log {
	t.Helper()
	l, err := Open(testDir, o)
	mustDo(t, err)
	return l
}

func entry(ballot, decree int64) Entry {
	return Entry{Ballot: ballot, Decree: decree, Data: []byte(fmt.Sprintf("mutation %d.%d", ballot, decree))}
}

func entries(ballot, from, to int64) (es []Entry) {
	for d := from; d <= to; d++ {
		es = append(es, entry(ballot, d))
	}
	return es
}

// appendWait appends and waits for done.
func appendWait(l *Log, es ...Entry) error {
	done := make(chan error, 1)
	l.Append(es, func(err error) { done <- err })
	return <-done
}

func text(es []Entry) string {
	var b strings.Builder
	for _, e := range es {
		fmt.Fprintf(&b, "%d.%d=%s\n", e.Ballot, e.Decree, e.Data)
	}
	return b.String()
}

func replayed(l *Log, from int64) (es []Entry, err error) {
	err = l.Replay(from, func(e Entry) error {
		e.Data = append([]byte(nil), e.Data...)
		es = append(es, e)
		return nil
	})
	return es, err
}

func wantReplay(t *testing.T, l *Log, from int64, want []Entry) {
	t.Helper()
	got, err := replayed(l, from)
	mustDo(t, err)
	if text(got) != text(want) {
		t.Fatalf("replay from %d gave\n%swant\n%s", from, text(got), text(want))
	}
}

func readFile(t testing.TB, fs vfs.FS, name string) []byte {
	t.Helper()
	f, err := fs.Open(name)
	mustDo(t, err)
	defer f.Close()
	b, err := io.ReadAll(f)
	mustDo(t, err)
	return b
}

func writeFile(t testing.TB, fs vfs.FS, name string, b []byte) {
	t.Helper()
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	mustDo(t, err)
	_, err = f.Write(append([]byte(nil), b...)) // a File may change what it is given
	mustDo(t, err)
	mustDo(t, f.Sync())
	mustDo(t, f.Close())
}

func path(number uint64) string { return testDir + "/" + fileName(number) }

// watchedFS calls the injector before each operation, those on a reused file included, which errorfs
// alone leaves out.
type watchedFS struct{ *errorfs.FS }

func watch(fs vfs.FS, inj errorfs.Injector) vfs.FS { return watchedFS{errorfs.Wrap(fs, inj)} }

func (w watchedFS) ReuseForWrite(oldname, newname string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := w.Rename(oldname, newname); err != nil {
		return nil, err
	}
	return w.OpenReadWrite(newname, c)
}

// honest keeps to the contract of io.Writer, which MemFS breaks under the race detector: it changes what it is given.
type honest struct{ vfs.FS }

func (h honest) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := h.FS.Create(name, c)
	return honestFile{f}, err
}

func (h honest) ReuseForWrite(oldname, newname string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := h.FS.ReuseForWrite(oldname, newname, c)
	return honestFile{f}, err
}

func (h honest) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := h.FS.OpenReadWrite(name, c, o...)
	return honestFile{f}, err
}

type honestFile struct{ vfs.File }

func (f honestFile) Write(b []byte) (int, error) { return f.File.Write(append([]byte(nil), b...)) }

func (f honestFile) WriteAt(b []byte, off int64) (int, error) {
	return f.File.WriteAt(append([]byte(nil), b...), off)
}
