package faultfs

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func create(t testing.TB, d *Disk, name string) vfs.File {
	t.Helper()
	f, err := d.Create(name, vfs.WriteCategoryUnspecified)
	must(t, err)
	return f
}

func put(t testing.TB, d *Disk, name, content string) {
	t.Helper()
	f := create(t, d, name)
	_, err := f.Write([]byte(content))
	must(t, err)
	must(t, f.Sync())
	must(t, f.Close())
}

func syncDir(t testing.TB, d *Disk, name string) {
	t.Helper()
	f, err := d.OpenDir(name)
	must(t, err)
	must(t, f.Sync())
	must(t, f.Close())
}

func content(t testing.TB, d *Disk, name string) string {
	t.Helper()
	b, err := d.ReadFile(name)
	if err != nil {
		return "none"
	}
	return string(b)
}

// TestSyncedBytesSurvive overwrites part of a synced file and appends to it: whatever a crash does, the other
// bytes are there, and every kind of damage to the new ones comes up.
func TestSyncedBytesSurvive(t *testing.T) {
	old, fresh := bytes.Repeat([]byte{'o'}, 9000), bytes.Repeat([]byte{'n'}, 6000)
	seen := map[string]int{}
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 3))
		d := New(Options{})
		f := create(t, d, "/f")
		_, err := f.Write(bytes.Clone(old))
		must(t, err)
		must(t, f.SyncData())
		syncDir(t, d, "/")
		_, err = f.WriteAt(bytes.Clone(fresh[:2000]), 700)
		must(t, err)
		_, err = f.Write(bytes.Clone(fresh))
		must(t, err)
		next := d.Crash(rng, CrashOptions{DataKeptPercent: 10, DataTornPercent: 80})
		b, err := next.ReadFile("/f")
		must(t, err)
		if len(b) < 9000 || !bytes.Equal(b[:700], old[:700]) || !bytes.Equal(b[2700:9000], old[2700:]) {
			t.Fatalf("seed %d: synced bytes are gone", seed)
		}
		touched := append(bytes.Clone(b[700:2700]), b[9000:]...)
		news, zeros, olds := bytes.Count(touched, []byte("n")), bytes.Count(touched, []byte{0}), bytes.Count(touched, []byte("o"))
		switch {
		case news == 8000:
			seen["kept"]++
		case news == 0:
			seen["lost"]++
		case news+zeros+olds < len(touched):
			seen["garbage"]++
		case zeros > 0:
			seen["zeros"]++
		case len(b) == 9000 && olds > 0:
			seen["prefix"]++
		case len(b)%sectorBytes != 0:
			seen["cut inside a sector"]++
		}
	}
	for _, kind := range []string{"kept", "lost", "garbage", "zeros", "prefix", "cut inside a sector"} {
		if seen[kind] == 0 {
			t.Errorf("in 500 crashes, none of kind %q: %v", kind, seen)
		}
	}
}

func TestNamesNeedTheirDirectorySynced(t *testing.T) {
	d := New(Options{})
	must(t, d.MkdirAll("/d", 0o755))
	syncDir(t, d, "/")
	put(t, d, "/d/a", "a")
	put(t, d, "/d/b", "b")
	syncDir(t, d, "/d")
	put(t, d, "/d/c", "c")
	must(t, d.Rename("/d/a", "/d/x"))
	must(t, d.Remove("/d/b"))
	must(t, d.Link("/d/c", "/d/y"))
	lost := d.Clone(nil, CrashOptions{})
	if got := content(t, lost, "/d/a") + content(t, lost, "/d/b") + content(t, lost, "/d/c") + content(t, lost, "/d/x"); got != "abnonenone" {
		t.Errorf("unsynced names after a crash: %s", got)
	}
	kept := d.Clone(nil, CrashOptions{Entries: EntriesKept})
	if kept.Hash("/") != d.Hash("/") {
		t.Error("keeping all names gives something else")
	}
	syncDir(t, d, "/d")
	if next := d.Crash(nil, CrashOptions{}); next.Hash("/") != kept.Hash("/") {
		t.Error("a synced directory lost a name")
	}
}

