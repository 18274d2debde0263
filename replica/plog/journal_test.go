package plog

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/pegasus-go/pegasus/internal/host"
	"github.com/pegasus-go/pegasus/sim/faultfs"
)

// journaled is a group of logs that share a journal.
type journaled struct {
	t    *testing.T
	disk *faultfs.Disk
	j    *Journal
	o    Options
	logs []*Log
	dirs []string

	journalBytes int64 // of a file of the journal
}

func newJournaled(t *testing.T, n int) *journaled {
	return newJournaledIn(t, n, 20_000)
}

func newJournaledIn(t *testing.T, n int, journalBytes int64) *journaled {
	g := &journaled{t: t, disk: faultfs.New(faultfs.Options{}), journalBytes: journalBytes}
	for i := range n {
		dir := fmt.Sprintf("%s/1.%d.pegasus", testRoot, i)
		mustDo(t, g.disk.MkdirAll(dir, 0o755))
		for _, d := range []string{"/", testRoot, dir} {
			mustDo(t, syncDir(g.disk, d))
		}
		g.dirs = append(g.dirs, dir+"/plog")
	}
	g.open()
	return g
}

func (g *journaled) open() {
	g.t.Helper()
	var err error
	g.j, err = OpenJournal(journalDir, testRoot, JournalOptions{FS: g.disk, FileBytesMax: g.journalBytes})
	mustDo(g.t, err)
	g.o = Options{FS: g.disk, FileBytesMax: 8_000, PreallocBytes: 4096, ReserveBytesMax: -1, Syncer: NewSyncer(2, host.System)}
	g.o.Syncer.UseJournal(g.j)
	g.logs = nil
	for _, dir := range g.dirs {
		l, err := Open(dir, g.o)
		mustDo(g.t, err)
		g.logs = append(g.logs, l)
	}
}

func (g *journaled) close() {
	g.t.Helper()
	for _, l := range g.logs {
		mustDo(g.t, l.Close())
	}
	mustDo(g.t, g.j.Close())
}

// after is the same logs on what a power loss left, with all that was not synced gone.
func (g *journaled) after(o faultfs.CrashOptions, rng *rand.Rand) *journaled {
	next := &journaled{t: g.t, disk: g.disk.Clone(rng, o), dirs: g.dirs, journalBytes: g.journalBytes}
	next.open()
	return next
}

func (g *journaled) want(i int, want []Entry) {
	g.t.Helper()
	wantReplay(g.t, g.logs[i], 0, want)
}

func TestJournalKeepsWhatLogsLose(t *testing.T) {
	g := newJournaled(t, 3)
	defer g.close()
	before := g.o.Syncer.Metrics().Syncs
	for i, l := range g.logs {
		mustDo(t, appendWait(l, entries(1, 1, 5)...))
		if l.synced == l.durable {
			t.Errorf("log %d was synced", i)
		}
	}
	if got := g.o.Syncer.Metrics().Syncs - before; got != 3+3 { // one for each file begun
		t.Errorf("%d syncs", got)
	}
	lost := g.after(faultfs.CrashOptions{Entries: faultfs.EntriesKept}, nil)
	for i := range lost.logs {
		lost.want(i, entries(1, 1, 5))
	}
	mustDo(t, appendWait(lost.logs[1], entry(2, 6)))
	again := lost.after(faultfs.CrashOptions{}, nil)
	again.want(1, append(entries(1, 1, 5), entry(2, 6)))
	again.want(0, entries(1, 1, 5))
	again.close()
	lost.close()
}

// TestJournalRounds: appends of many logs that come while a sync is in progress share the next one.
func TestJournalRounds(t *testing.T) {
	g := newJournaled(t, 8)
	defer g.close()
	for _, l := range g.logs {
		mustDo(t, appendWait(l, entry(1, 1)))
	}
	hold, held := make(chan struct{}), make(chan struct{})
	var once sync.Once
	g.disk.Fail(func(op faultfs.Op) error {
		if op.Kind == faultfs.OpSyncData && strings.HasPrefix(op.Path, journalDir) {
			once.Do(func() { close(held); <-hold })
		}
		return nil
	})
	before := g.o.Syncer.Metrics().Syncs
	done := make(chan error, 16)
	g.logs[0].Append([]Entry{entry(1, 2)}, func(err error) { done <- err })
	select {
	case <-held:
	case err := <-done:
		close(hold)
		t.Fatalf("acknowledged before the journal is synced: %v", err)
	}
	for _, l := range g.logs {
		l.Append([]Entry{entry(1, 3)}, func(err error) { done <- err })
	}
	close(hold)
	for range 9 {
		mustDo(t, <-done)
	}
	if got := g.o.Syncer.Metrics().Syncs - before; got > 3 { // log 0 may go on alone before the others
		t.Errorf("%d syncs for 9 appends to 8 logs", got)
	}
}

