//go:build unix

package rrdb

import "syscall"

// mapMemory returns zeroed memory outside of the Go heap, which is taken page by page as it is written to; nil when there is none.
func mapMemory(n int) []byte {
	b, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil
	}
	return b
}

func unmapMemory(b []byte) { _ = syscall.Munmap(b) }
