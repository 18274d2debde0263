package plog

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/pegasus-go/pegasus/internal/host"
)

// history is what the outside knows of a log: what it appended since the last reset, how much of that
// was acknowledged, and the resets.
type history struct {
	mu       sync.Mutex
	appended []Entry
	acked    int
	durable  int64 // GC was allowed up to here
	resetTo  int64 // of a reset in progress, -1: none
	journal  bool
}

// journalDir is beside the logs below testRoot.
const (
	testRoot   = "/data"
	journalDir = "/data/journal"
)

// openAll opens the log after the journal, if there is one.
func (h *history) openAll(fs vfs.FS, o Options) (*Log, *Journal, error) {
	fs = honest{fs}
	o.FS = fs
	if !h.journal {
		l, err := Open(testDir, o)
		return l, nil, err
	}
	j, err := OpenJournal(journalDir, testRoot, JournalOptions{FS: fs, FileBytesMax: 12_000})
	if err != nil {
		return nil, nil, err
	}
	o.Syncer = NewSyncer(1, host.System)
	o.Syncer.UseJournal(j)
	l, err := Open(testDir, o)
	return l, j, err
}

func closeAll(l *Log, j *Journal) error {
	err := l.Close()
	if j != nil {
		err = errors.Join(err, j.Close())
	}
	return err
}

// check opens a file system as it may be after a crash and compares the log in it with the history:
// all that was acknowledged is there, in order, and nothing that was never appended.
func (h *history) check(fs *vfs.MemFS, acked bool) error {
	l, j, err := h.openAll(fs, Options{})
	if err != nil {
		return err
	}
	got, err := replayed(l, h.durable)
	if err != nil {
		return err
	}
	if h.resetTo >= 0 && l.LastDecree() == h.resetTo && len(got) == 0 {
		return h.reopen(l, j, fs, nil)
	}
	all, need := []Entry{}, 0
	for i, e := range h.appended {
		if e.Decree > h.durable {
			all = append(all, e)
			if acked && i < h.acked {
				need++
			}
		}
	}
	if len(got) < need || len(got) > len(all) || text(got) != text(all[:len(got)]) {
		return fmt.Errorf("%d entries replayed, %d appended, %d acknowledged:\n%s", len(got), len(all), need, text(got))
	}
	return h.reopen(l, j, fs, got)
}

// reopen appends to the recovered log, crashes again without losing anything synced, and compares.
func (h *history) reopen(l *Log, j *Journal, fs *vfs.MemFS, got []Entry) error {
	e := entry(99, max(l.LastDecree(), h.durable)+1)
	if err := appendWait(l, e); err != nil {
		return err
	}
	again, j2, err := h.openAll(fs.CrashClone(vfs.CrashCloneCfg{}), Options{})
	if err != nil {
		return fmt.Errorf("second crash: %w", err)
	}
	second, err := replayed(again, h.durable)
	if err != nil {
		return fmt.Errorf("second crash: %w", err)
	}
	if text(second) != text(append(got, e)) {
		return fmt.Errorf("second crash: replay gave\n%sfirst gave\n%s", text(second), text(got))
	}
	return errors.Join(closeAll(l, j), closeAll(again, j2))
}

// TestCrashAtEveryFileSystemCall runs appends, rotations, collections, recycling, resets and reopening,
// and before each call that changes the file system takes what a crash would leave: only what was
// synced, everything, and random parts of the rest.
func TestCrashAtEveryFileSystemCall(t *testing.T) {
	for _, mode := range []SyncMode{SyncAlways, SyncNone} {
		for seed := range uint64(12) {
			t.Run(fmt.Sprintf("mode=%d/seed=%d", mode, seed), func(t *testing.T) { crashRun(t, mode, false, seed) })
		}
	}
	for seed := range uint64(10) {
		t.Run(fmt.Sprintf("journal/seed=%d", seed), func(t *testing.T) { crashRun(t, SyncAlways, true, seed) })
	}
}

