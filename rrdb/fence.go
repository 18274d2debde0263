package rrdb

import (
	"errors"
	"io/fs"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// fence is the file system of one store. Once the store has failed for good nothing is written through it any more:
// the engine, which would have ended the process, goes on with what it has in memory and tries again, and what it
// would write then contradicts what is on disk (after a manifest that could not be synced: the same rows in two tables).
type fence struct {
	vfs.FS
	s *Store
}

func (f fence) check() error {
	if err := f.s.failed.Load(); err != nil {
		return err
	}
	return nil
}

func (f fence) file(name string, open func() (vfs.File, error)) (vfs.File, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	file, err := open()
	if err != nil {
		return nil, err
	}
	return fencedFile{File: file, f: f, name: name}, nil
}

func (f fence) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return f.file(name, func() (vfs.File, error) { return f.FS.Create(name, c) })
}

func (f fence) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return f.file(name, func() (vfs.File, error) { return f.FS.OpenReadWrite(name, c, o...) })
}

func (f fence) OpenDir(name string) (vfs.File, error) {
	file, err := f.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return fencedDir{File: file, f: f, name: name}, nil
}

func (f fence) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return f.file(to, func() (vfs.File, error) { return f.FS.ReuseForWrite(from, to, c) })
}

func (f fence) Link(from, to string) error {
	if err := f.check(); err != nil {
		return err
	}
	return f.FS.Link(from, to)
}

func (f fence) Remove(name string) error {
	if err := f.check(); err != nil {
		return err
	}
	return f.FS.Remove(name)
}

func (f fence) RemoveAll(name string) error {
	if err := f.check(); err != nil {
		return err
	}
	return f.FS.RemoveAll(name)
}

func (f fence) Rename(from, to string) error {
	if err := f.check(); err != nil {
		return err
	}
	return f.FS.Rename(from, to)
}

func (f fence) MkdirAll(name string, perm os.FileMode) error {
	if err := f.check(); err != nil {
		return err
	}
	return f.FS.MkdirAll(name, perm)
}

func (f fence) Unwrap() vfs.FS { return f.FS }

// fencedFile is a file that may be written.
type fencedFile struct {
	vfs.File
	f    fence
	name string
}

func (f fencedFile) Write(b []byte) (int, error) {
	if err := f.f.check(); err != nil {
		return 0, err
	}
	return f.File.Write(b)
}

func (f fencedFile) WriteAt(b []byte, off int64) (int, error) {
	if err := f.f.check(); err != nil {
		return 0, err
	}
	return f.File.WriteAt(b, off)
}

func (f fencedFile) Sync() error {
	if err := f.f.check(); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f fencedFile) SyncData() error {
	if err := f.f.check(); err != nil {
		return err
	}
	return pathError("sync", f.name, f.File.SyncData())
}

func (f fencedFile) SyncTo(length int64) (bool, error) {
	if err := f.f.check(); err != nil {
		return false, err
	}
	full, err := f.File.SyncTo(length)
	return full, pathError("sync", f.name, err)
}

// pathError adds the path, which the operating system's errors of some calls do not have.
func pathError(op, name string, err error) error {
	var pe *fs.PathError
	if err == nil || errors.As(err, &pe) {
		return err
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// fencedDir is a directory's handle. Where the engine cannot sync one it panics, on goroutines of its own too, which
// would end the whole server. It is told that all is well, and the store ends: nothing that it says later counts.
type fencedDir struct {
	vfs.File
	f    fence
	name string
}

func (f fencedDir) Sync() error {
	if f.f.check() != nil {
		return nil
	}
	if err := f.File.Sync(); err != nil {
		f.f.s.fail(wrap("sync directory "+f.name, pathError("sync", f.name, err)).(*Error))
	}
	return nil
}
