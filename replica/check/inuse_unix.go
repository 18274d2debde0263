//go:build unix

package check

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// lockedByOther says whether another process holds the lock on a file, without taking it.
func lockedByOther(name string) (bool, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_GETLK, &lock); err != nil {
		return false, &os.PathError{Op: "lock", Path: name, Err: err}
	}
	return lock.Type != unix.F_UNLCK, nil
}
