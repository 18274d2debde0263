package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	slackOfLinux = 50_000 // ns
	// startedAnew is in the environment of a process that did so.
	startedAnew = "PEGASUS_STARTED_ANEW"
)

// loosenTimers lets the kernel wake all threads of this process up to slack later than they asked for. While system calls block,
// a thread of the Go runtime looks after them every 20 µs; this is what it looks at less often, see docs/performance.md. Threads
// have the slack of the one that made them, so the process starts anew, once. It does not return then. Where the slack is not what
// Linux gives everybody, somebody chose it, and it stays.
func loosenTimers(ctx context.Context, slack time.Duration) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	was, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil {
		return fmt.Errorf("read the timer slack: %w", err)
	}
	if was != slackOfLinux || slack == 0 {
		return nil
	}
	if os.Getenv(startedAnew) != "" {
		return errors.New("the timer slack did not outlast the start")
	}
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(slack), 0, 0, 0); err != nil {
		return fmt.Errorf("set the timer slack: %w", err)
	}
	now, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err == nil && time.Duration(now) != slack {
		err = errors.New("threads of this scheduling policy have none")
	}
	if err != nil {
		return fmt.Errorf("set the timer slack: %w", err)
	}
	executable, err := os.Executable()
	if err == nil {
		err = ctx.Err() // who starts anew does not know that it was told to stop
	}
	if err == nil {
		err = syscall.Exec(executable, os.Args, append(os.Environ(), startedAnew+"=1"))
	}
	unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(was), 0, 0, 0)
	return fmt.Errorf("start anew with a timer slack of %v: %w", slack, err)
}
