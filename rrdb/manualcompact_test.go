package rrdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

func clockOf(ms int64) func() time.Time { return func() time.Time { return time.UnixMilli(ms) } }

// What a manual compaction leaves behind is its time, which survives, and the same rows.
func TestManualCompactionIsRemembered(t *testing.T) {
	r := newRig(t)
	if ms, err := r.s.CompactedMs(); ms != 0 || err != nil {
		t.Fatalf("%d, %v before the first", ms, err)
	}
	if err := r.s.CompactManually(ctxb, true, clockOf(1)); err != nil {
		t.Fatalf("of an empty store: %v", err)
	}
	for i := range 50 {
		r.put("h", fmt.Sprint(i), "v")
	}
	want := r.digest()
	for i, force := range []bool{false, true} {
		at := int64(1_700_000_000_123 + i)
		if err := r.s.CompactManually(ctxb, force, clockOf(at)); err != nil {
			t.Fatal(err)
		}
		if got := r.digest(); got != want {
			t.Errorf("force %v: %+v, want %+v", force, got, want)
		}
		r.reopen()
		if ms, err := r.s.CompactedMs(); ms != at || err != nil {
			t.Errorf("force %v: %d, %v after a restart, want %d", force, ms, err, at)
		}
		if got := r.digest(); got != want {
			t.Errorf("force %v: %+v after a restart, want %+v", force, got, want)
		}
	}
}

// Rows that stand alone at the bottom are rewritten only when that is wanted.
func TestForcedCompactionRewritesTheBottom(t *testing.T) {
	r := newRig(t)
	r.put("h", "s", "v")
	tables := func() (names []string) {
		levels, err := r.s.db.SSTables()
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range levels[6] {
			if bytes.Compare(table.Smallest.UserKey, dataEnd) < 0 {
				names = append(names, fmt.Sprint(table.FileNum))
			}
		}
		return names
	}
	compacted := func(force bool) string {
		if err := r.s.CompactManually(ctxb, force, clockOf(1)); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(tables())
	}
	compacted(true)
	before := compacted(true)
	if after := compacted(true); before == after || before == "[]" {
		t.Errorf("tables %v at the bottom before a forced compaction and %v after it", before, after)
	}
}

