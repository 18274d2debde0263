//go:build linux && !race

package rpc

import (
	"syscall"
	"unsafe"
)

func read(fd int, b []byte) (int, error) { return quick(syscall.SYS_READ, fd, b) }

// write tells the scheduler of large writes: they copy everything at once, while a large read comes in pieces anyway.
func write(fd int, b []byte) (int, error) {
	if len(b) > quickBytesMax {
		return syscall.Write(fd, b)
	}
	return quick(syscall.SYS_WRITE, fd, b)
}

// quick makes a call that reads or writes at most quickBytesMax of b.
func quick(call uintptr, fd int, b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	n, _, errno := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(min(len(b), quickBytesMax)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
