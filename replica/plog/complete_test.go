package plog

import (
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/pegasus-go/pegasus/internal/host"
	"github.com/pegasus-go/pegasus/sim/faultfs"
)

// holdOnce makes the first operation of a kind on a log file below dir wait for release, and then return err.
func holdOnce(g *journaled, kind faultfs.Kind, dir string, err error) (entered, release chan struct{}) {
	entered, release = make(chan struct{}), make(chan struct{})
	var hit atomic.Bool
	g.disk.Fail(func(op faultfs.Op) error {
		if op.Kind == kind && strings.HasPrefix(op.Path, dir) && !hit.Swap(true) {
			close(entered)
			<-release
			return err
		}
		return nil
	})
	return entered, release
}

// soon gives others the time to come to where they wait; when they do not, a test shows less.
func soon() { time.Sleep(20 * time.Millisecond) }

// wantNow opens the first log in this life and, after a power loss, in the next one.
func (g *journaled) wantNow(want []Entry) {
	g.t.Helper()
	l, err := Open(g.dirs[0], g.o)
	mustDo(g.t, err)
	g.logs[0] = l
	g.want(0, want)
	g.around()
	next := g.after(faultfs.CrashOptions{}, nil)
	next.want(0, want)
	next.close()
	g.close()
}

// around fills all files of the journal through the second log, and waits until all but the last are free again.
func (g *journaled) around() {
	l := g.logs[1]
	for until := l.LastDecree() + 60; l.LastDecree() < until; {
		mustDo(g.t, appendWait(l, Entry{Ballot: 1, Decree: l.LastDecree() + 1, Data: make([]byte, 1500)}))
	}
	for g.j.settles() {
		soon()
	}
}

func (j *Journal) settles() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.settling
}

// A flush fails while the owner waits behind it to close the log: the end mark must not be written where the tail belongs.
func TestCloseBehindAFailedFlush(t *testing.T) {
	for _, short := range []int{0, 40} {
		g := newJournaled(t, 2)
		for d := int64(1); d <= 3; d++ {
			mustDo(t, appendWait(g.logs[0], entry(1, d)))
		}
		entered, release := holdOnce(g, faultfs.OpWrite, g.dirs[0], &faultfs.Short{Bytes: short, Err: syscall.EIO})
		var group host.Group
		group.Go(func() { g.logs[0].flush() })
		<-entered
		closed := make(chan error, 1)
		group.Go(func() { closed <- g.logs[0].Close() })
		soon()
		close(release)
		if err := <-closed; !errors.Is(err, syscall.EIO) {
			t.Errorf("close: %v", err)
		}
		group.Wait()
		g.wantNow(entries(1, 1, 3))
	}
}

// A flush fails while a reader and a large block wait behind it: the block must not be written where the tail belongs.
func TestAppendBehindAFailedFlush(t *testing.T) {
	g := newJournaledIn(t, 2, 400_000)
	l := g.logs[0]
	for d := int64(1); d <= 3; d++ {
		mustDo(t, appendWait(l, entry(1, d)))
	}
	entered, release := holdOnce(g, faultfs.OpWrite, g.dirs[0], &faultfs.Short{Bytes: 40, Err: syscall.EIO})
	var group host.Group
	group.Go(func() { l.flush() })
	<-entered
	read, appended := make(chan error, 1), make(chan error, 1)
	group.Go(func() {
		_, err := l.Read(1, 3, 1<<20)
		read <- err
	})
	soon()
	l.Append([]Entry{{Ballot: 1, Decree: 4, Data: make([]byte, 40_000)}}, func(err error) { appended <- err })
	soon()
	close(release)
	if err := <-read; !errors.Is(err, syscall.EIO) {
		t.Errorf("read: %v", err)
	}
	if err := <-appended; !errors.Is(err, syscall.EIO) {
		t.Errorf("append: %v", err)
	}
	group.Wait()
	if err := l.Close(); !errors.Is(err, syscall.EIO) {
		t.Errorf("close: %v", err)
	}
	g.wantNow(entries(1, 1, 3))
}

