package check

import (
	"syscall"
	"unsafe"
)

const clockMonotonic = 1

// MonotonicNs is the clock that all processes of the machine share and nobody sets.
func MonotonicNs() int64 {
	var t syscall.Timespec
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&t)), 0); errno != 0 {
		panic(errno)
	}
	return t.Nano()
}