func crashRun(t *testing.T, mode SyncMode, journal bool, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 7))
	kept := rand.New(rand.NewPCG(seed, 8)) // with h.mu held
	mem := newMem(t)
	h := &history{resetTo: -1, journal: journal}
	points := 0
	var failed []error // crash runs on the log's goroutine too, which must not end
	crash := func() {
		points++
		for _, percent := range []int{0, 0, 30, 70, 100} {
			clone := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: kept})
			if err := h.check(clone, mode == SyncAlways || percent == 100); err != nil {
				failed = append(failed, fmt.Errorf("crash point %d, %d %% of unsynced data kept: %w", points, percent, err))
			}
		}
	}
	fs := watch(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			h.mu.Lock()
			defer h.mu.Unlock()
			crash()
		}
		return nil
	}))
	o := Options{FS: fs, Sync: mode, FileBytesMax: 9000, ReserveBytesMax: -1}
	l, j, err := h.openAll(fs, o)
	mustDo(t, err)
	steps := &crashSteps{t: t, h: h, rng: rng, l: l, j: j, o: o, ballot: 1}
	for range 60 {
		steps.step()
		h.mu.Lock()
		if len(failed) > 0 {
			t.Fatal(failed[0])
		}
		h.mu.Unlock()
	}
	mustDo(t, closeAll(steps.l, steps.j))
	h.mu.Lock()
	defer h.mu.Unlock()
	crash()
	if len(failed) > 0 {
		t.Fatal(failed[0])
	}
	if points < 50 {
		t.Fatalf("only %d crash points", points)
	}
}

type crashSteps struct {
	t      *testing.T
	h      *history
	rng    *rand.Rand
	l      *Log
	j      *Journal
	o      Options
	ballot int64
	last   int64
}

func (s *crashSteps) step() {
	switch n := s.rng.IntN(20); {
	case n == 0:
		s.again()
	case n == 1:
		s.reset()
	case n <= 4:
		s.h.mu.Lock()
		// Everything acknowledged may be durable in the store.
		if s.h.acked > 0 {
			s.h.durable = max(s.h.durable, s.h.appended[s.h.acked-1].Decree-5)
		}
		durable := s.h.durable
		s.h.mu.Unlock()
		mustDo(s.t, s.l.GC(durable))
	default:
		s.append()
	}
}

// again closes the log and opens it, as a replica does; every other time the journal too, as a server does.
func (s *crashSteps) again() {
	var err error
	if s.j == nil || s.rng.IntN(2) == 0 {
		mustDo(s.t, closeAll(s.l, s.j))
		s.l, s.j, err = s.h.openAll(s.o.FS, s.o)
	} else {
		o := s.o
		o.FS, o.Syncer = s.l.fs, s.l.o.Syncer
		mustDo(s.t, s.l.Close())
		s.l, err = Open(testDir, o)
	}
	mustDo(s.t, err)
}

func (s *crashSteps) append() {
	if s.rng.IntN(6) == 0 {
		s.ballot++
		s.last = max(s.last-s.rng.Int64N(4), s.h.durable)
	}
	es := entries(s.ballot, s.last+1, s.last+1+s.rng.Int64N(3))
	for i := range es {
		es[i].Data = append(es[i].Data, make([]byte, s.rng.IntN(1500))...)
	}
	s.last += int64(len(es))
	s.h.mu.Lock()
	s.h.appended = append(s.h.appended, es...)
	n := len(s.h.appended)
	s.h.mu.Unlock()
	mustDo(s.t, appendWait(s.l, es...))
	s.h.mu.Lock()
	s.h.acked = n
	s.h.mu.Unlock()
}

func (s *crashSteps) reset() {
	to := s.last + 1000
	s.h.mu.Lock()
	s.h.resetTo = to
	s.h.mu.Unlock()
	mustDo(s.t, s.l.Reset(to))
	s.h.mu.Lock()
	s.h.appended, s.h.acked, s.h.durable, s.h.resetTo = nil, 0, to, -1
	s.h.mu.Unlock()
	s.last = to
}