// The log fails for another reason, and somebody reads it, while the owner is about to write.
func TestFailureBesideTheOwner(t *testing.T) {
	for _, bytes := range []int{3000, 40_000} { // which waits in the tail, and which does not
		g := newJournaledIn(t, 2, 400_000)
		l := g.logs[0]
		for d := int64(1); d <= 3; d++ {
			mustDo(t, appendWait(l, entry(1, d)))
		}
		entered, release := holdOnce(g, faultfs.OpPreallocate, g.dirs[0], nil)
		appended := make(chan error, 1)
		l.Append([]Entry{{Ballot: 1, Decree: 4, Data: make([]byte, bytes+1000)}}, func(err error) { appended <- err })
		<-entered
		l.fail(ioErr("remove", "x", syscall.EIO)) // as GC does
		if _, err := l.Read(1, 3, 1<<20); !errors.Is(err, syscall.EIO) {
			t.Errorf("read: %v", err)
		}
		close(release)
		if err := <-appended; !errors.Is(err, syscall.EIO) {
			t.Errorf("append: %v", err)
		}
		if err := l.Close(); !errors.Is(err, syscall.EIO) {
			t.Errorf("close: %v", err)
		}
		g.wantNow(entries(1, 1, 3))
	}
}

// A failed log is closed while a flush is on its way.
func TestCloseBesideAFlush(t *testing.T) {
	g := newJournaled(t, 2)
	l := g.logs[0]
	mustDo(t, appendWait(l, entry(1, 1)))
	entered, release := holdOnce(g, faultfs.OpWrite, g.dirs[0], nil)
	flushed := make(chan error, 1)
	var group host.Group
	group.Go(func() { flushed <- l.flush() })
	<-entered
	l.fail(ioErr("remove", "x", syscall.EIO))
	group.Go(func() { l.Close() })
	soon()
	close(release)
	mustDo(t, <-flushed)
	group.Wait()
	g.wantNow(entries(1, 1, 1))
}

// The tail of a log whose directory is given up is given back.
func TestTailOfADroppedLog(t *testing.T) {
	g := newJournaled(t, 2)
	mustDo(t, appendWait(g.logs[0], entry(1, 1)))
	g.disk.Fail(func(op faultfs.Op) error {
		if op.Kind.Changes() && strings.HasPrefix(op.Path, g.dirs[0]) {
			return syscall.EIO
		}
		return nil
	})
	if err := g.logs[0].Close(); !errors.Is(err, syscall.EIO) {
		t.Errorf("close: %v", err)
	}
	g.disk.Fail(nil)
	mustDo(t, g.disk.RemoveAll(g.dirs[0]))
	g.around()
	mustDo(t, g.logs[1].Close())
	mustDo(t, g.j.Close())
	if n := g.o.Syncer.tails.lent.Load(); n != 0 || len(g.j.lacking) > 0 {
		t.Errorf("%d tails are lent, %d logs lack something", n, len(g.j.lacking))
	}
}

// A journal that is not to be used any more still keeps logs from being opened that it could not complete.
func TestJournalIsOnlyRepeated(t *testing.T) {
	g := newJournaled(t, 1)
	mustDo(t, appendWait(g.logs[0], entries(1, 1, 3)...))
	disk := g.disk.Clone(nil, faultfs.CrashOptions{KeepAll: true})
	g.close()
	broken := func(op faultfs.Op) error {
		if op.Kind == faultfs.OpWriteAt && strings.HasPrefix(op.Path, g.dirs[0]) {
			return syscall.ENOSPC
		}
		return nil
	}
	for _, hook := range []func(faultfs.Op) error{broken, nil} {
		disk.Fail(hook)
		j, err := OpenJournal(journalDir, testRoot, JournalOptions{FS: disk, FileBytesMax: -1})
		mustDo(t, err)
		o := Options{FS: disk, Syncer: NewSyncer(1, host.System)}
		o.Syncer.UseJournal(j)
		l, err := Open(g.dirs[0], o)
		if hook != nil {
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("open: %v", err)
			}
			mustDo(t, j.Close())
			continue
		}
		mustDo(t, err)
		wantReplay(t, l, 0, entries(1, 1, 3))
		before := o.Syncer.Metrics().Syncs
		for d := int64(4); d <= 6; d++ {
			mustDo(t, appendWait(l, entry(1, d)))
		}
		if n := o.Syncer.Metrics().Syncs - before; n != 4 || l.tail.buf != nil || j.file != nil { // one for the new file
			t.Errorf("%d syncs", n)
		}
		mustDo(t, l.Close())
		mustDo(t, j.Close())
	}
}