// A journal that fails is no reason for a log to fail.
func TestJournalFailure(t *testing.T) {
	g := newJournaled(t, 2)
	mustDo(t, appendWait(g.logs[0], entries(1, 1, 3)...))
	g.disk.Fail(func(op faultfs.Op) error {
		if strings.HasPrefix(op.Path, journalDir+"/") {
			return syscall.EIO
		}
		return nil
	})
	for _, l := range g.logs {
		for d := int64(4); d <= 40; d++ {
			mustDo(t, appendWait(l, entry(1, d)))
		}
	}
	for _, l := range g.logs {
		mustDo(t, l.Close())
	}
	if err := g.j.Close(); !errors.Is(err, syscall.EIO) {
		t.Errorf("closing a journal that could not be settled: %v", err)
	}
	lost := g.after(faultfs.CrashOptions{Entries: faultfs.EntriesKept}, nil)
	defer lost.close()
	lost.want(0, append(entries(1, 1, 3), entries(1, 4, 40)...))
	lost.want(1, entries(1, 4, 40))
}

// A log whose file cannot be completed must not be opened without what it acknowledged.
func TestJournalCannotComplete(t *testing.T) {
	g := newJournaled(t, 2)
	for _, l := range g.logs {
		mustDo(t, appendWait(l, entries(1, 1, 3)...))
	}
	disk := g.disk.Clone(nil, faultfs.CrashOptions{})
	g.close()
	bad := g.dirs[1]
	disk.Fail(func(op faultfs.Op) error {
		if op.Kind == faultfs.OpWriteAt && strings.HasPrefix(op.Path, bad) {
			return syscall.EIO
		}
		return nil
	})
	for range 2 {
		j, err := OpenJournal(journalDir, testRoot, JournalOptions{FS: disk, FileBytesMax: 20_000})
		mustDo(t, err)
		o := Options{FS: disk, Syncer: NewSyncer(1, host.System)}
		o.Syncer.UseJournal(j)
		if _, err := Open(bad, o); !errors.Is(err, syscall.EIO) {
			t.Fatalf("open: %v", err)
		}
		l, err := Open(g.dirs[0], o)
		mustDo(t, err)
		wantReplay(t, l, 0, entries(1, 1, 3))
		mustDo(t, l.Close())
		mustDo(t, j.Close())
	}
	disk.Fail(nil)
	j, err := OpenJournal(journalDir, testRoot, JournalOptions{FS: disk, FileBytesMax: 20_000})
	mustDo(t, err)
	o := Options{FS: disk, Syncer: NewSyncer(1, host.System)}
	o.Syncer.UseJournal(j)
	l, err := Open(bad, o)
	mustDo(t, err)
	wantReplay(t, l, 0, entries(1, 1, 3))
	mustDo(t, l.Close())
	mustDo(t, j.Close())
}

// Blocks of a directory that was removed are not written to another one of the same name.
func TestJournalTellsDirectoriesApart(t *testing.T) {
	g := newJournaled(t, 1)
	mustDo(t, appendWait(g.logs[0], entries(1, 1, 3)...))
	mustDo(t, g.logs[0].Close())
	mustDo(t, g.disk.RemoveAll(g.dirs[0]))
	mustDo(t, syncDir(g.disk, g.disk.PathDir(g.dirs[0])))
	l, err := Open(g.dirs[0], g.o)
	mustDo(t, err)
	g.logs[0] = l
	large := Entry{Ballot: 7, Decree: 1, Data: make([]byte, g.j.recordMax())} // is not in the journal, to be written after the old ones
	mustDo(t, appendWait(l, large))
	lost := g.after(faultfs.CrashOptions{}, nil)
	lost.want(0, []Entry{large})
	lost.close()
	g.close()
}