// TestNothingSyncedVanishes replaces files in all the ways programs do: whichever of the changes survive, each
// synced content has a name afterwards.
func TestNothingSyncedVanishes(t *testing.T) {
	states := map[string]bool{}
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 4))
		d := New(Options{})
		must(t, d.MkdirAll("/d", 0o755))
		must(t, d.MkdirAll("/e", 0o755))
		put(t, d, "/d/x", "one")
		for _, dir := range []string{"/", "/d", "/e"} {
			syncDir(t, d, dir)
		}
		must(t, d.Rename("/d/x", "/d/y"))
		put(t, d, "/d/x", "two")
		must(t, d.Rename("/d/y", "/e/z"))
		must(t, d.Rename("/e", "/d/e"))
		rule := []EntryRule{EntriesPrefix, EntriesAny}[seed%2]
		next := d.Crash(rng, CrashOptions{Entries: rule, EntryPercent: 60})
		all := tree(t, next, "/")
		if n := strings.Count(all, `"one"`); n < 1 || n > 2 { // two: a move between directories of which one half is durable
			t.Fatalf("seed %d: file \"one\" has %d names:\n%s", seed, n, all)
		}
		if strings.Count(all, "/e/\n") != 1 {
			t.Fatalf("seed %d: the moved directory is not in exactly one place:\n%s", seed, all)
		}
		states[all] = true
	}
	if len(states) < 5 {
		t.Errorf("only %d different states", len(states))
	}
}

// TestMoveOfADirectoryIsOneChange syncs either parent: the directory is in its new place only.
func TestMoveOfADirectoryIsOneChange(t *testing.T) {
	for _, parent := range []string{"/a", "/b"} {
		d := New(Options{})
		must(t, d.MkdirAll("/a/dir", 0o755))
		must(t, d.MkdirAll("/b", 0o755))
		put(t, d, "/a/dir/f", "f")
		for _, dir := range []string{"/", "/a", "/a/dir"} {
			syncDir(t, d, dir)
		}
		must(t, d.Rename("/a/dir", "/b/dir"))
		syncDir(t, d, parent)
		if got := tree(t, d.Crash(nil, CrashOptions{}), "/"); got != "/a/\n/b/\n/b/dir/\n/b/dir/f \"f\"\n" {
			t.Errorf("after the sync of %s:\n%s", parent, got)
		}
	}
}

// TestDeathOfTheProcessLosesNothing, and a power loss right after it does.
func TestDeathOfTheProcessLosesNothing(t *testing.T) {
	d := New(Options{})
	f := create(t, d, "/f")
	_, err := f.Write([]byte("unsynced"))
	must(t, err)
	before := d.Hash("/")
	clone := d.Clone(nil, CrashOptions{KeepAll: true})
	next := d.Crash(nil, CrashOptions{KeepAll: true})
	if next.Hash("/") != before || clone.Hash("/") != before {
		t.Fatal("something was lost")
	}
	for _, d := range []*Disk{clone, next} {
		if got := tree(t, d.Crash(nil, CrashOptions{}), "/"); got != "" {
			t.Errorf("what nobody synced became durable: %s", got)
		}
	}
}

func TestOldLifeIsOver(t *testing.T) {
	d := New(Options{})
	f := create(t, d, "/f")
	lock, err := d.Lock("/lock")
	must(t, err)
	syncDir(t, d, "/")
	next := d.Crash(nil, CrashOptions{})
	_, err = f.Write([]byte("x"))
	errs := []error{err, f.Sync(), f.SyncData(), d.Remove("/f"), d.Rename("/f", "/g"), d.MkdirAll("/d", 0o755), f.Close()}
	_, err = f.ReadAt(make([]byte, 1), 0)
	errs = append(errs, err)
	_, err = d.List("/")
	errs = append(errs, err)
	_, err = d.Create("/h", vfs.WriteCategoryUnspecified)
	errs = append(errs, err)
	for i, err := range errs {
		if !errors.Is(err, ErrPowerOff) {
			t.Errorf("call %d of the old life: %v", i, err)
		}
	}
	relock, err := next.Lock("/lock")
	must(t, err)
	must(t, lock.Close())
	if _, err := next.Lock("/lock"); err == nil {
		t.Error("the old life released a lock of the new one")
	}
	must(t, relock.Close())
}

// TestCloneIsApart changes both disks after a Clone.
func TestCloneIsApart(t *testing.T) {
	d := New(Options{})
	put(t, d, "/f", "0123456789")
	syncDir(t, d, "/")
	clone := d.Clone(nil, CrashOptions{})
	for i, disk := range []*Disk{d, clone} {
		f, err := disk.OpenReadWrite("/f", vfs.WriteCategoryUnspecified)
		must(t, err)
		_, err = f.WriteAt([]byte{byte('a' + i)}, 3)
		must(t, err)
		_, err = f.WriteAt([]byte{byte('x' + i)}, 10)
		must(t, err)
	}
	must(t, clone.FlipBit("/f", 0))
	if a, b := content(t, d, "/f"), content(t, clone, "/f"); a != "012a456789x" || b != "112b456789y" {
		t.Errorf("%s and %s", a, b)
	}
}
