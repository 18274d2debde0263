package check

import (
	"io"
	"os"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// readOnly refuses every change. Locks are granted without a file: who may look was decided before.
type readOnly struct{ vfs.FS }

func refuse(op, name string) error { return &os.PathError{Op: op, Path: name, Err: syscall.EROFS} }

func (readOnly) Create(name string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, refuse("create", name)
}

func (readOnly) OpenReadWrite(name string, _ vfs.DiskWriteCategory, _ ...vfs.OpenOption) (vfs.File, error) {
	return nil, refuse("open for writing", name)
}

func (readOnly) ReuseForWrite(name, _ string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, refuse("reuse", name)
}

func (readOnly) Link(_, name string) error                 { return refuse("link", name) }
func (readOnly) Remove(name string) error                  { return refuse("remove", name) }
func (readOnly) RemoveAll(name string) error               { return refuse("remove", name) }
func (readOnly) Rename(name, _ string) error               { return refuse("rename", name) }
func (readOnly) MkdirAll(name string, _ os.FileMode) error { return refuse("mkdir", name) }

type noLock struct{}

func (noLock) Close() error { return nil }

func (readOnly) Lock(string) (io.Closer, error) { return noLock{}, nil }
