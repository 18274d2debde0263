//go:build unix && cgo

package rrdb

import "golang.org/x/sys/unix"

// mapMemory returns zeroed memory outside of the Go heap, which is taken page by page as it is written to; nil when there is none.
func mapMemory(n int) []byte {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil
	}
	return b
}

func unmapMemory(b []byte) { _ = unix.Munmap(b) }