// A sync that failed is not tried again, whatever failed before it.
func TestFailedSyncIsFinal(t *testing.T) {
	g := newJournaled(t, 2)
	l := g.logs[0]
	mustDo(t, appendWait(l, entry(1, 1)))
	mustDo(t, l.flush())
	l.fail(ioErr("remove", "x", syscall.EIO))
	var syncs atomic.Int32
	g.disk.Fail(func(op faultfs.Op) error {
		if op.Kind == faultfs.OpSyncData && strings.HasPrefix(op.Path, g.dirs[0]) && syncs.Add(1) == 1 {
			return syscall.EIO
		}
		return nil
	})
	for range 3 {
		g.around()
	}
	if n := syncs.Load(); n != 1 || len(g.j.stuck) != 1 {
		t.Errorf("%d syncs, %d files of the journal are kept", n, len(g.j.stuck))
	}
	next := g.after(faultfs.CrashOptions{}, nil)
	next.want(0, entries(1, 1, 1))
	next.close()
	l.Close()
	g.logs[1].Close()
	g.j.Close()
}

// A read error is not taken for a file that is another one by now: neither when the journal is repeated at the start, nor when a log that
// failed is opened again.
func TestReadErrorOfTheHeader(t *testing.T) {
	g := newJournaled(t, 1)
	for d := int64(1); d <= 5; d++ {
		mustDo(t, appendWait(g.logs[0], entry(1, d)))
	}
	once := func(kind faultfs.Kind) func(faultfs.Op) error {
		var hit atomic.Bool
		return func(op faultfs.Op) error {
			if op.Kind == kind && strings.HasPrefix(op.Path, g.dirs[0]) && !hit.Swap(true) {
				return syscall.EIO
			}
			return nil
		}
	}
	disk := g.disk.Clone(nil, faultfs.CrashOptions{KeepAll: true})
	disk.Fail(once(faultfs.OpReadAt))
	next := &journaled{t: t, disk: disk, journalBytes: g.journalBytes}
	next.open()
	o := next.o
	l, err := Open(g.dirs[0], o)
	mustDo(t, err)
	wantReplay(t, l, 0, entries(1, 1, 5))
	mustDo(t, l.Close())
	mustDo(t, next.j.Close())

	g.disk.Fail(once(faultfs.OpWrite))
	if err := g.logs[0].Close(); !errors.Is(err, syscall.EIO) {
		t.Errorf("close: %v", err)
	}
	g.disk.Fail(once(faultfs.OpReadAt))
	if _, err := Open(g.dirs[0], g.o); !errors.Is(err, syscall.EIO) {
		t.Errorf("open: %v", err)
	}
	g.logs[0], err = Open(g.dirs[0], g.o)
	mustDo(t, err)
	g.want(0, entries(1, 1, 5))
	g.close()
}

// After a sync that failed everything in question is written once more: what can be read may be in memory only.
func TestBlocksAreWrittenAgainAfterAFailedSync(t *testing.T) {
	g := newJournaled(t, 2)
	for d := int64(1); d <= 5; d++ {
		mustDo(t, appendWait(g.logs[0], entry(1, d)))
	}
	var syncs, writes atomic.Int32
	g.disk.Fail(func(op faultfs.Op) error {
		if op.Kind == faultfs.OpSyncData && strings.HasPrefix(op.Path, g.dirs[0]) && syncs.Add(1) == 1 {
			return syscall.EIO
		}
		return nil
	})
	g.around()
	count := func(op faultfs.Op) error {
		if op.Kind == faultfs.OpWriteAt && strings.HasPrefix(op.Path, g.dirs[0]) {
			writes.Add(1)
		}
		return nil
	}
	disk := g.disk.Clone(nil, faultfs.CrashOptions{KeepAll: true})
	disk.Fail(count)
	next := &journaled{t: t, disk: disk, dirs: g.dirs, journalBytes: g.journalBytes}
	next.open()
	if n := writes.Load(); n < 5 {
		t.Errorf("%d writes when the process started again", n)
	}
	next.close()

	if err := g.logs[0].Close(); !errors.Is(err, syscall.EIO) {
		t.Errorf("close: %v", err)
	}
	writes.Store(0)
	g.disk.Fail(count)
	g.wantNow(entries(1, 1, 5))
	if n := writes.Load(); n < 5 {
		t.Errorf("%d writes when the log was opened again", n)
	}
}