// A compaction waits for its turn to write, a flush does not, and a store that closes waits for neither.
func TestCompactionsArePaced(t *testing.T) {
	p := newPace(1)
	ctx, cancel := context.WithCancel(ctxb)
	p.take(ctx, paceBurstBytes, always)
	waited := make(chan struct{})
	go func() {
		p.take(ctx, 3*paceBurstBytes, always) // years
		close(waited)
	}()
	select {
	case <-waited:
		t.Fatal("a second's worth and more was written at once")
	case <-time.After(20 * time.Millisecond):
	}
	cancel()
	<-waited
	newPace(-1).take(ctxb, 1<<40, always)
	slow := newRig(t, func(o *EngineOptions) { o.ManualCompactionBytesPerSecond = 1 })
	slow.put("h", "s", "v")
	if slow.s.manual.Load() {
		t.Error("a store is paced without an order")
	}
	end := slow.s.paceManual()
	if !slow.s.manual.Load() {
		t.Error("a store is not paced during an order")
	}
	if end(); slow.s.manual.Load() {
		t.Error("a store is paced after an order")
	}

	r := newRig(t, func(o *EngineOptions) { o.CompactionBytesPerSecond = 1 })
	for name, category := range map[string]bool{"a.sst": true, "b.sst": false} {
		c := compactionCategory
		if !category {
			c = "pebble-memtable-flush"
		}
		file, err := fence{FS: r.fs, s: r.s}.Create(name, c)
		if err != nil {
			t.Fatal(err)
		}
		if _, paced := file.(pacedFile); paced != category {
			t.Errorf("%s: paced %v", c, paced)
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}
	for i := range 100 {
		r.put("h", fmt.Sprint(i), string(make([]byte, 100_000)))
	}
	if err := r.s.Flush(); err != nil {
		t.Fatal(err) // ten years later if flushes were paced
	}
}

// countFS counts what compactions write.
type countFS struct {
	vfs.FS
	compacted atomic.Int64
}

func (c *countFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := c.FS.Create(name, category)
	if category == compactionCategory && err == nil {
		return countFile{file, c}, nil
	}
	return file, err
}

type countFile struct {
	vfs.File
	fs *countFS
}

func (f countFile) Write(b []byte) (int, error) {
	f.fs.compacted.Add(int64(len(b)))
	return f.File.Write(b)
}

// noise fills the store with rows that cannot be compressed.
func (r *rig) noise(rows, valueBytes int) {
	r.Helper()
	source, value := rand.NewChaCha8([32]byte{}), make([]byte, valueBytes)
	for i := range rows {
		source.Read(value)
		r.put("h", fmt.Sprintf("%04d", i), string(value))
	}
}

// A store that closes does not wait for a compaction that was ordered: it cuts it short, the rows are as before, and the order is not
// counted as carried out.
func TestCloseCutsAManualCompactionShort(t *testing.T) {
	const rows, valueBytes = 200, 100_000
	fs := &countFS{FS: vfs.NewMem()}
	r := newRigOn(t, fs, func(o *EngineOptions) { o.ManualCompactionBytesPerSecond = 1 }) // some months
	r.noise(rows, valueBytes)
	want := r.digest()
	if err := r.s.Flush(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "compactions of what was flushed end", func() bool { return r.s.db.Metrics().Compact.NumInProgress == 0 })
	before := fs.compacted.Load()
	compacted := make(chan error)
	go func() { compacted <- r.s.CompactManually(ctxb, true, clockOf(1)) }()
	eventually(t, "the compaction writes", func() bool { return r.s.manual.Load() && fs.compacted.Load() > before })
	if err := r.s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-compacted; !IsClosed(err) {
		t.Errorf("the compaction ended with %v", err)
	}
	if n := fs.compacted.Load() - before; n > rows*valueBytes/2 {
		t.Errorf("%d bytes were written", n)
	}

	after := newRigOn(t, fs)
	if ms, err := after.s.CompactedMs(); ms != 0 || err != nil {
		t.Errorf("%d, %v: the compaction counts as done", ms, err)
	}
	if got := after.digest(); got != want {
		t.Errorf("%+v after a restart, want %+v", got, want)
	}
	if err := after.s.CompactManually(ctxb, true, clockOf(2)); err != nil {
		t.Fatal(err)
	}
	if ms, err := after.s.CompactedMs(); ms != 2 || err != nil {
		t.Errorf("%d, %v after the compaction was run again", ms, err)
	}
}

// A compaction that finds nothing to write ends, too.
func TestCompactionsReadNothingAfterTheEnd(t *testing.T) {
	r := newRig(t)
	r.put("h", "s", "v")
	if err := r.s.Flush(); err != nil {
		t.Fatal(err)
	}
	tables, err := r.s.db.SSTables()
	if err != nil {
		t.Fatal(err)
	}
	file, err := fence{FS: r.fs, s: r.s}.Open(fmt.Sprintf("db/%s.sst", tables[0][0].FileNum))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	b := make([]byte, 1)
	if _, err := file.ReadAt(b, 0); err != nil {
		t.Error(err)
	}
	if err := r.s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := file.ReadAt(b, 0); !errors.Is(err, errCutShort) {
		t.Errorf("read after the end: %v", err)
	}
}

// TestCloseWhereWritesAreStalled: flushes wait for compactions once too many tables lie in the youngest level, so a store that closes
// must not cut those short before it has flushed.
func TestCloseWhereWritesAreStalled(t *testing.T) {
	r := newRig(t, func(o *EngineOptions) { o.CompactionBytesPerSecond = 1 })
	rng := rand.NewChaCha8([32]byte{})
	value := make([]byte, 150_000)
	written := make(chan struct{})
	go func() {
		defer close(written)
		for decree := r.s.LastApplied() + 1; ; decree++ {
			rng.Read(value)
			req := &rrdb.UpdateRequest{Key: base.BlobOf(rawKey("h", fmt.Sprint(decree%3))), Value: blob(string(value))}
			if r.s.Apply(decree, decree, 0, []Update{{OpPut, body(1, req)}}, nil) != nil {
				return
			}
			if decree%3 == 0 && r.s.Flush() != nil {
				return
			}
		}
	}()
	for stalled := func() bool { return r.s.db.Metrics().Levels[0].Sublevels >= 60 }; !stalled(); {
		time.Sleep(10 * time.Millisecond)
	}
	if err := r.s.Close(); err != nil {
		t.Error(err)
	}
	<-written
}

// Compactions take their time until flushes pile up on a store; then they catch up.
func TestCompactionsHurryForAStoreThatIsBehind(t *testing.T) {
	r := newRig(t, func(o *EngineOptions) { o.GentleCompactionBytesPerSecond = 1 }) // some months
	sublevels := func() int { return int(r.s.db.Metrics().Levels[0].Sublevels) }
	flush := func() {
		t.Helper()
		r.noise(20, 100_000)
		if err := r.s.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	for n := 0; sublevels() < behindSublevels; n++ {
		if flush(); n > 10*behindSublevels {
			t.Fatal("compactions keep up, however slow they should be")
		}
	}
	eventually(t, "the compactions to catch up", func() bool { return sublevels() < behindSublevels })
	flush()
	eventually(t, "the compactions to take their time again", r.e.keepsUp)
	r.s.setBehind(true)
	if r.s.Close(); r.e.behind.Load() != 0 {
		t.Error("a closed store is behind")
	}
	r.s = nil
	var blind Engine
	long := time.Now().Add(-time.Hour)
	if blind.lastLook.Store(&long); blind.keepsUp() {
		t.Error("compactions take their time while nobody looks how stores keep up")
	}
}
