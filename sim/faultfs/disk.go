package faultfs

import (
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrPowerOff is what everything on a disk gets after Crash.
var ErrPowerOff = errors.New("power is off")

// defaultCapacityBytes is the size of a disk of which nobody said how large it is.
const defaultCapacityBytes = 1 << 40

// Options of a disk.
type Options struct {
	// Now dates files; default time.Now. A simulation gives its own clock.
	Now func() time.Time
	// CapacityBytes bounds the bytes of all files, preallocated space included; default 1 TiB. A write that
	// does not fit is cut short and fails with ENOSPC.
	CapacityBytes int64
}

// Disk is a file system in memory. It is safe for concurrent use.
type Disk struct {
	o      Options
	counts [kinds]atomic.Int64
	fault  atomic.Pointer[func(Op) error]
	delay  atomic.Pointer[func(Op)]

	mu   sync.RWMutex
	off  bool
	root *node
	used int64 // bytes of files that have a name or a handle
	seq  uint64
}

var _ vfs.FS = (*Disk)(nil)

// New returns an empty disk.
func New(o Options) *Disk {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.CapacityBytes == 0 {
		o.CapacityBytes = defaultCapacityBytes
	}
	return &Disk{o: o, root: newDir(o.Now())}
}

// SetCapacity changes Options.CapacityBytes.
func (d *Disk) SetCapacity(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.o.CapacityBytes = bytes
}

// split cuts a path into its names. Absolute and relative paths are the same: the root is the current directory.
func split(path string) (parts []string) {
	for path != "" {
		name, rest, _ := strings.Cut(path, "/")
		if name != "" && name != "." {
			parts = append(parts, name)
		}
		path = rest
	}
	return parts
}

// walk finds the node at path.
func (d *Disk) walk(path string) (*node, error) {
	n := d.root
	for path != "" {
		var name string
		name, path, _ = strings.Cut(path, "/")
		if name == "" || name == "." {
			continue
		}
		if !n.dir {
			return nil, syscall.ENOTDIR
		}
		n = n.entries[name]
		if n == nil {
			return nil, syscall.ENOENT
		}
	}
	return n, nil
}

// parent finds the directory that holds path, the name in it, and what has the name now, if anything.
func (d *Disk) parent(path string) (dir *node, name string, n *node, err error) {
	path = strings.TrimRight(path, "/")
	i := strings.LastIndexByte(path, '/')
	name = path[i+1:]
	if name == "" || name == "." || name == ".." {
		return nil, "", nil, syscall.EINVAL
	}
	dir, err = d.walk(path[:i+1])
	if err != nil {
		return nil, "", nil, err
	}
	if !dir.dir {
		return nil, "", nil, syscall.ENOTDIR
	}
	return dir, name, dir.entries[name], nil
}

// edit applies edits to the current state and leaves the change pending in each directory.
func (d *Disk) edit(edits ...edit) {
	d.seq++
	c := &change{seq: d.seq, edits: edits}
	now := d.o.Now()
	for i := range edits {
		e := &edits[i]
		e.was = e.dir.entries[e.name]
		e.apply(e.dir.entries)
		if e.node != nil {
			e.node.links++
		}
		e.dir.modTime = now
		if !slices.Contains(e.dir.pending, c) {
			e.dir.pending = append(e.dir.pending, c)
		}
	}
	for _, e := range edits {
		if e.was != nil {
			e.was.links--
			d.release(e.was)
		}
	}
}

// release gives the space of a file back once it has neither name nor handle.
func (d *Disk) release(n *node) {
	if n.links == 0 && n.handles == 0 && !n.dir {
		d.used -= n.space()
	}
}

// room says how many of the bytes at off fit on the disk, and takes the space.
func (d *Disk) room(n *node, off, bytes int64) int64 {
	free := d.o.CapacityBytes - d.used
	before := n.space()
	if grow := off + bytes - before; grow > max(free, 0) {
		bytes = max(bytes-(grow-max(free, 0)), 0)
	}
	if bytes > 0 {
		d.used += max(off+bytes-before, 0)
	}
	return bytes
}

func pathError(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: path, Err: err}
}
