package plog

import (
	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"
)

// allocate reserves space and moves the end of the file behind it: then a sync has no new size to
// record. Measured on ext4, write and fdatasync of 1 KiB: 58 µs of CPU and 0.18 ms, against 82 µs
// and 0.24 to 0.28 ms for space that is reserved beyond the end, or not at all.
func allocate(file vfs.File, offset, length int64) error {
	if fd := file.Fd(); fd != vfs.InvalidFd {
		return unix.Fallocate(int(fd), 0, offset, length)
	}
	return file.Preallocate(offset, length)
}
