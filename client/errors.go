package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// Status is the storage code in the `error` field of a data response (wire.md 6.2). It is a Go
// error so that errors.Is(err, client.StatusInvalidArgument) works.
type Status int32

// The storage codes.
const (
	StatusOK Status = iota
	StatusNotFound
	StatusCorruption
	StatusNotSupported
	StatusInvalidArgument
	StatusIOError
	StatusMergeInProgress
	StatusIncomplete
	StatusShutdownInProgress
	StatusTimedOut
	StatusAborted
	StatusBusy
	StatusExpired
	StatusTryAgain
)

var statusTexts = [...]string{
	"ok", "not found", "corruption", "not supported", "invalid argument", "io error",
	"merge in progress", "incomplete", "shutdown in progress", "timed out", "aborted", "busy",
	"expired", "try again",
}

func (s Status) Error() string {
	if s >= 0 && int(s) < len(statusTexts) {
		return statusTexts[s]
	}
	return fmt.Sprintf("storage error %d", int32(s))
}

// Error says which operation failed and why. Exactly one of Code and Status names the reason: Code
// is a dsn error (of the frame, of a meta's answer, or made here), Status a storage code.
type Error struct {
	Op     string         // "get", "create_app", "query_cfg"
	Target string         // table, or node for remote commands
	Code   base.ErrorCode // ErrOK when Status is the reason
	Status Status
	Hint   string // text sent by a meta along with its error
	Err    error  // cause, e.g. context.DeadlineExceeded
}

func (e *Error) Error() string {
	s := e.Op
	if e.Target != "" {
		s += " " + e.Target
	}
	s += ": " + e.Reason()
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	if e.Err != nil && e.Err.Error() != e.Code.Name {
		s += ": " + e.Err.Error()
	}
	return s
}

// Reason is the bare code: an ERR_ name or a storage code's text.
func (e *Error) Reason() string {
	if e.Code == base.ErrOK || e.Code == (base.ErrorCode{}) {
		return e.Status.Error()
	}
	return e.Code.Name
}

// Is makes errors.Is work with base.ErrorCode and Status values.
func (e *Error) Is(target error) bool {
	switch t := target.(type) {
	case base.ErrorCode:
		return e.Code == t
	case Status:
		return e.Code == base.ErrOK && e.Status == t
	}
	return false
}

func (e *Error) Unwrap() error { return e.Err }

// CodeOf is the dsn error code in err: ErrOK for nil, ErrUnknown when there is none.
func CodeOf(err error) base.ErrorCode {
	if err == nil {
		return base.ErrOK
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	var c base.ErrorCode
	if errors.As(err, &c) {
		return c
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return base.ErrTimeout
	}
	return base.ErrUnknown
}

// HintOf is the text a meta sent along with its error, or "".
func HintOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Hint
	}
	return ""
}

// codeOfCall maps what rpc.Pool.Call returned: a dsn code stays one, a done context is a timeout,
// anything else (an answer that does not parse) is ERR_INVALID_DATA.
func codeOfCall(err error) base.ErrorCode {
	var c base.ErrorCode
	switch {
	case err == nil:
		return base.ErrOK
	case errors.As(err, &c):
		return c
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return base.ErrTimeout
	}
	return base.ErrInvalidData
}
