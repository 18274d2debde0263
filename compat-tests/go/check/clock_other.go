//go:build !linux

package check

import "time"

// MonotonicNs is the wall clock where the shared monotonic one can't be had; histories are recorded on Linux only.
func MonotonicNs() int64 { return time.Now().UnixNano() }
