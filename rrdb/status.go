package rrdb

import "encoding/binary"

// Status is the error field inside a response body: the numbers of rocksdb::Status (rrdb.md §3.1).
type Status = int32

// The statuses that clients of this store can meet.
const (
	StatusOK                 Status = 0
	StatusNotFound           Status = 1
	StatusCorruption         Status = 2
	StatusInvalidArgument    Status = 4
	StatusIOError            Status = 5
	StatusIncomplete         Status = 7
	StatusShutdownInProgress Status = 8
	StatusTryAgain           Status = 13
)

// ReplyStatus reads the error field of a wrapped response made by this package. It is what the
// capacity accounting of a write needs to know about its outcome.
func ReplyStatus(body []byte) Status {
	// 0C 0000 | 08 0001 i32
	if len(body) < 10 || body[3] != tagI32 {
		return StatusOK
	}
	return Status(binary.BigEndian.Uint32(body[6:]))
}

// statusOf maps an engine error to the number a client sees.
func statusOf(err error) Status {
	switch {
	case err == nil:
		return StatusOK
	case IsCorruption(err):
		return StatusCorruption
	case IsClosed(err):
		return StatusShutdownInProgress
	default:
		return StatusIOError
	}
}
