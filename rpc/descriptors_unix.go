//go:build unix

package rpc

import (
	"math"
	"syscall"
)

// descriptorsMax is how many files and connections this process may have open.
func descriptorsMax() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || uint64(limit.Cur) > math.MaxInt32 {
		return math.MaxInt32
	}
	return max(int(limit.Cur), 2)
}
