package plog

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// failOnce lets the n-th operation fail.
type failOnce struct {
	mu    sync.Mutex
	n     int
	fired bool
}

func (f *failOnce) String() string { return "failOnce" }

func (f *failOnce) MaybeError(errorfs.Op) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n--
	if f.n == 0 {
		f.fired = true
		return errorfs.ErrInjected
	}
	return nil
}

// life is a log's life with all its operations; it returns what was acknowledged since the last reset.
func life(fs vfs.FS, reset bool) (acked []Entry, durable int64, errs []error) {
	note := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	o := Options{FS: fs, FileBytesMax: 300, ReserveBytesMax: -1}
	next := int64(1)
	for range 3 {
		l, err := Open(testDir, o)
		if err != nil {
			note(err)
			continue
		}
		_, err = replayed(l, durable)
		note(err)
		for range 10 {
			e := entry(1, next)
			if err := appendWait(l, e); err == nil {
				acked = append(acked, e)
				next++
			} else {
				note(err)
			}
		}
		if _, err = l.Read(l.FirstDecree(), next, 1<<20); err != ErrGone { // after a reset that failed decrees are missing
			note(err)
		}
		if len(acked) > 15 {
			durable = max(durable, acked[len(acked)-15].Decree)
		}
		note(l.GC(durable))
		if reset && next > 10 && durable < 100 {
			// The store is at next-1; a failed reset may have happened or not.
			next += 100
			note(l.Reset(next - 1))
			acked, durable = nil, next-1
		}
		note(l.Close())
	}
	return acked, durable, errs
}

// TestErrorAtEveryCall lets each file system call fail once: the error is reported as what it is, and a
// log opened afterwards has everything that was acknowledged.
func TestErrorAtEveryCall(t *testing.T) {
	for n := 1; ; n++ {
		fired := errorAtCall(t, n, n%2 == 0)
		if !fired {
			if n < 80 {
				t.Fatalf("only %d calls", n)
			}
			return
		}
	}
}

func errorAtCall(t *testing.T, n int, reset bool) bool {
	mem := newMem(t)
	inj := &failOnce{n: n}
	acked, durable, errs := life(watch(mem, inj), reset)
	for _, err := range errs {
		if IsCorrupt(err) || !errors.Is(err, errorfs.ErrInjected) {
			t.Fatalf("call %d failed, and this came of it: %v", n, err)
		}
	}
	l, err := Open(testDir, Options{FS: mem})
	if err != nil {
		t.Fatalf("call %d failed, later open: %v", n, err)
	}
	got, err := replayed(l, durable)
	mustDo(t, err)
	var want []Entry
	for _, e := range acked {
		if e.Decree > durable {
			want = append(want, e)
		}
	}
	// An append that failed may be in the log all the same, before it came again or behind the rest.
	got = slices.CompactFunc(got, func(a, b Entry) bool { return a.Decree == b.Decree })
	if len(got) < len(want) || len(got) > len(want)+1 || text(got[:len(want)]) != text(want) {
		t.Fatalf("call %d failed: replay gave\n%swant\n%s", n, text(got), text(want))
	}
	mustDo(t, l.Close())
	return inj.fired
}
