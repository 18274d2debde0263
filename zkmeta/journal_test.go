package zkmeta

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

const testDir = "state"

var quiet = slog.New(slog.DiscardHandler)

const testBytesMax = 1 << 20

// step is what the tests write: step i makes node /k<i> and counts in /n.
func step(i int) []Op {
	ops := []Op{
		{Kind: OpCreate, Path: fmt.Sprintf("/k%d", i), Data: []byte(strings.Repeat("d", i%7*11))},
		{Kind: OpSet, Path: "/n", Data: []byte(fmt.Sprint(i))},
	}
	if i == 1 {
		ops[1].Kind = OpCreate
	}
	return ops
}

func stepPayload(i int) []byte {
	var b []byte
	for _, op := range step(i) {
		b = appendOp(b, op)
	}
	return b
}

func doStep(j *journal, t *tree, i int) error {
	if err := t.applyAll(step(i)); err != nil {
		return err
	}
	return j.append(stepPayload(i))
}

// stepsIn says how many steps a tree holds, and fails when it holds parts of one.
func stepsIn(t *testing.T, tr *tree) int {
	t.Helper()
	n := 0
	if data, err := tr.get("/n"); err == nil {
		fmt.Sscan(string(data), &n)
	}
	want := newTree(testBytesMax)
	for i := 1; i <= n; i++ {
		if err := want.applyAll(step(i)); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := dump(tr), dump(want); got != want {
		t.Fatalf("state after %d steps is\n%s\nwant\n%s", n, got, want)
	}
	if tr.nodes != want.nodes || tr.bytes != want.bytes {
		t.Fatalf("counted %d nodes, %d bytes; want %d, %d", tr.nodes, tr.bytes, want.nodes, want.bytes)
	}
	return n
}

func dump(tr *tree) string {
	var b strings.Builder
	tr.walk(func(path string, data []byte) error {
		fmt.Fprintf(&b, "%s=%s\n", path, data)
		return nil
	})
	return b.String()
}

func mustOpen(t testing.TB, fs vfs.FS) (*journal, *tree) {
	t.Helper()
	j, tr, err := openJournal(fs, testDir, testBytesMax, quiet)
	if err != nil {
		t.Fatal(err)
	}
	return j, tr
}

// written returns a file system with a snapshot of steps 1..before and a log of
// the steps up to n, and the sizes of that log after each of them.
func written(t *testing.T, before, n int) (fs *vfs.MemFS, logFile string, ends []int64) {
	t.Helper()
	fs = vfs.NewMem()
	if err := fs.MkdirAll(testDir, 0o755); err != nil {
		t.Fatal(err)
	}
	j, tr := mustOpen(t, fs)
	for i := 1; i <= n; i++ {
		if i == before+1 {
			if err := j.rotate(tr); err != nil {
				t.Fatal(err)
			}
			ends = append(ends, j.logBytes)
		}
		if err := doStep(j, tr, i); err != nil {
			t.Fatal(err)
		}
		if i > before {
			ends = append(ends, j.logBytes)
		}
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	return fs, fs.PathJoin(testDir, logName(j.generation)), ends
}

func readAll(t *testing.T, fs vfs.FS, name string) []byte {
	t.Helper()
	j := journal{fs: fs, dir: ""}
	b, err := j.read(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeAll(t *testing.T, fs vfs.FS, name string, b []byte) {
	t.Helper()
	f, err := fs.Create(name, fileCategory)
	if err == nil {
		_, err = f.Write(slices.Clone(b)) // MemFS may scribble over what it was given
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

func copyDir(t *testing.T, from vfs.FS) *vfs.MemFS {
	t.Helper()
	to := vfs.NewMem()
	names, err := from.List(testDir)
	if err != nil {
		t.Fatal(err)
	}
	to.MkdirAll(testDir, 0o755)
	for _, n := range names {
		p := to.PathJoin(testDir, n)
		writeAll(t, to, p, readAll(t, from, p))
	}
	return to
}

// A log cut anywhere gives the steps whose frames are whole, and can be written
// on from there.
func TestLogCutAtEveryByte(t *testing.T) {
	const before, n = 3, 9
	fs, logFile, ends := written(t, before, n)
	log := readAll(t, fs, logFile)
	for size := headerBytes; size <= len(log); size++ {
		cut := copyDir(t, fs)
		writeAll(t, cut, logFile, log[:size])
		j, tr := mustOpen(t, cut)
		want := before
		for i, end := range ends {
			if int64(size) >= end {
				want = before + i
			}
		}
		if got := stepsIn(t, tr); got != want {
			t.Fatalf("cut at byte %d of %d: %d steps, want %d", size, len(log), got, want)
		}
		if err := doStep(j, tr, want+1); err != nil {
			t.Fatal(err)
		}
		j.close()
		_, tr = mustOpen(t, cut)
		if got := stepsIn(t, tr); got != want+1 {
			t.Fatalf("cut at byte %d, then written: %d steps, want %d", size, got, want+1)
		}
	}
}

// A flipped bit anywhere but in the last frame is reported. In the last frame it
// cannot be told from a torn write: the frame is cut.
func TestEveryFlippedByteIsNoticed(t *testing.T) {
	const before, n = 3, 6
	fs, logFile, ends := written(t, before, n)
	snapFile := strings.TrimSuffix(logFile, ".log") + ".snap"
	lastFrame := int(ends[len(ends)-2])
	for _, name := range []string{logFile, snapFile} {
		whole := readAll(t, fs, name)
		for at := range whole {
			if at >= 36 && at < headerBytes {
				continue // reserved bytes of the header
			}
			bad := copyDir(t, fs)
			b := append([]byte(nil), whole...)
			b[at] ^= 0x10
			writeAll(t, bad, name, b)
			_, tr, err := openJournal(bad, testDir, testBytesMax, quiet)
			if name == logFile && at >= lastFrame {
				if err != nil {
					t.Fatalf("last frame damaged at byte %d: %v", at, err)
				}
				if got := stepsIn(t, tr); got != n-1 {
					t.Fatalf("last frame damaged at byte %d: %d steps, want %d", at, got, n-1)
				}
				continue
			}
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%s damaged at byte %d: %v, want ErrCorrupt", name, at, err)
			}
		}
	}
}

func TestMissingFilesAreReported(t *testing.T) {
	for _, ext := range []string{".log", ".snap"} {
		fs, logFile, _ := written(t, 2, 5)
		if err := fs.Remove(strings.TrimSuffix(logFile, ".log") + ext); err != nil {
			t.Fatal(err)
		}
		if _, _, err := openJournal(fs, testDir, testBytesMax, quiet); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("without its %s: %v, want ErrCorrupt", ext, err)
		}
	}
}

// Whatever the file system had not synced may be lost at any moment: what was
// answered is there afterwards, and nothing in parts.
func TestCrashAtEveryFileOperation(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) { crashEverywhere(t, seed) })
	}
}

func crashEverywhere(t *testing.T, seed uint64) {
	type crash struct {
		fs    *vfs.MemFS
		acked int
	}
	rng := rand.New(rand.NewPCG(seed, 7))
	mem := vfs.NewCrashableMem()
	mem.MkdirAll(testDir, 0o755)
	if d, err := mem.OpenDir("/"); err == nil {
		d.Sync() // the directory itself is there before the store is opened
		d.Close()
	}
	acked := 0
	var crashes []crash
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			percent := []int{0, 30, 70, 100}[rng.IntN(4)]
			crashes = append(crashes, crash{mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng}), acked})
		}
		return nil
	}))
	const n = 12
	j, tr := mustOpen(t, fs)
	for i := 1; i <= n; i++ {
		if rng.IntN(4) == 0 {
			if err := j.rotate(tr); err != nil {
				t.Fatal(err)
			}
		}
		if err := doStep(j, tr, i); err != nil {
			t.Fatal(err)
		}
		acked = i
	}
	if len(crashes) < 2*n {
		t.Fatalf("only %d crash points", len(crashes))
	}
	for i, c := range crashes {
		j, tr, err := openJournal(c.fs, testDir, testBytesMax, quiet)
		if err != nil {
			t.Fatalf("crash %d of %d, %d steps answered: %v", i, len(crashes), c.acked, err)
		}
		if got := stepsIn(t, tr); got != c.acked && got != c.acked+1 {
			t.Fatalf("crash %d: %d steps, %d were answered", i, got, c.acked)
		}
		j.close()
	}
}

