package sim

import (
	"errors"
	"math/rand/v2"
	"os"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// errPowerOff is what every change to a file gets once the power is gone.
var errPowerOff = errors.New("power is off")

// PowerFS is the disk of one server. Cut ends it at one instant: what was synced before is in the
// image for the next life, and nothing that the old life does afterwards succeeds, so that it can
// promise nothing that the image does not hold.
type PowerFS struct {
	vfs.FS
	mem *vfs.MemFS

	mu  sync.RWMutex // read side: a change in progress
	off bool
	bad error // what every change gets until it is nil again
}

// Fail makes every change fail with err, as on a full disk, until Fail(nil).
func (f *PowerFS) Fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bad = err
}

// NewPowerFS returns an empty disk.
func NewPowerFS() *PowerFS { return powerFS(vfs.NewCrashableMem()) }

func powerFS(mem *vfs.MemFS) *PowerFS { return &PowerFS{FS: mem, mem: mem} }

// Cut turns the power off and returns the disk as the next life finds it: everything synced, and of
// the rest each block with the given probability (100: the process died and the system lives on).
func (f *PowerFS) Cut(rng *rand.Rand, unsyncedPercent int) *PowerFS {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.off = true
	return powerFS(f.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsyncedPercent, RNG: rng}))
}

// change runs one change to the disk unless the power is off.
func (f *PowerFS) change(run func() error) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.off {
		return errPowerOff
	}
	if f.bad != nil {
		return f.bad
	}
	return run()
}

func (f *PowerFS) file(open func() (vfs.File, error)) (file vfs.File, err error) {
	err = f.change(func() error {
		file, err = open()
		return err
	})
	if err != nil {
		return nil, err
	}
	return &powerFile{File: file, fs: f}, nil
}

// Create implements vfs.FS.
func (f *PowerFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return f.file(func() (vfs.File, error) { return f.FS.Create(name, c) })
}

// Link implements vfs.FS.
func (f *PowerFS) Link(oldname, newname string) error {
	return f.change(func() error { return f.FS.Link(oldname, newname) })
}

// OpenReadWrite implements vfs.FS.
func (f *PowerFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return f.file(func() (vfs.File, error) { return f.FS.OpenReadWrite(name, c, opts...) })
}

// OpenDir implements vfs.FS.
func (f *PowerFS) OpenDir(name string) (vfs.File, error) {
	return f.file(func() (vfs.File, error) { return f.FS.OpenDir(name) })
}

// Remove implements vfs.FS.
func (f *PowerFS) Remove(name string) error {
	return f.change(func() error { return f.FS.Remove(name) })
}

// RemoveAll implements vfs.FS.
func (f *PowerFS) RemoveAll(name string) error {
	return f.change(func() error { return f.FS.RemoveAll(name) })
}

// Rename implements vfs.FS.
func (f *PowerFS) Rename(oldname, newname string) error {
	return f.change(func() error { return f.FS.Rename(oldname, newname) })
}

// ReuseForWrite implements vfs.FS.
func (f *PowerFS) ReuseForWrite(oldname, newname string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return f.file(func() (vfs.File, error) { return f.FS.ReuseForWrite(oldname, newname, c) })
}

// MkdirAll implements vfs.FS.
func (f *PowerFS) MkdirAll(dir string, perm os.FileMode) error {
	return f.change(func() error { return f.FS.MkdirAll(dir, perm) })
}

// powerFile is a file that fails with its disk.
type powerFile struct {
	vfs.File
	fs *PowerFS
}

func (f *powerFile) Write(b []byte) (n int, err error) {
	err = f.fs.change(func() error { n, err = f.File.Write(b); return err })
	return n, err
}

func (f *powerFile) WriteAt(b []byte, off int64) (n int, err error) {
	err = f.fs.change(func() error { n, err = f.File.WriteAt(b, off); return err })
	return n, err
}

func (f *powerFile) Preallocate(offset, length int64) error {
	return f.fs.change(func() error { return f.File.Preallocate(offset, length) })
}

func (f *powerFile) Sync() error     { return f.fs.change(f.File.Sync) }
func (f *powerFile) SyncData() error { return f.fs.change(f.File.SyncData) }

func (f *powerFile) SyncTo(length int64) (full bool, err error) {
	err = f.fs.change(func() error { full, err = f.File.SyncTo(length); return err })
	return full, err
}
