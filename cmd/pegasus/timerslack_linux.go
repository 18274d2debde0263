package main

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// loosenTimers lets the kernel wake all threads of this process up to slack later than they asked for. While system calls block,
// a thread of the Go runtime looks after them every 20 µs; this is what it looks at less often, see docs/performance.md. Threads
// have the slack of the one that made them, so the process starts anew, once. It does not return then.
func loosenTimers(slack time.Duration) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	was, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil {
		return fmt.Errorf("read the timer slack: %w", err)
	}
	if time.Duration(was) >= slack {
		return nil
	}
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(slack), 0, 0, 0); err != nil {
		return fmt.Errorf("set the timer slack: %w", err)
	}
	now, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil || time.Duration(now) != slack { // a thread with a real-time policy has none
		return err
	}
	executable, err := os.Executable()
	if err == nil {
		err = syscall.Exec(executable, os.Args, os.Environ())
	}
	unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(was), 0, 0, 0)
	return fmt.Errorf("start anew with a timer slack of %v: %w", slack, err)
}
