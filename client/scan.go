package client

import (
	"bytes"
	"context"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
	"github.com/pegasus-go/pegasus/rpc"
)

// ScanOptions of a scanner. The zero value passes every row.
type ScanOptions struct {
	BatchSize      int32 // rows per request; default 500, the server caps at 1000
	StartExclusive bool  // hash-key scans only
	StopInclusive  bool  // hash-key scans only
	HashKeyFilter  Filter
	SortKeyFilter  Filter
	NoValue        bool
	ReturnExpireTS bool // fill Row.ExpireTS
}

// Row is what a scanner yields.
type Row struct {
	HashKey  []byte
	SortKey  []byte
	Value    []byte
	ExpireTS uint32 // seconds since 2016-01-01 UTC, 0 none; only with ReturnExpireTS
	Info     Info   // where it was read
}

// contextDone is the context id of a scan that has delivered everything.
const contextDone = -1

// Scanner walks rows of one hash key or one partition in key order. It survives a change of primary
// and the loss of the server's scan context: it goes on behind the last row it delivered. A Scanner
// belongs to one goroutine.
type Scanner struct {
	t        *Table
	hash     uint64
	req      rrdb.GetScannerRequest
	open     bool // contextID is alive at server `at`
	done     bool
	context  int64
	at       base.RPCAddress
	batch    []*rrdb.KeyValue
	batchRaw []byte // key of the row delivered last, where a reopened scan resumes
	info     Info
}

// HashScanner walks the rows of one hash key from start to stop (nil: from the first, to the last).
func (t *Table) HashScanner(hashKey, start, stop []byte, o ScanOptions) (*Scanner, error) {
	if err := t.needHashKey(OpGetScanner, hashKey); err != nil {
		return nil, err
	}
	s := &Scanner{t: t, hash: base.CRC64(hashKey), req: scanRequest(o)}
	s.req.StartKey = base.BlobOf(base.EncodeKey(hashKey, start))
	s.req.StartInclusive = !o.StartExclusive
	if len(stop) == 0 {
		s.req.StopKey = base.BlobOf(base.AppendNextKey(nil, hashKey, nil))
	} else {
		s.req.StopKey = base.BlobOf(base.EncodeKey(hashKey, stop))
		s.req.StopInclusive = o.StopInclusive
	}
	s.req.ValidatePartitionHash = ptr(false)
	s.done = emptyRange(&s.req)
	return s, nil
}

// PartitionScanner walks all rows of one partition.
func (t *Table) PartitionScanner(partition int32, o ScanOptions) (*Scanner, error) {
	if partition < 0 || partition >= t.PartitionCount() {
		return nil, t.refuse(OpGetScanner, "no such partition")
	}
	s := &Scanner{t: t, hash: uint64(partition), req: scanRequest(o)}
	s.req.StartKey, s.req.StartInclusive = base.BlobOf([]byte{0, 0}), true
	s.req.StopKey = base.BlobOf([]byte{0xFF, 0xFF})
	s.req.ValidatePartitionHash, s.req.FullScan = ptr(true), ptr(true)
	return s, nil
}

// FullScanners returns one scanner per partition, to be walked in any order or at once.
func (t *Table) FullScanners(o ScanOptions) ([]*Scanner, error) {
	out := make([]*Scanner, t.PartitionCount())
	for i := range out {
		s, err := t.PartitionScanner(int32(i), o)
		if err != nil {
			return nil, err
		}
		out[i] = s
	}
	return out, nil
}

func scanRequest(o ScanOptions) rrdb.GetScannerRequest {
	if o.BatchSize <= 0 {
		o.BatchSize = scanBatchDefault
	}
	req := rrdb.NewGetScannerRequest()
	req.BatchSize, req.NoValue = o.BatchSize, o.NoValue
	req.HashKeyFilterType, req.HashKeyFilterPattern = o.HashKeyFilter.Type, base.BlobOf(o.HashKeyFilter.Pattern)
	req.SortKeyFilterType, req.SortKeyFilterPattern = o.SortKeyFilter.Type, base.BlobOf(o.SortKeyFilter.Pattern)
	if o.ReturnExpireTS {
		req.ReturnExpireTs = ptr(true)
	}
	return *req
}

// emptyRange: servers of old answer an empty range with a context that is none (wire.md 6.2), so
// it is never asked.
func emptyRange(req *rrdb.GetScannerRequest) bool {
	c := bytes.Compare(req.StartKey.Data, req.StopKey.Data)
	return c > 0 || (c == 0 && !(req.StartInclusive && req.StopInclusive))
}

