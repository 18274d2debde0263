package rrdb

import (
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// ReadContext is what a read depends on besides the data.
type ReadContext struct {
	Now              uint32 // seconds of the expire_ts clock; 0: the wall clock
	PartitionVersion int32  // partition_count-1, or -1 while a split switches over
	ValidateHash     bool   // env replica.split.validate_partition_hash

	// ResponseBytesMax lowers EngineOptions.ResponseBytesMax for this read; 0: it does not.
	ResponseBytesMax int64

	// Caller names the client in the log of slow reads; may be nil.
	Caller interface{ RemoteAddr() string }
}

// ReadStat is what a read cost.
type ReadStat struct {
	Err        base.ErrorCode // for the frame: ErrOK, ErrInvalidData for an undecodable body, ErrInvalidState when the store is closed
	StorageErr error          // the engine failed; the reply tells the client, the replica must act
	Status     Status         // the error field of the reply
	Bytes      int            // the data size of rrdb.md §17.1: read capacity units and the size throttle; 0 counts as one unit
	Rows       int            // rows returned or counted
}

// Read answers one request: it appends the wrapped response to out. When st.Err is not ErrOK
// nothing was appended. OpClearScanner has no response and appends nothing. A request sees one
// state of the store, whatever is applied meanwhile.
func (s *Store) Read(op Op, body, out []byte, rc ReadContext) (res []byte, st ReadStat) {
	if err := s.enter("read"); err != nil {
		return out, ReadStat{Err: base.ErrInvalidState, StorageErr: s.Err()}
	}
	defer s.life.RUnlock()
	if rc.Now == 0 {
		rc.Now = base.EpochSeconds(time.Now())
	}
	if op == OpGet || op == OpTTL {
		return s.readPoint(op, body, out, rc)
	}
	return s.readMany(op, body, out, rc)
}

// responseMax is how many bytes of rows the answer may have.
func (r *reading) responseMax() int64 {
	most := r.s.engine.opts.ResponseBytesMax
	if r.rc.ResponseBytesMax > 0 {
		most = min(most, r.rc.ResponseBytesMax)
	}
	return most
}

// readPoint is apart from readMany because its state stays off the heap.
func (s *Store) readPoint(op Op, body, out []byte, rc ReadContext) ([]byte, ReadStat) {
	r := reading{s: s, out: out, rc: rc, st: ReadStat{Err: base.ErrOK}}
	if op == OpGet {
		r.get(body)
	} else {
		r.ttl(body)
	}
	return r.result(out)
}

func (s *Store) readMany(op Op, body, out []byte, rc ReadContext) ([]byte, ReadStat) {
	r := reading{s: s, out: out, rc: rc, st: ReadStat{Err: base.ErrOK}}
	switch op {
	case OpMultiGet:
		r.multiGet(body)
	case OpBatchGet:
		r.batchGet(body)
	case OpSortkeyCount:
		r.sortkeyCount(body)
	case OpGetScanner:
		r.getScanner(body)
	case OpScan:
		r.scan(body)
	case OpClearScanner:
		r.clearScanner(body)
	default:
		r.st.Err = base.ErrInvalidParameters
	}
	return r.result(out)
}

// reading is one Read in progress.
type reading struct {
	s   *Store
	out []byte
	rc  ReadContext
	st  ReadStat
}

// result is what Read returns; out is the buffer as it was.
func (r *reading) result(out []byte) ([]byte, ReadStat) {
	if r.st.Err != base.ErrOK {
		return out, r.st
	}
	return r.out, r.st
}

func (r *reading) undecodable() { r.st.Err = base.ErrInvalidData }

// failed notes an engine error and returns the status for the reply.
func (r *reading) failed(err error) Status {
	r.st.StorageErr = err
	r.st.Status = statusOf(err)
	return r.st.Status
}

// visible decodes a stored value and reports whether it is alive now.
func (r *reading) visible(v []byte) (row, bool, error) {
	row, err := decodeValue(r.s.schema, v)
	if err != nil {
		return row, false, &Error{Op: "read", Class: ClassCorruption, Err: err}
	}
	if base.Expired(row.expire, r.rc.Now) {
		r.s.stats.expiredReads.Add(1)
		return row, false, nil
	}
	return row, true, nil
}

// one finds the only live row that is asked for. What it returns may lie in the row cache: k is to be closed soon.
func (r *reading) one(k *keyReader, key []byte) (row, bool, error) {
	v, found, err := k.current(r.s, key)
	if err != nil || !found {
		return row{}, false, err
	}
	return r.visible(v)
}

// lookup finds a live row.
func (r *reading) lookup(k *keyReader, key []byte) (row, bool, error) {
	v, found, err := k.get(r.s, key)
	if err != nil || !found {
		return row{}, false, err
	}
	return r.visible(v)
}
