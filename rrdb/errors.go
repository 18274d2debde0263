package rrdb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
)

// Class says what kind of trouble an Error is; the replica above decides by it.
type Class uint8

const (
	ClassOther      Class = iota
	ClassCorruption       // the files cannot be trusted: quarantine the directory and learn again
	ClassIO               // the disk failed or refused
	ClassNoSpace          // the disk is full; also an IO error
	ClassClosed           // the store was closed meanwhile
	ClassOrder            // the caller broke the order of decrees
)

var classNames = [...]string{"failed", "corruption", "io error", "no space", "closed", "order"}

// Error is every error of this package: the operation, its class and the cause.
type Error struct {
	Op    string
	Class Class
	Err   error
}

func (e *Error) Error() string {
	return fmt.Sprintf("rrdb %s: %s: %v", e.Op, classNames[e.Class], e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// wrap classifies err once; an *Error passes through unchanged.
func wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	return &Error{Op: op, Class: classOf(err), Err: err}
}

func classOf(err error) Class {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return ClassNoSpace
	case errors.Is(err, pebble.ErrClosed):
		return ClassClosed
	case pebble.IsCorruptionError(err):
		return ClassCorruption
	}
	for _, io := range [...]error{syscall.EIO, syscall.EROFS, syscall.EACCES, syscall.EPERM, syscall.EMFILE,
		syscall.ENFILE, syscall.ENODEV, syscall.ENXIO, syscall.ETIMEDOUT, fs.ErrPermission} {
		if errors.Is(err, io) {
			return ClassIO
		}
	}
	var pe *fs.PathError
	var le *os.LinkError
	if errors.As(err, &pe) || errors.As(err, &le) {
		return ClassIO
	}
	return ClassOther
}

// openClass classifies a failure to open: whatever is not the disk refusing and not another
// process holding the directory means that the content cannot be understood. A file that is
// missing although the manifest names it is corruption too.
func openClass(err error) Class {
	switch c := classOf(err); {
	case errors.Is(err, syscall.EAGAIN), strings.Contains(err.Error(), "lock held by current process"):
		return ClassOther // the engine has no error value for the second
	case errors.Is(err, fs.ErrNotExist):
		return ClassCorruption
	case c == ClassOther:
		return ClassCorruption
	default:
		return c
	}
}

func classIs(err error, want ...Class) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	for _, c := range want {
		if e.Class == c {
			return true
		}
	}
	return false
}

// IsCorruption reports whether the store's files cannot be trusted any more.
func IsCorruption(err error) bool { return classIs(err, ClassCorruption) }

// IsIO reports whether the disk failed, a full disk included.
func IsIO(err error) bool { return classIs(err, ClassIO, ClassNoSpace) }

// IsNoSpace reports whether the disk is full.
func IsNoSpace(err error) bool { return classIs(err, ClassNoSpace) }

// IsClosed reports whether the store was closed.
func IsClosed(err error) bool { return classIs(err, ClassClosed) }

func closedError(op string) error {
	return &Error{Op: op, Class: ClassClosed, Err: errors.New("store is closed")}
}