// Next delivers the next row; ok is false at the end. After an error Next may be called again: it
// resumes where it stood.
func (s *Scanner) Next(ctx context.Context) (row Row, ok bool, err error) {
	for len(s.batch) == 0 {
		if s.done {
			return Row{}, false, nil
		}
		if err := s.fetch(ctx); err != nil {
			return Row{}, false, err
		}
	}
	kv := s.batch[0]
	s.batch = s.batch[1:]
	raw := kv.GetKey().Bytes()
	hashKey, sortKey, err := base.DecodeKey(raw)
	if err != nil {
		return Row{}, false, &Error{Op: "scan", Target: s.t.core.name, Code: base.ErrInvalidData, Err: err}
	}
	s.batchRaw = raw
	return Row{hashKey, sortKey, kv.GetValue().Bytes(), uint32(kv.GetExpireTsSeconds()), s.info}, true, nil
}

// Close tells the server to drop its context; it does not wait.
func (s *Scanner) Close() {
	if s.open && s.context >= 0 {
		r := s.t.core.route.Load()
		pidx, _ := r.locate(s.hash)
		s.t.core.c.pool.Send(s.at, rpc.Call{
			Name: clearScannerCode, Gpid: base.Gpid{AppID: r.appID, PartitionIndex: pidx},
			TimeoutMs: int32(opTimeoutDefault.Milliseconds()), PartitionHash: s.hash, Body: rpc.AppendI64(nil, s.t.argID(), s.context),
		})
	}
	s.open, s.done, s.batch = false, true, nil
}

// fetch gets one more batch, opening or reopening the scan where needed.
func (s *Scanner) fetch(ctx context.Context) error {
	ctx, cancel := s.t.core.c.bound(ctx)
	defer cancel()
	for n := 0; ; n++ {
		resp := rrdb.NewScanResponse()
		var lost bool
		var err error
		if s.open {
			lost, err = s.next(ctx, resp)
		} else {
			err = s.start(ctx, resp)
		}
		if err != nil {
			s.open = false
			return err
		}
		if !lost {
			return s.take(resp)
		}
		s.open = false
		if n > 0 && !pause(ctx, backoff(n)) {
			return &Error{Op: "scan", Target: s.t.core.name, Code: base.ErrTimeout, Err: ctx.Err()}
		}
	}
}

// start opens the scan behind the last row delivered.
func (s *Scanner) start(ctx context.Context, resp *rrdb.ScanResponse) error {
	req := s.req
	if s.batchRaw != nil {
		req.StartKey, req.StartInclusive = base.BlobOf(s.batchRaw), false
	}
	if emptyRange(&req) {
		resp.ContextID = contextDone
		return nil
	}
	if err := s.t.do(ctx, OpGetScanner, s.hash, &req, resp); err != nil {
		return err
	}
	_, s.at = s.t.core.route.Load().locate(s.hash)
	return nil
}

// next continues the open context. lost: the context is gone, because the server dropped it, the
// primary moved, or an answer got lost (a context serves one request only).
func (s *Scanner) next(ctx context.Context, resp *rrdb.ScanResponse) (lost bool, err error) {
	route := s.t.core.route.Load()
	if _, to := route.locate(s.hash); to != s.at {
		return true, nil
	}
	body := rpc.AppendValue(nil, s.t.argID(), &rrdb.ScanRequest{ContextID: s.context})
	code := s.t.attempt(ctx, route, OpScan, s.hash, body, resp)
	if code != base.ErrOK {
		if re := react(code, false); !re.retry || ctx.Err() != nil {
			return false, &Error{Op: "scan", Target: s.t.core.name, Code: code, Err: ctx.Err()}
		}
		return true, nil // get_scanner meets the same error and reacts to it
	}
	return Status(resp.Error) == StatusNotFound, nil
}

// take adopts a batch. An incomplete one (the server's time limit) loses the context but not the
// rows.
func (s *Scanner) take(resp *rrdb.ScanResponse) error {
	st := Status(resp.Error)
	if st != StatusOK && !(st == StatusIncomplete && len(resp.Kvs) > 0) {
		s.open = false
		return s.t.status(OpScan, resp.Error)
	}
	s.info = Info{s.info.Attempts, resp.AppID, resp.PartitionIndex, 0, resp.Server}
	s.batch = resp.Kvs
	s.context = resp.ContextID
	s.open = st == StatusOK && s.context != contextDone
	s.done = st == StatusOK && s.context == contextDone
	return nil
}

func ptr[T any](v T) *T { return &v }