// A large block whose sync failed was refused. Opened again, the log has it or not, but goes on behind what is on disk.
func TestLargeBlockAfterAFailedSync(t *testing.T) {
	g := newJournaled(t, 2)
	mustDo(t, appendWait(g.logs[0], entry(1, 1)))
	g.disk.Fail(func(op faultfs.Op) error {
		if op.Kind == faultfs.OpSyncData && strings.HasPrefix(op.Path, g.dirs[0]) {
			return syscall.EIO
		}
		return nil
	})
	large := Entry{Ballot: 1, Decree: 2, Data: make([]byte, journalRecordBytesMax+1)}
	if err := appendWait(g.logs[0], large); !errors.Is(err, syscall.EIO) {
		t.Errorf("append: %v", err)
	}
	if err := g.logs[0].Close(); !errors.Is(err, syscall.EIO) {
		t.Errorf("close: %v", err)
	}
	var written atomic.Int64
	g.disk.Fail(func(op faultfs.Op) error {
		if op.Kind == faultfs.OpWriteAt && strings.HasPrefix(op.Path, g.dirs[0]) {
			written.Add(int64(op.Bytes))
		}
		return nil
	})
	l, err := Open(g.dirs[0], g.o)
	mustDo(t, err)
	g.logs[0] = l
	if l.LastDecree() == 2 && written.Load() <= journalRecordBytesMax {
		t.Errorf("%d bytes were written again", written.Load())
	}
	g.close()
}

// GC has removed a file, but not durably, when the journal finds that it is gone.
func TestGoneFileIsGoneDurably(t *testing.T) {
	g := newJournaled(t, 2)
	l := g.logs[0]
	d := int64(0)
	for len(l.files) < 2 {
		d++
		mustDo(t, appendWait(l, Entry{Ballot: 1, Decree: d, Data: make([]byte, 1000)}))
	}
	entered, release := make(chan struct{}), make(chan struct{})
	var once atomic.Bool
	g.disk.Fail(func(op faultfs.Op) error {
		if op.Kind == faultfs.OpSync && op.Path == g.dirs[0] && !once.Swap(true) {
			close(entered)
			<-release
		}
		return nil
	})
	var group host.Group
	group.Go(func() { l.GC(l.files[1].afterDecree) })
	<-entered
	g.around()
	next := g.after(faultfs.CrashOptions{}, nil)
	first := next.logs[0].FirstDecree()
	if es, err := next.logs[0].Read(first, d, 1<<20); err != nil || int64(len(es)) != d-first+1 {
		t.Errorf("%d entries from %d to %d: %v", len(es), first, d, err)
	}
	next.close()
	close(release)
	group.Wait()
	g.close()
}

// After an unclean end only what no later block proves to be on disk is written again, also where reserved space follows the end.
func TestProvenBytesAreNotWrittenAgain(t *testing.T) {
	dir := t.TempDir() + "/plog"
	l, err := Open(dir, Options{})
	mustDo(t, err)
	defer l.Close()
	for d := int64(1); d <= 50; d++ {
		mustDo(t, appendWait(l, Entry{Ballot: 1, Decree: d, Data: make([]byte, 70_000)}))
	}
	var writes atomic.Int32
	again, err := Open(dir, Options{FS: watch(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileWriteAt {
			writes.Add(1)
		}
		return nil
	}))})
	mustDo(t, err)
	defer again.Close()
	if n := writes.Load(); n != 1 {
		t.Errorf("%d writes", n)
	}
}

