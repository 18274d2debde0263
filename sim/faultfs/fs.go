package faultfs

import (
	"io"
	"os"
	"path"
	"slices"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// lock asks the hooks about op and takes the disk for a change, unless the power is off.
func (d *Disk) lock(op Op) error {
	if err := d.begin(op); err != nil {
		return err
	}
	d.mu.Lock()
	if d.off {
		d.mu.Unlock()
		return ErrPowerOff
	}
	return nil
}

func (d *Disk) rlock(op Op) error {
	if err := d.begin(op); err != nil {
		return err
	}
	d.mu.RLock()
	if d.off {
		d.mu.RUnlock()
		return ErrPowerOff
	}
	return nil
}

// Create implements vfs.FS: a file of that name is removed first.
func (d *Disk) Create(name string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.create(name)
	if err != nil {
		return nil, pathError("create", name, err)
	}
	return f, nil
}

func (d *Disk) create(name string) (*file, error) {
	if err := d.lock(Op{Kind: OpCreate, Path: name}); err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	dir, base, was, err := d.parent(name)
	if err == nil && was != nil && was.dir {
		err = syscall.EISDIR
	}
	if err != nil {
		return nil, err
	}
	n := &node{modTime: d.o.Now()}
	d.edit(edit{dir: dir, name: base, node: n})
	return d.handle(n, name, true), nil
}

// handle opens n.
func (d *Disk) handle(n *node, name string, write bool) *file {
	n.handles++
	return &file{d: d, n: n, path: name, write: write}
}

// Link implements vfs.FS.
func (d *Disk) Link(oldname, newname string) error {
	fail := func(err error) error { return &os.LinkError{Op: "link", Old: oldname, New: newname, Err: err} }
	if err := d.lock(Op{Kind: OpLink, Path: oldname, To: newname}); err != nil {
		return fail(err)
	}
	defer d.mu.Unlock()
	n, err := d.walk(oldname)
	if err != nil {
		return fail(err)
	}
	if n.dir {
		return fail(syscall.EPERM)
	}
	dir, base, was, err := d.parent(newname)
	if err == nil && was != nil {
		err = syscall.EEXIST
	}
	if err != nil {
		return fail(err)
	}
	d.edit(edit{dir: dir, name: base, node: n})
	return nil
}

// Open implements vfs.FS.
func (d *Disk) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := d.open(name, false)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	for _, o := range opts {
		o.Apply(f)
	}
	return f, nil
}

func (d *Disk) open(name string, write bool) (*file, error) {
	if err := d.lock(Op{Kind: OpOpen, Path: name}); err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	n, err := d.walk(name)
	if err == nil && write && n.dir {
		err = syscall.EISDIR
	}
	if err != nil {
		return nil, err
	}
	return d.handle(n, name, write), nil
}

// OpenReadWrite implements vfs.FS.
func (d *Disk) OpenReadWrite(name string, _ vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := d.open(name, true)
	if err == syscall.ENOENT {
		f, err = d.create(name)
	}
	if err != nil {
		return nil, pathError("open", name, err)
	}
	for _, o := range opts {
		o.Apply(f)
	}
	return f, nil
}

// OpenDir implements vfs.FS.
func (d *Disk) OpenDir(name string) (vfs.File, error) { return d.Open(name) }

// Remove implements vfs.FS.
func (d *Disk) Remove(name string) error {
	if err := d.lock(Op{Kind: OpRemove, Path: name}); err != nil {
		return pathError("remove", name, err)
	}
	defer d.mu.Unlock()
	dir, base, n, err := d.parent(name)
	switch {
	case err != nil:
	case n == nil:
		err = syscall.ENOENT
	case len(n.entries) > 0:
		err = syscall.ENOTEMPTY
	}
	if err != nil {
		return pathError("remove", name, err)
	}
	d.edit(edit{dir: dir, name: base})
	return nil
}

// RemoveAll implements vfs.FS. Each file and directory goes by a change of its own, the innermost first.
func (d *Disk) RemoveAll(name string) error {
	if err := d.lock(Op{Kind: OpRemoveAll, Path: name}); err != nil {
		return pathError("removeall", name, err)
	}
	defer d.mu.Unlock()
	dir, base, n, err := d.parent(name)
	if err == syscall.ENOENT || (err == nil && n == nil) {
		return nil
	}
	if err != nil {
		return pathError("removeall", name, err)
	}
	d.removeTree(dir, base, n)
	return nil
}

func (d *Disk) removeTree(dir *node, name string, n *node) {
	for _, child := range sortedNames(n.entries) {
		d.removeTree(n, child, n.entries[child])
	}
	d.edit(edit{dir: dir, name: name})
}

// Rename implements vfs.FS.
func (d *Disk) Rename(oldname, newname string) error {
	if err := d.rename(oldname, newname); err != nil {
		return &os.LinkError{Op: "rename", Old: oldname, New: newname, Err: err}
	}
	return nil
}