// After one failed write or sync the journal writes nothing more, and what was
// answered before is intact.
func TestFailedFileOperationEndsTheJournal(t *testing.T) {
	for fail := range int32(200) {
		mem := vfs.NewMem()
		mem.MkdirAll(testDir, 0o755)
		index := errorfs.OnIndex(fail)
		failing := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() != errorfs.OpIsWrite || op.Kind == errorfs.OpRemove {
				return nil
			}
			return index.MaybeError(op)
		}))
		acked := 0
		j, tr, err := openJournal(failing, testDir, testBytesMax, quiet)
		for i := 1; err == nil && i <= 8; i++ {
			if i%3 == 0 {
				err = j.rotate(tr)
			}
			if err == nil {
				err = doStep(j, tr, i)
			}
			if err == nil {
				acked = i
			}
		}
		if err == nil {
			return // fewer operations than fail: all were tried
		}
		if j != nil {
			if again := j.append(stepPayload(99)); again == nil {
				t.Fatalf("failure %d: the journal went on after %v", fail, err)
			}
		}
		_, tr = mustOpen(t, mem)
		if got := stepsIn(t, tr); got != acked && got != acked+1 {
			t.Fatalf("failure %d: %d steps, %d were answered", fail, got, acked)
		}
	}
	t.Fatal("the workload has more operations than were tried")
}

func TestOldGenerationsAreDropped(t *testing.T) {
	fs, _, _ := written(t, 0, 1)
	for range 5 {
		j, _ := mustOpen(t, fs)
		j.close()
	}
	names, err := fs.List(testDir)
	if err != nil || len(names) != 4 {
		t.Fatalf("%v, %v: want two generations of two files", names, err)
	}
}

func TestStateLimit(t *testing.T) {
	tr := newTree(10_000)
	big := make([]byte, 4000)
	if err := tr.applyAll([]Op{{OpCreate, "/a", big}, {OpCreate, "/b", big}}); err != nil {
		t.Fatal(err)
	}
	before := tr.bytes
	if err := tr.applyAll([]Op{{Kind: OpDelete, Path: "/a"}, {OpCreate, "/c", big}, {OpCreate, "/d", big}}); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("%v, want ErrTooLarge", err)
	}
	if tr.bytes != before || tr.find("/a") == nil {
		t.Fatalf("not taken back: %d bytes, were %d", tr.bytes, before)
	}
}
