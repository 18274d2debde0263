package plog

import (
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/pegasus-go/pegasus/internal/host"
	"github.com/pegasus-go/pegasus/sim/faultfs"
)

// written counts the writes to files below dir from now on.
func written(disk *faultfs.Disk, dir string) *int {
	n := new(int)
	disk.Fail(func(op faultfs.Op) error {
		if op.Kind == faultfs.OpWrite && strings.HasPrefix(op.Path, dir) {
			*n++
		}
		return nil
	})
	return n
}

// Small blocks wait for each other; who reads the log finds them, and so does the next life after a mere end of the process.
func TestTailGathersBlocks(t *testing.T) {
	g := newJournaled(t, 1)
	defer g.close()
	l := g.logs[0]
	mustDo(t, appendWait(l, entry(1, 1)))
	n := written(g.disk, g.dirs[0])
	for d := int64(2); d <= 30; d++ {
		mustDo(t, appendWait(l, entry(1, d)))
	}
	if *n != 0 {
		t.Errorf("%d writes to the log's file", *n)
	}
	next := g.after(faultfs.CrashOptions{KeepAll: true}, nil)
	next.want(0, entries(1, 1, 30))
	next.close()

	got, err := l.Read(1, 30, 1<<20)
	mustDo(t, err)
	if text(got) != text(entries(1, 1, 30)) {
		t.Errorf("read\n%s", text(got))
	}
	if *n != 1 {
		t.Errorf("%d writes until the log was read", *n)
	}
}

// What a log keeps back is bounded, and so is how many do.
func TestTailsAreBounded(t *testing.T) {
	g := newJournaledIn(t, tailsMax+2, 1<<20) // which is not full before the end
	defer g.close()
	for _, l := range g.logs {
		mustDo(t, appendWait(l, entry(1, 1)))
	}
	keep := 0
	for _, l := range g.logs {
		if l.tail.buf != nil {
			keep++
		}
	}
	if keep != tailsMax || g.o.Syncer.tails.lent.Load() != tailsMax {
		t.Errorf("%d logs keep something back, %d are said to", keep, g.o.Syncer.tails.lent.Load())
	}
	l := g.logs[0]
	mustDo(t, appendWait(l, Entry{Ballot: 1, Decree: 2, Data: make([]byte, 4000)}))
	for range 3 {
		mustDo(t, l.flush())
	}
	if l.tail.buf != nil || g.o.Syncer.tails.lent.Load() != tailsMax-1 {
		t.Errorf("%d tails are lent after a flush", g.o.Syncer.tails.lent.Load())
	}
}

// A full disk is told before anything is acknowledged: what a tail holds has room in the file.
func TestTailOnFullDisk(t *testing.T) {
	g := newJournaled(t, 1)
	l := g.logs[0]
	mustDo(t, appendWait(l, entry(1, 1)))
	g.disk.Fail(func(op faultfs.Op) error {
		if op.Kind == faultfs.OpPreallocate || op.Kind == faultfs.OpWrite && op.Offset+int64(op.Bytes) > 4096 {
			return syscall.ENOSPC
		}
		return nil
	})
	acked := int64(1)
	for d := int64(2); d <= 500; d++ {
		err := appendWait(l, entry(1, d))
		if err == nil {
			acked = d
			continue
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		break
	}
	if acked < 20 || acked > 60 {
		t.Errorf("%d appends were acknowledged", acked)
	}
	g.disk.Fail(nil)
	if err := l.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("close: %v", err)
	}
	again, err := Open(g.dirs[0], g.o) // in the same life: the file has all that was acknowledged
	mustDo(t, err)
	g.logs[0] = again
	if again.LastDecree() < acked {
		t.Errorf("the log ends at %d, acknowledged was %d", again.LastDecree(), acked)
	}
	g.close()
}