// A checker sees a log as it will be once the journal was repeated.
func TestInspectWithJournal(t *testing.T) {
	g := newJournaled(t, 2)
	for _, l := range g.logs {
		for d := int64(1); d <= 60; d++ {
			mustDo(t, appendWait(l, Entry{Ballot: 1, Decree: d, Data: make([]byte, 100)}))
		}
	}
	disk := g.disk.Clone(nil, faultfs.CrashOptions{})
	g.close()
	fs, state, err := WithJournal(disk, journalDir, testRoot)
	mustDo(t, err)
	if state.Logs < 2 || state.Bytes == 0 || state.Damaged != 0 {
		t.Errorf("journal: %+v", state)
	}
	changes := 0
	disk.Fail(func(op faultfs.Op) error {
		if op.Kind == faultfs.OpWrite || op.Kind == faultfs.OpWriteAt || op.Kind == faultfs.OpCreate {
			changes++
		}
		return nil
	})
	for _, dir := range g.dirs {
		i, err := Inspect(dir, Options{FS: fs}, nil)
		mustDo(t, err)
		if i.Entries != 60 || i.Last != 60 || i.TailCut {
			t.Errorf("%s: %+v", dir, i)
		}
	}
	if changes > 0 {
		t.Errorf("%d changes", changes)
	}
}

// Damage in the middle of the journal is noticed: what stood there may have been acknowledged.
func TestJournalDamaged(t *testing.T) {
	g := newJournaled(t, 2)
	for d := int64(1); d <= 6; d++ {
		for _, l := range g.logs {
			mustDo(t, appendWait(l, entry(1, d)))
		}
	}
	disk := g.disk.Clone(nil, faultfs.CrashOptions{})
	path := g.j.path
	g.close()
	f, err := disk.OpenReadWrite(path, writeCategory)
	mustDo(t, err)
	_, err = f.WriteAt([]byte{0xff}, fileHeaderLen+blockHeaderLen+40)
	mustDo(t, err)
	mustDo(t, f.Sync())
	mustDo(t, f.Close())
	j, err := OpenJournal(journalDir, testRoot, JournalOptions{FS: disk, FileBytesMax: 20_000})
	mustDo(t, err)
	o := Options{FS: disk, Syncer: NewSyncer(1, host.System)}
	o.Syncer.UseJournal(j)
	if !j.doubtful() {
		t.Error("damage went unnoticed")
	}
	doubted := 0
	for _, dir := range g.dirs {
		l, err := Open(dir, o)
		if IsCorrupt(err) {
			doubted++
			continue
		}
		mustDo(t, err)
		if l.TailCut() {
			doubted++
		}
		mustDo(t, l.Close())
	}
	if doubted != len(g.dirs) {
		t.Errorf("%d of %d logs are in doubt", doubted, len(g.dirs))
	}
	mustDo(t, j.Close())
}

// TestJournalPowerLoss appends to several logs at once, ends the process or cuts the power at any operation, and looks for what was acknowledged.
func TestJournalPowerLoss(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 11))
		g := newJournaled(t, 5)
		acked := make([]int64, len(g.logs))
		var off sync.Mutex
		var next *faultfs.Disk
		at := 20 + rng.IntN(600)
		crash := faultfs.AnyCrash(rng)
		if seed%3 == 0 { // only the process ends
			crash = faultfs.CrashOptions{KeepAll: true}
		}
		g.disk.Fail(func(op faultfs.Op) error {
			off.Lock()
			defer off.Unlock()
			if at--; at == 0 {
				next = g.disk.Crash(rng, crash)
			}
			return nil
		})
		var wg sync.WaitGroup
		for i, l := range g.logs {
			sizes := rand.New(rand.NewPCG(seed, uint64(i)))
			wg.Add(1)
			go func() {
				defer wg.Done()
				for d := int64(1); d <= 120; d++ {
					if err := appendWait(l, Entry{Ballot: 1, Decree: d, Data: make([]byte, sizes.IntN(400))}); err != nil {
						return
					}
					acked[i] = d
					if d%40 == 0 {
						l.GC(d - 20)
					}
				}
			}()
		}
		wg.Wait()
		for _, l := range g.logs {
			l.Close()
		}
		g.j.Close()
		g.disk.Fail(nil)
		if next == nil {
			next = g.disk.Crash(rng, crash)
		}
		after := &journaled{t: t, disk: next, dirs: g.dirs, journalBytes: g.journalBytes}
		after.open()
		for i, l := range after.logs {
			if l.LastDecree() < acked[i] {
				t.Errorf("seed %d: log %d ends at %d, acknowledged was %d", seed, i, l.LastDecree(), acked[i])
			}
			got, err := replayed(l, l.FirstDecree()-1)
			mustDo(t, err)
			for k, e := range got {
				if k > 0 && e.Decree != got[k-1].Decree+1 {
					t.Errorf("seed %d: log %d: decree %d follows %d", seed, i, e.Decree, got[k-1].Decree)
				}
			}
		}
		after.close()
	}
}
