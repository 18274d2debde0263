package faultfs

import (
	"errors"
	"io"
	"os"
	"path"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// file is a handle.
type file struct {
	d     *Disk
	n     *node
	path  string
	pos   int64
	write bool
	shut  bool // under d.mu
}

var _ vfs.File = (*file)(nil)

// op asks the hooks and takes the disk. A *Short is returned with the disk taken.
func (f *file) op(op Op, exclusive bool) (short *Short, err error) {
	err = f.d.begin(op)
	if err != nil && !errors.As(err, &short) {
		return nil, err
	}
	if exclusive {
		f.d.mu.Lock()
	} else {
		f.d.mu.RLock()
	}
	if f.d.off {
		err = ErrPowerOff
	} else if f.shut {
		err = os.ErrClosed
	} else {
		return short, nil
	}
	f.unlock(exclusive)
	return nil, err
}

func (f *file) unlock(exclusive bool) {
	if exclusive {
		f.d.mu.Unlock()
	} else {
		f.d.mu.RUnlock()
	}
}

// Close implements vfs.File. The handle is gone whatever it returns.
func (f *file) Close() error {
	hook := f.d.begin(Op{Kind: OpClose, Path: f.path})
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.off {
		return pathError("close", f.path, ErrPowerOff)
	}
	if f.shut {
		return pathError("close", f.path, os.ErrClosed)
	}
	f.shut = true
	f.n.handles--
	f.d.release(f.n)
	return pathError("close", f.path, hook)
}

// Read implements vfs.File.
func (f *file) Read(b []byte) (int, error) {
	n, err := f.read(Op{Kind: OpRead, Path: f.path, Offset: f.pos, Bytes: len(b)}, b)
	f.pos += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

// ReadAt implements vfs.File.
func (f *file) ReadAt(b []byte, off int64) (int, error) {
	return f.read(Op{Kind: OpReadAt, Path: f.path, Offset: off, Bytes: len(b)}, b)
}

func (f *file) read(op Op, b []byte) (int, error) {
	short, err := f.op(op, false)
	if err != nil {
		return 0, pathError("read", f.path, err)
	}
	defer f.unlock(false)
	switch {
	case f.n.dir:
		return 0, pathError("read", f.path, syscall.EISDIR)
	case op.Offset < 0:
		return 0, pathError("read", f.path, syscall.EINVAL)
	}
	if short != nil {
		b = b[:max(min(short.Bytes, len(b)), 0)]
	}
	n := 0
	if op.Offset < int64(len(f.n.data)) {
		n = copy(b, f.n.data[op.Offset:])
	}
	switch {
	case short != nil:
		return n, pathError("read", f.path, short.Err)
	case n < len(b):
		return n, io.EOF
	}
	return n, nil
}

// Write implements vfs.File.
func (f *file) Write(b []byte) (int, error) {
	n, err := f.writeAt(Op{Kind: OpWrite, Path: f.path, Offset: f.pos, Bytes: len(b)}, b)
	f.pos += int64(n)
	return n, err
}

// WriteAt implements vfs.File.
func (f *file) WriteAt(b []byte, off int64) (int, error) {
	return f.writeAt(Op{Kind: OpWriteAt, Path: f.path, Offset: off, Bytes: len(b)}, b)
}

func (f *file) writeAt(op Op, b []byte) (n int, err error) {
	short, err := f.op(op, true)
	if err != nil {
		return 0, pathError("write", f.path, err)
	}
	defer f.unlock(true)
	switch {
	case f.n.dir || !f.write:
		return 0, pathError("write", f.path, syscall.EBADF)
	case op.Offset < 0:
		return 0, pathError("write", f.path, syscall.EINVAL)
	}
	if short != nil {
		b, err = b[:max(min(short.Bytes, len(b)), 0)], short.Err
	}
	if fits := f.d.room(f.n, op.Offset, int64(len(b))); fits < int64(len(b)) {
		b, err = b[:fits], syscall.ENOSPC
	}
	f.n.write(b, op.Offset)
	f.n.modTime = f.d.o.Now()
	return len(b), pathError("write", f.path, err)
}

// Preallocate implements vfs.File: it takes the space and leaves the size as it is.
func (f *file) Preallocate(offset, length int64) error {
	short, err := f.op(Op{Kind: OpPreallocate, Path: f.path, Offset: offset, Bytes: int(length)}, true)
	if err != nil {
		return err
	}
	defer f.unlock(true)
	switch {
	case short != nil:
		return short.Err
	case f.n.dir || !f.write:
		return syscall.EBADF
	case offset+length-f.n.space() > f.d.o.CapacityBytes-f.d.used:
		return syscall.ENOSPC
	}
	before := f.n.space()
	f.n.allocated = max(f.n.allocated, offset+length)
	f.d.used += f.n.space() - before
	return nil
}

// Sync implements vfs.File.
func (f *file) Sync() error { return pathError("sync", f.path, f.sync(OpSync)) }

// SyncData implements vfs.File. As with fdatasync, the error names no path.
func (f *file) SyncData() error { return f.sync(OpSyncData) }

func (f *file) sync(kind Kind) error {
	short, err := f.op(Op{Kind: kind, Path: f.path}, true)
	if err != nil {
		return err
	}
	defer f.unlock(true)
	if short != nil {
		return short.Err
	}
	if f.n.dir {
		f.n.syncDir()
	} else {
		f.n.sync()
	}
	return nil
}

// SyncTo implements vfs.File. It only asks for what follows anyway and promises nothing.
func (f *file) SyncTo(length int64) (fullSync bool, err error) {
	short, err := f.op(Op{Kind: OpSyncTo, Path: f.path, Bytes: int(length)}, true)
	if err != nil {
		return false, err
	}
	defer f.unlock(true)
	if short != nil {
		return false, short.Err
	}
	return false, nil
}

// Prefetch implements vfs.File.
func (f *file) Prefetch(int64, int64) error { return nil }

// Fd implements vfs.File.
func (f *file) Fd() uintptr { return vfs.InvalidFd }

// Stat implements vfs.File.
func (f *file) Stat() (vfs.FileInfo, error) {
	short, err := f.op(Op{Kind: OpStat, Path: f.path}, false)
	if err != nil {
		return nil, pathError("stat", f.path, err)
	}
	defer f.unlock(false)
	if short != nil {
		return nil, pathError("stat", f.path, short.Err)
	}
	return f.n.info(f.path), nil
}

// info describes a file.
type info struct {
	name    string
	size    int64
	modTime time.Time
	dir     bool
}

func (n *node) info(name string) info {
	return info{name: path.Base(name), size: int64(len(n.data)), modTime: n.modTime, dir: n.dir}
}

func (i info) Name() string           { return i.name }
func (i info) Size() int64            { return i.size }
func (i info) ModTime() time.Time     { return i.modTime }
func (i info) IsDir() bool            { return i.dir }
func (i info) Sys() any               { return nil }
func (i info) DeviceID() vfs.DeviceID { return vfs.DeviceID{} }

func (i info) Mode() os.FileMode {
	if i.dir {
		return os.ModeDir | 0o755
	}
	return 0o644
}
