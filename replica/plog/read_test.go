package plog

import (
	"math/rand/v2"
	"testing"
)

func wantRead(t *testing.T, l *Log, from, to int64, bytesMax int, want []Entry) {
	t.Helper()
	got, err := l.Read(from, to, bytesMax)
	mustDo(t, err)
	if text(got) != text(want) {
		t.Fatalf("read %d..%d gave\n%swant\n%s", from, to, text(got), text(want))
	}
}

func TestReadGivesTheVersionAppendedLast(t *testing.T) {
	fs := newMem(t)
	l := mustOpen(t, Options{FS: fs, FileBytesMax: 400})
	mustDo(t, appendWait(l, entries(1, 1, 20)...))
	mustDo(t, appendWait(l, entries(2, 15, 30)...))
	mustDo(t, appendWait(l, entries(4, 29, 33)...))
	want := append(append(entries(1, 1, 14), entries(2, 15, 28)...), entries(4, 29, 33)...)
	check := func() {
		wantRead(t, l, 1, 100, 1<<20, want)
		wantRead(t, l, 14, 16, 1<<20, want[13:16])
		wantRead(t, l, 28, 29, 1<<20, want[27:29])
		wantRead(t, l, 34, 40, 1<<20, nil)
		wantRead(t, l, 5, 30, 1, want[4:5])
		wantRead(t, l, 5, 30, 3*40, want[4:7])
		if _, err := l.Read(0, 10, 100); err != ErrGone {
			t.Fatalf("read from 0: %v", err)
		}
	}
	check()
	mustDo(t, l.Close())
	l = mustOpen(t, Options{FS: fs})
	check()
	mustDo(t, l.Close())
}

func TestReadEndsAtAGap(t *testing.T) {
	l := mustOpen(t, Options{FS: newMem(t)})
	mustDo(t, appendWait(l, entries(1, 10, 20)...))
	if _, err := l.Read(5, 20, 1<<20); err != ErrGone {
		t.Fatalf("read of a decree that was never logged: %v", err)
	}
	mustDo(t, appendWait(l, entries(1, 5, 7)...)) // a learner's cache may arrive after the prepares
	wantRead(t, l, 5, 20, 1<<20, entries(1, 5, 7))
	wantRead(t, l, 12, 20, 1<<20, entries(1, 12, 20))
	mustDo(t, l.Close())
}

// A model: the newest version of each decree in a map. Decrees go back by up to a window when the
// ballot grows, as they do in a replica.
func TestReadAgreesWithAModel(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		fs := newMem(t)
		o := Options{FS: fs, FileBytesMax: 64 << 10, Sync: SyncNone}
		l := mustOpen(t, o)
		model := map[int64]Entry{}
		last, ballot := int64(0), int64(1)
		for step := range 300 {
			if step%20 == 19 {
				ballot++
				last = max(last-rng.Int64N(30), 0)
			}
			n := rng.Int64N(20) + 1
			var es []Entry
			for d := last + 1; d <= last+n; d++ {
				e := Entry{Ballot: ballot, Decree: d, Data: make([]byte, rng.IntN(800))}
				e.Data = append(e.Data, byte(ballot))
				es = append(es, e)
				model[d] = e
			}
			last += n
			mustDo(t, appendWait(l, es...))
			if step == 150 {
				mustDo(t, l.Close())
				l = mustOpen(t, o)
			}
		}
		for range 50 {
			from := rng.Int64N(l.LastDecree()) + 1
			bytesMax := int64(rng.IntN(30000))
			var want []Entry
			sum := int64(0)
			for d := from; d <= l.LastDecree(); d++ {
				if sum += entryBytes(model[d]); sum > bytesMax && len(want) > 0 {
					break
				}
				want = append(want, model[d])
			}
			got, err := l.Read(from, l.LastDecree(), int(bytesMax))
			mustDo(t, err)
			// Versions that were replaced later count while Read decides where to end: it may give less.
			if len(got) == 0 || len(got) > len(want) || text(got) != text(want[:len(got)]) {
				t.Fatalf("read from %d: %d entries, the model has %d", from, len(got), len(want))
			}
		}
		var all []Entry
		for d := int64(1); d <= l.LastDecree(); d++ {
			all = append(all, model[d])
		}
		wantRead(t, l, 1, l.LastDecree(), 1<<30, all)
		mustDo(t, l.Close())
	}
}

func TestReadBoundsWhatItKeeps(t *testing.T) {
	l := mustOpen(t, Options{FS: newMem(t), Sync: SyncNone})
	data := make([]byte, 10<<10)
	for d := int64(1); d <= 1000; d++ {
		l.Append([]Entry{{Ballot: 1, Decree: d, Data: data}}, nil)
	}
	mustDo(t, appendWait(l))
	c := collector{from: 1, to: 1000, bytesMax: 100 << 10, newest: map[int64]Entry{}}
	l.mu.Lock()
	views := l.pin(1)
	l.mu.Unlock()
	defer l.unpin(views)
	for i := range views {
		mustDo(t, l.collect(&views[i], &c))
	}
	if c.bytes > 3*c.bytesMax || len(c.contiguous()) != 9 {
		t.Fatalf("kept %d bytes, answered %d entries", c.bytes, len(c.contiguous()))
	}
}