// When the file cannot be written after all, what was acknowledged is in the journal; nobody opens the log without it.
func TestTailCannotBeWritten(t *testing.T) {
	g := newJournaled(t, 2)
	l := g.logs[0]
	for d := int64(1); d <= 20; d++ {
		mustDo(t, appendWait(l, entry(1, d)))
	}
	broken := func(op faultfs.Op) error {
		if (op.Kind == faultfs.OpWrite || op.Kind == faultfs.OpWriteAt) && strings.HasPrefix(op.Path, g.dirs[0]) {
			return syscall.EIO
		}
		return nil
	}
	g.disk.Fail(broken)
	if _, err := l.Read(1, 20, 1<<20); !errors.Is(err, syscall.EIO) {
		t.Errorf("read: %v", err)
	}
	if err := appendWait(l, entry(1, 21)); !errors.Is(err, syscall.EIO) {
		t.Errorf("append: %v", err)
	}
	if err := l.Close(); !errors.Is(err, syscall.EIO) {
		t.Errorf("close: %v", err)
	}
	if _, err := Open(g.dirs[0], g.o); !errors.Is(err, syscall.EIO) {
		t.Errorf("open without what was acknowledged: %v", err)
	}
	// The journal goes around several times; the other log does not suffer, and the blocks stay.
	for d := int64(1); d <= 200; d++ {
		mustDo(t, appendWait(g.logs[1], Entry{Ballot: 1, Decree: d, Data: make([]byte, 1000)}))
	}
	for name, o := range map[string]faultfs.CrashOptions{"power": {}, "process": {KeepAll: true}} {
		next := g.after(o, nil)
		next.want(0, entries(1, 1, 20))
		if next.logs[1].LastDecree() != 200 {
			t.Errorf("after the end of the %s the other log ends at %d", name, next.logs[1].LastDecree())
		}
		next.close()
	}

	g.disk.Fail(nil)
	again, err := Open(g.dirs[0], g.o)
	mustDo(t, err)
	g.logs[0] = again
	g.want(0, entries(1, 1, 20))
	g.close()
	if n := g.o.Syncer.tails.lent.Load(); n != 0 {
		t.Errorf("%d tails are lent", n)
	}
	if n := len(g.j.files) + len(g.j.stuck); n > 0 {
		t.Errorf("the journal keeps %d files", n)
	}
}

// A replica that begins anew where a log was that cannot be completed does not get its blocks, and does not wait for them.
func TestTailOfAnotherLife(t *testing.T) {
	g := newJournaled(t, 1)
	l := g.logs[0]
	mustDo(t, appendWait(l, entries(1, 1, 3)...))
	g.disk.Fail(func(op faultfs.Op) error {
		if (op.Kind == faultfs.OpWrite || op.Kind == faultfs.OpWriteAt) && strings.HasPrefix(op.Path, g.dirs[0]) {
			return syscall.EIO
		}
		return nil
	})
	if err := l.Close(); !errors.Is(err, syscall.EIO) {
		t.Errorf("close: %v", err)
	}
	g.disk.Fail(nil)
	mustDo(t, g.disk.RemoveAll(g.dirs[0]))
	for range 2 {
		fresh, err := Open(g.dirs[0], g.o)
		mustDo(t, err)
		g.logs[0] = fresh
		if fresh.LastDecree() == 0 {
			mustDo(t, appendWait(fresh, entry(7, 1)))
		}
		mustDo(t, fresh.Close())
	}
	next := g.after(faultfs.CrashOptions{}, nil)
	next.want(0, []Entry{entry(7, 1)})
	next.close()
	mustDo(t, g.j.Close())
}

// TestTailAfterAFailedWrite: whoever comes right behind a write of the tail that failed is told.
func TestTailAfterAFailedWrite(t *testing.T) {
	for _, short := range []int{0, 1, 40} {
		g := newJournaled(t, 1)
		l := g.logs[0]
		mustDo(t, appendWait(l, entries(1, 1, 3)...))
		var failed atomic.Bool
		g.disk.Fail(func(op faultfs.Op) error {
			if op.Kind == faultfs.OpWrite && strings.HasPrefix(op.Path, g.dirs[0]) && !failed.Swap(true) {
				return &faultfs.Short{Bytes: short, Err: syscall.EIO}
			}
			return nil
		})
		errs := make(chan error, 2)
		var group host.Group
		for range cap(errs) {
			group.Go(func() { errs <- l.flush() })
		}
		group.Wait()
		told := 0
		for range cap(errs) {
			if err := <-errs; err != nil {
				told++
			}
		}
		if told != cap(errs) {
			t.Errorf("%d were told", told)
		}
		if err := l.Close(); !errors.Is(err, syscall.EIO) {
			t.Errorf("close: %v", err)
		}
		again, err := Open(g.dirs[0], g.o)
		mustDo(t, err)
		g.logs[0] = again
		g.want(0, entries(1, 1, 3))
		g.close()
	}
}
