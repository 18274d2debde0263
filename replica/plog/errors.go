package plog

import (
	"errors"
	"fmt"
)

var (
	// ErrGone says that Read cannot serve the first decree asked for: it was collected, or never logged.
	ErrGone = errors.New("plog: decree is not in the log")
	// ErrClosed is given to appends after Close.
	ErrClosed = errors.New("plog: log is closed")
	// ErrFull is given to an append that would exceed PendingBytesMax. Its entries are not in the log,
	// the log itself goes on.
	ErrFull = errors.New("plog: too many bytes wait to be written")
	// ErrTooLarge is given to an append whose entries exceed EntryBytesMax together.
	ErrTooLarge = errors.New("plog: append is too large")
	// ErrStarted is returned by Replay after the first Append.
	ErrStarted = errors.New("plog: replay after the first append")
)

// CorruptError reports bytes that were once synced and cannot be read any more, or files that
// contradict each other. Nothing was changed on disk.
type CorruptError struct {
	File   string // path
	Offset int64
	Reason string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("plog: %s is corrupt at offset %d: %s", e.File, e.Offset, e.Reason)
}

// IsCorrupt says whether err comes from damaged files rather than from a failing disk or a caller.
func IsCorrupt(err error) bool {
	var c *CorruptError
	return errors.As(err, &c)
}

// IOError is a failed file operation. A log that met one while writing stays failed.
type IOError struct {
	Op   string
	File string
	Err  error
}

func (e *IOError) Error() string { return fmt.Sprintf("plog: %s %s: %v", e.Op, e.File, e.Err) }
func (e *IOError) Unwrap() error { return e.Err }

func ioErr(op, file string, err error) error {
	if err == nil {
		return nil
	}
	return &IOError{Op: op, File: file, Err: err}
}