// Logs that fail one after the other keep all files of the journal. Opened again they let go of them.
func TestJournalComesBack(t *testing.T) {
	g := newJournaled(t, 4)
	var bad atomic.Int32
	g.disk.Fail(func(op faultfs.Op) error {
		if op.Kind == faultfs.OpSyncData {
			for i := range int(bad.Load()) {
				if strings.HasPrefix(op.Path, g.dirs[i]) {
					return syscall.EIO
				}
			}
		}
		return nil
	})
	last := g.logs[3]
	more := func() {
		mustDo(t, appendWait(last, Entry{Ballot: 1, Decree: last.LastDecree() + 1, Data: make([]byte, 1500)}))
	}
	for i := range 3 {
		mustDo(t, appendWait(g.logs[i], entry(1, 1)))
		bad.Store(int32(i + 1))
		for number := g.j.number; g.j.number == number; {
			more()
		}
		for g.j.settles() {
			soon()
		}
	}
	for range 30 {
		more()
	}
	if !g.j.full.Load() {
		t.Error("a file of the journal is free")
	}
	g.disk.Fail(nil)
	for i := range 3 {
		if err := g.logs[i].Close(); !errors.Is(err, syscall.EIO) {
			t.Errorf("close: %v", err)
		}
		l, err := Open(g.dirs[i], g.o)
		mustDo(t, err)
		g.logs[i] = l
		g.want(i, entries(1, 1, 1))
	}
	for g.j.settles() {
		soon()
	}
	number := g.j.number
	for range 30 {
		more()
	}
	if g.j.number == number || len(g.j.stuck) > 0 {
		t.Errorf("the journal is not used, %d files are kept", len(g.j.stuck))
	}
	g.close()
}

// A log fails for another reason than a sync, with all blocks in its file; then the sync of opening it again fails. The journal lets go of the
// blocks only after they were written and synced once more.
func TestFailedSyncOfOpening(t *testing.T) {
	g := newJournaled(t, 2)
	for d := int64(1); d <= 5; d++ {
		mustDo(t, appendWait(g.logs[0], entry(1, d)))
	}
	mustDo(t, g.logs[0].flush())
	g.logs[0].fail(ioErr("remove", "x", syscall.EIO))
	g.logs[0].Close()
	var syncs, writes atomic.Int32
	g.disk.Fail(func(op faultfs.Op) error {
		switch {
		case !strings.HasPrefix(op.Path, g.dirs[0]):
		case op.Kind == faultfs.OpSyncData && syncs.Add(1) <= 2:
			writes.Store(0)
			return syscall.EIO
		case op.Kind == faultfs.OpWriteAt:
			writes.Add(1)
		}
		return nil
	})
	for range 2 {
		if _, err := Open(g.dirs[0], g.o); !errors.Is(err, syscall.EIO) {
			t.Errorf("open: %v", err)
		}
	}
	g.around()
	if n := writes.Load(); n < 5 || len(g.j.lacking) > 0 || len(g.j.stuck) > 0 {
		t.Errorf("%d writes after the last sync that failed, %d logs lack something, %d files are kept", n, len(g.j.lacking), len(g.j.stuck))
	}
	g.wantNow(entries(1, 1, 5))
}

// Closing fails only after the end mark was written: the log is whole all the same.
func TestFailureBehindTheEndMark(t *testing.T) {
	g := newJournaledIn(t, 2, 400_000)
	l := g.logs[0]
	var want []Entry
	for d := int64(1); len(l.files) < 2; d++ {
		want = append(want, Entry{Ballot: 1, Decree: d, Data: make([]byte, 1000)})
		mustDo(t, appendWait(l, want[d-1]))
	}
	first := l.files[0].path
	var hit atomic.Bool
	g.disk.Fail(func(op faultfs.Op) error {
		if op.Kind == faultfs.OpSyncData && op.Path == first && !hit.Swap(true) {
			return syscall.EIO
		}
		return nil
	})
	if err := l.Close(); !errors.Is(err, syscall.EIO) {
		t.Errorf("close: %v", err)
	}
	g.wantNow(want)
}

// After the journal has failed logs do not wait for each other.
func TestFailedJournalIsOutOfTheWay(t *testing.T) {
	g := newJournaled(t, 2)
	var hit atomic.Bool
	g.disk.Fail(func(op faultfs.Op) error {
		if op.Kind == faultfs.OpSyncData && strings.HasPrefix(op.Path, journalDir) && !hit.Swap(true) {
			return syscall.EIO
		}
		return nil
	})
	for _, l := range g.logs {
		mustDo(t, appendWait(l, entry(1, 1)))
	}
	entered, release := holdOnce(g, faultfs.OpSyncData, g.dirs[0], nil)
	first := make(chan error, 1)
	g.logs[0].Append([]Entry{entry(1, 2)}, func(err error) { first <- err })
	<-entered
	mustDo(t, appendWait(g.logs[1], entry(1, 2)))
	close(release)
	mustDo(t, <-first)
	for _, l := range g.logs {
		mustDo(t, l.Close())
	}
	g.j.Close()
}
