package faultfs

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// everything does each kind of operation once and returns what failed, by kind.
func everything(t *testing.T, d *Disk) map[Kind]error {
	t.Helper()
	failed := map[Kind]error{}
	note := func(k Kind, err error) {
		if err != nil && err != io.EOF {
			failed[k] = err
		}
	}
	f := create(t, d, "/dir/scratch")
	_, err := d.Create("/dir/new", vfs.WriteCategoryUnspecified)
	note(OpCreate, err)
	_, err = d.Open("/dir/a")
	note(OpOpen, err)
	_, err = f.Write([]byte("0123456789"))
	note(OpWrite, err)
	_, err = f.WriteAt([]byte("x"), 3)
	note(OpWriteAt, err)
	_, err = f.Read(make([]byte, 3))
	note(OpRead, err)
	_, err = f.ReadAt(make([]byte, 3), 0)
	note(OpReadAt, err)
	note(OpSync, f.Sync())
	note(OpSyncData, f.SyncData())
	_, err = f.SyncTo(2)
	note(OpSyncTo, err)
	note(OpPreallocate, f.Preallocate(0, 100))
	note(OpClose, f.Close())
	note(OpRename, d.Rename("/dir/a", "/dir/b"))
	note(OpLink, d.Link("/dir/c", "/dir/e"))
	note(OpRemove, d.Remove("/dir/c"))
	note(OpRemoveAll, d.RemoveAll("/dir/sub"))
	note(OpMkdir, d.MkdirAll("/dir/more/and/more", 0o755))
	_, err = d.List("/dir")
	note(OpList, err)
	_, err = d.Stat("/dir")
	note(OpStat, err)
	l, err := d.Lock("/dir/lock")
	note(OpLock, err)
	if err == nil {
		note(OpLock, l.Close())
	}
	_, err = d.GetDiskUsage("/dir")
	note(OpUsage, err)
	return failed
}

func scene(t *testing.T) *Disk {
	d := New(Options{})
	must(t, d.MkdirAll("/dir/sub", 0o755))
	put(t, d, "/dir/a", "a")
	put(t, d, "/dir/c", "c")
	return d
}

// TestEveryKindCanFail refuses one kind at a time: it fails, counted, with the cause inside; nothing else does.
func TestEveryKindCanFail(t *testing.T) {
	for _, k := range Kinds() {
		d := scene(t)
		d.Fail(func(op Op) error {
			if op.Kind == k && !strings.HasSuffix(op.Path, "scratch") || op.Kind == k && k != OpCreate {
				return syscall.EIO
			}
			return nil
		})
		before := d.Counts().Of(k)
		failed := everything(t, d)
		if !errors.Is(failed[k], syscall.EIO) || len(failed) != 1 {
			t.Errorf("%s refused: %v", k, failed)
		}
		if d.Counts().Of(k) == before {
			t.Errorf("%s is not counted", k)
		}
	}
	if failed := everything(t, scene(t)); len(failed) > 0 {
		t.Errorf("failed by itself: %v", failed)
	}
}

func TestShortWriteAndRead(t *testing.T) {
	d := New(Options{})
	f := create(t, d, "/f")
	d.Fail(func(op Op) error {
		if op.Kind == OpWrite {
			return &Short{Bytes: 3, Err: syscall.ENOSPC}
		}
		return nil
	})
	if n, err := f.Write([]byte("0123456789")); n != 3 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("short write: %d, %v", n, err)
	}
	d.Fail(nil)
	if n, err := f.Write([]byte("abc")); n != 3 || err != nil || content(t, d, "/f") != "012abc" {
		t.Errorf("write after it: %d, %v, %s", n, err, content(t, d, "/f"))
	}
	d.Fail(func(op Op) error { return &Short{Bytes: 2, Err: syscall.EIO} })
	b := make([]byte, 6)
	if n, err := f.ReadAt(b, 1); n != 2 || !errors.Is(err, syscall.EIO) || string(b[:2]) != "12" {
		t.Errorf("short read: %d, %v, %s", n, err, b)
	}
}

func TestFullDisk(t *testing.T) {
	d := New(Options{CapacityBytes: 100})
	f := create(t, d, "/f")
	must(t, f.Preallocate(0, 60))
	g := create(t, d, "/g")
	if n, err := g.Write(make([]byte, 70)); n != 40 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("write of 70 bytes where 40 fit: %d, %v", n, err)
	}
	if err := f.Preallocate(0, 61); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("preallocation beyond the end: %v", err)
	}
	if n, err := f.Write(make([]byte, 60)); n != 60 || err != nil {
		t.Errorf("write into preallocated space: %d, %v", n, err)
	}
	u, err := d.GetDiskUsage("/")
	must(t, err)
	if u.AvailBytes != 0 || u.UsedBytes != 100 || u.TotalBytes != 100 {
		t.Errorf("usage %+v", u)
	}
	must(t, d.Remove("/g"))
	if _, err := f.Write([]byte("x")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("space of a file that is open: %v", err)
	}
	must(t, g.Close())
	if _, err := f.Write([]byte("x")); err != nil {
		t.Errorf("space of a file that is gone: %v", err)
	}
	if u, _ := d.Clone(nil, CrashOptions{KeepAll: true}).GetDiskUsage("/"); u.UsedBytes != 61 {
		t.Errorf("usage after a crash %+v", u)
	}
}

func TestLockExcludes(t *testing.T) {
	d := New(Options{})
	l, err := d.Lock("/LOCK")
	must(t, err)
	if _, err := d.Lock("/LOCK"); !errors.Is(err, syscall.EAGAIN) {
		t.Errorf("second lock: %v", err)
	}
	must(t, l.Close())
	l, err = d.Lock("/LOCK")
	must(t, err)
	must(t, l.Close())
}

func TestHooksMayUseTheDisk(t *testing.T) {
	now := time.Unix(1000, 0)
	d := New(Options{Now: func() time.Time { return now }})
	var next *Disk
	waited := 0
	d.Delay(func(Op) { waited++ })
	d.Fail(func(op Op) error {
		if op.Kind == OpRename {
			next = d.Crash(nil, CrashOptions{KeepAll: true})
		}
		return nil
	})
	put(t, d, "/a", "a")
	if i, err := d.Stat("/a"); err != nil || !i.ModTime().Equal(now) {
		t.Errorf("%v, %v", i.ModTime(), err)
	}
	if err := d.Rename("/a", "/b"); !errors.Is(err, ErrPowerOff) {
		t.Errorf("rename at the moment of the crash: %v", err)
	}
	if content(t, next, "/a") != "a" || waited != 6 {
		t.Errorf("%q, %d delays", content(t, next, "/a"), waited)
	}
}
