package faultfs

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// What follows looks at the disk from outside: no hook sees it and nothing is counted.

// File is a name on the disk.
type File struct {
	Path string
	Size int64
}

// Files lists all files (no directories) below root in the order of their paths.
func (d *Disk) Files(root string) (files []File) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	d.visit(root, func(path string, n *node) {
		if !n.dir {
			files = append(files, File{Path: path, Size: int64(len(n.data))})
		}
	})
	return files
}

// visit calls fn for everything below root, which it leaves out.
func (d *Disk) visit(root string, fn func(path string, n *node)) {
	if d.off {
		return
	}
	n, err := d.walk(root)
	if err != nil || !n.dir {
		return
	}
	var down func(path string, n *node)
	down = func(path string, n *node) {
		for _, name := range sortedNames(n.entries) {
			child := n.entries[name]
			at := path + "/" + name
			fn(at, child)
			down(at, child)
		}
	}
	if root == "/" {
		root = ""
	}
	down(root, n)
}

// Hash of all names and bytes below root; times do not count.
func (d *Disk) Hash(root string) string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	h := sha256.New()
	d.visit(root, func(path string, n *node) {
		fmt.Fprintf(h, "%q %v %d\n", path, n.dir, len(n.data))
		h.Write(n.data)
	})
	return hex.EncodeToString(h.Sum(nil))
}

// ReadFile returns a copy of a file's bytes.
func (d *Disk) ReadFile(path string) ([]byte, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	n, err := d.fileAt(path)
	if err != nil {
		return nil, pathError("read", path, err)
	}
	return slices.Clone(n.data), nil
}

func (d *Disk) fileAt(path string) (*node, error) {
	if d.off {
		return nil, ErrPowerOff
	}
	n, err := d.walk(path)
	if err == nil && n.dir {
		err = syscall.EISDIR
	}
	return n, err
}

// WriteFile puts a durable file of these bytes in place of what is there; its directory must exist and is synced.
func (d *Disk) WriteFile(path string, b []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		return pathError("create", path, ErrPowerOff)
	}
	dir, base, was, err := d.parent(path)
	if err == nil && was != nil && was.dir {
		err = syscall.EISDIR
	}
	if err != nil {
		return pathError("create", path, err)
	}
	n := &node{modTime: d.o.Now()}
	d.edit(edit{dir: dir, name: base, node: n})
	d.used += int64(len(b))
	n.write(b, 0)
	n.sync()
	dir.syncDir()
	return nil
}

// FlipBit changes one bit of a file where it lies: bit%8 of byte bit/8. It is no write: it needs no sync to last.
func (d *Disk) FlipBit(path string, bit int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.fileAt(path)
	if err == nil && (bit < 0 || bit/8 >= int64(len(n.data))) {
		err = syscall.EINVAL
	}
	if err != nil {
		return pathError("flip", path, err)
	}
	if n.shared {
		n.data, n.shared = slices.Clone(n.data), false
	}
	n.data[bit/8] ^= 1 << (bit % 8)
	return nil
}

// RandomBit picks one of all bits of the files below root that match; all files when match is nil. It says no when
// there is none.
func (d *Disk) RandomBit(rng *rand.Rand, root string, match func(path string) bool) (path string, bit int64, ok bool) {
	var files []File
	total := int64(0)
	for _, f := range d.Files(root) {
		if match == nil || match(f.Path) {
			files = append(files, f)
			total += f.Size
		}
	}
	if total == 0 {
		return "", 0, false
	}
	at := rng.Int64N(total)
	for _, f := range files {
		if at < f.Size {
			return f.Path, at*8 + int64(rng.IntN(8)), true
		}
		at -= f.Size
	}
	panic("unreachable")
}

// CopyTo copies the directory src of the disk to dst of another file system, for tools that need a real one.
func (d *Disk) CopyTo(fs vfs.FS, src, dst string) error {
	if err := fs.MkdirAll(dst, 0o755); err != nil {
		return err
	}
	for _, f := range d.Files(src) {
		to := dst + f.Path[len(src):]
		if err := fs.MkdirAll(fs.PathDir(to), 0o755); err != nil {
			return err
		}
		b, err := d.ReadFile(f.Path)
		if err != nil {
			return err
		}
		if err := writeFile(fs, to, b); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(fs vfs.FS, path string, b []byte) error {
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if _, err := f.Write(b); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
