package rrdb

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// fence is the file system of one store. Once the store has failed for good nothing is written through it any more:
// what the engine would write then contradicts what is on disk.
//
// Where the engine cannot write or sync its manifest, or sync a directory, it wants the process to end: it panics, or
// reports a fatal error, after which what it has in memory is wrong (the same rows flushed twice, compactions that
// panic). So it is told that all went well, and the store ends instead: it answers nothing any more, and the
// directory opens as after a crash at that moment.
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
	err := f.check()
	var file vfs.File
	if err == nil {
		file, err = open()
	}
	if vital(f.FS.PathBase(name)) {
		return vitalFile{File: file, f: f, name: name}, f.end("create "+name, err)
	}
	if err != nil {
		return nil, err
	}
	return fencedFile{File: file, f: f, name: name}, nil
}

// vital says whether the engine cannot go on without writing a file of this name.
func vital(base string) bool {
	return strings.HasPrefix(base, "MANIFEST-") || strings.HasPrefix(base, "marker.")
}

// end ends the store over an error that the engine must not see.
func (f fence) end(op string, err error) error {
	if err == nil {
		return nil
	}
	var e *Error
	if !errors.As(wrap(op, err), &e) {
		e = &Error{Op: op, Class: ClassOther, Err: err}
	}
	f.s.fail(e)
	return nil
}

func (f fence) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.file(name, func() (vfs.File, error) { return f.FS.Create(name, c) })
	plain, ok := file.(fencedFile)
	if !ok || f.s.engine.opts.Deterministic {
		return file, err
	}
	switch c {
	case compactionCategory:
		return pacedFile{plain}, err
	case flushCategory:
		return flushedFile{plain}, err
	}
	return file, err
}

func (f fence) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return f.file(name, func() (vfs.File, error) { return f.FS.OpenReadWrite(name, c, o...) })
}

func (f fence) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	file, err := f.FS.Open(name, o...)
	if err != nil || f.s.engine.opts.Deterministic {
		return file, err
	}
	return sourceFile{File: file, s: f.s}, nil
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

// vitalFile is a manifest or a marker. What fails ends the store; after that it takes everything and keeps nothing.
type vitalFile struct {
	vfs.File // nil when it could not be created
	f        fence
	name     string
}

func (v vitalFile) do(op string, run func() error) error {
	if v.f.check() != nil {
		return nil
	}
	return v.f.end(op+" "+v.name, pathError(op, v.name, run()))
}

func (v vitalFile) Write(b []byte) (int, error) {
	return len(b), v.do("write", func() error { _, err := v.File.Write(b); return err })
}

func (v vitalFile) Sync() error     { return v.do("sync", func() error { return v.File.Sync() }) }
func (v vitalFile) SyncData() error { return v.do("sync", func() error { return v.File.SyncData() }) }

func (v vitalFile) SyncTo(length int64) (full bool, err error) {
	err = v.do("sync", func() error { full, err = v.File.SyncTo(length); return err })
	return full, err
}

func (v vitalFile) Preallocate(offset, length int64) error {
	return v.do("preallocate", func() error { return v.File.Preallocate(offset, length) })
}

func (v vitalFile) Close() error {
	if v.File == nil {
		return nil
	}
	return v.f.end("close "+v.name, pathError("close", v.name, v.File.Close()))
}

// Fd has no descriptor to give where there is no file.
func (v vitalFile) Fd() uintptr {
	if v.File == nil {
		return vfs.InvalidFd
	}
	return v.File.Fd()
}

// fencedDir is a directory's handle.
type fencedDir struct {
	vfs.File
	f    fence
	name string
}

func (f fencedDir) Sync() error {
	if f.f.check() != nil {
		return nil
	}
	return f.f.end("sync directory "+f.name, pathError("sync", f.name, f.File.Sync()))
}