func (d *Disk) rename(oldname, newname string) error {
	if err := d.lock(Op{Kind: OpRename, Path: oldname, To: newname}); err != nil {
		return err
	}
	defer d.mu.Unlock()
	from, oldbase, n, err := d.parent(oldname)
	if err != nil {
		return err
	}
	to, newbase, was, err := d.parent(newname)
	switch {
	case err != nil:
		return err
	case n == nil:
		return syscall.ENOENT
	case was == n:
		return nil
	case n.dir && n.holds(to):
		return syscall.EINVAL
	case was != nil && was.dir && !n.dir:
		return syscall.EISDIR
	case was != nil && !was.dir && n.dir:
		return syscall.ENOTDIR
	case was != nil && len(was.entries) > 0:
		return syscall.ENOTEMPTY
	}
	d.edit(edit{dir: from, name: oldbase}, edit{dir: to, name: newbase, node: n})
	return nil
}

// holds says whether dir is n or below it.
func (n *node) holds(dir *node) bool {
	if n == dir {
		return true
	}
	for _, child := range n.entries {
		if child.dir && child.holds(dir) {
			return true
		}
	}
	return false
}

// ReuseForWrite implements vfs.FS: the old bytes stay until they are overwritten.
func (d *Disk) ReuseForWrite(oldname, newname string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	if err := d.Rename(oldname, newname); err != nil {
		return nil, err
	}
	f, err := d.open(newname, true)
	if err != nil {
		return nil, pathError("open", newname, err)
	}
	return f, nil
}

// MkdirAll implements vfs.FS.
func (d *Disk) MkdirAll(name string, _ os.FileMode) error {
	if err := d.lock(Op{Kind: OpMkdir, Path: name}); err != nil {
		return pathError("mkdir", name, err)
	}
	defer d.mu.Unlock()
	n := d.root
	for _, part := range split(name) {
		child := n.entries[part]
		if child == nil {
			child = newDir(d.o.Now())
			d.edit(edit{dir: n, name: part, node: child})
		}
		if !child.dir {
			return pathError("mkdir", name, syscall.ENOTDIR)
		}
		n = child
	}
	return nil
}

// Lock implements vfs.FS. It excludes other callers of the same life of the disk.
func (d *Disk) Lock(name string) (io.Closer, error) {
	if err := d.lock(Op{Kind: OpLock, Path: name}); err != nil {
		return nil, pathError("lock", name, err)
	}
	defer d.mu.Unlock()
	dir, base, n, err := d.parent(name)
	switch {
	case err != nil:
	case n != nil && n.dir:
		err = syscall.EISDIR
	case n != nil && n.locked:
		err = syscall.EAGAIN
	}
	if err != nil {
		return nil, pathError("lock", name, err)
	}
	if n == nil {
		n = &node{modTime: d.o.Now()}
		d.edit(edit{dir: dir, name: base, node: n})
	}
	n.locked = true
	n.handles++
	return &fileLock{d: d, n: n}, nil
}

type fileLock struct {
	d *Disk
	n *node // nil once released
}

// Close releases the lock.
func (l *fileLock) Close() error {
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	if n := l.n; n != nil && !l.d.off {
		n.locked = false
		n.handles--
		l.d.release(n)
	}
	l.n = nil
	return nil
}

// List implements vfs.FS; the names are sorted.
func (d *Disk) List(name string) ([]string, error) {
	if err := d.rlock(Op{Kind: OpList, Path: name}); err != nil {
		return nil, pathError("list", name, err)
	}
	defer d.mu.RUnlock()
	n, err := d.walk(name)
	if err == nil && !n.dir {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return nil, pathError("list", name, err)
	}
	return sortedNames(n.entries), nil
}

func sortedNames(entries map[string]*node) []string {
	names := make([]string, 0, len(entries))
	for name := range entries {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Stat implements vfs.FS.
func (d *Disk) Stat(name string) (vfs.FileInfo, error) {
	if err := d.rlock(Op{Kind: OpStat, Path: name}); err != nil {
		return nil, pathError("stat", name, err)
	}
	defer d.mu.RUnlock()
	n, err := d.walk(name)
	if err != nil {
		return nil, pathError("stat", name, err)
	}
	return n.info(name), nil
}

// PathBase implements vfs.FS.
func (*Disk) PathBase(name string) string { return path.Base(name) }

// PathJoin implements vfs.FS.
func (*Disk) PathJoin(parts ...string) string { return path.Join(parts...) }

// PathDir implements vfs.FS.
func (*Disk) PathDir(name string) string { return path.Dir(name) }

// GetDiskUsage implements vfs.FS.
func (d *Disk) GetDiskUsage(name string) (vfs.DiskUsage, error) {
	if err := d.rlock(Op{Kind: OpUsage, Path: name}); err != nil {
		return vfs.DiskUsage{}, pathError("statfs", name, err)
	}
	defer d.mu.RUnlock()
	if _, err := d.walk(name); err != nil {
		return vfs.DiskUsage{}, pathError("statfs", name, err)
	}
	used, total := uint64(d.used), uint64(d.o.CapacityBytes)
	return vfs.DiskUsage{AvailBytes: total - min(used, total), TotalBytes: total, UsedBytes: used}, nil
}

// Unwrap implements vfs.FS.
func (*Disk) Unwrap() vfs.FS { return nil }
