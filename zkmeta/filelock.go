package zkmeta

import (
	"errors"
	"os"
	"syscall"
)

type lockMode int

const (
	exclusive lockMode = syscall.LOCK_EX
	shared    lockMode = syscall.LOCK_SH // only to ask whether somebody holds it
)

// fileLock is an flock(2) on its own file description, so it also excludes other
// handles of the same process. The kernel frees it when the process ends.
type fileLock struct {
	f    *os.File
	path string
}

// tryLock returns nil without an error when somebody else holds the lock.
func tryLock(path string, mode lockMode) (*fileLock, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), int(mode)|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, f.Close()
	}
	if err != nil {
		return nil, errors.Join(&os.PathError{Op: "flock", Path: path, Err: err}, f.Close())
	}
	l := &fileLock{f: f, path: path}
	if !l.held() { // replaced between open and flock
		l.release()
		return nil, nil
	}
	return l, nil
}

// held says whether the locked file is still the one that others would lock.
func (l *fileLock) held() bool {
	mine, err1 := l.f.Stat()
	current, err2 := os.Stat(l.path)
	return err1 == nil && err2 == nil && os.SameFile(mine, current)
}

func (l *fileLock) release() { l.f.Close() }
