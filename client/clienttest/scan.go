package clienttest

import (
	"bytes"
	"maps"
	"slices"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

// scanContext is a scan that has more to deliver.
type scanContext struct {
	req  *rrdb.GetScannerRequest
	keys []string // left to look at
}

func (s *serving) getScanner() {
	req := rrdb.NewGetScannerRequest()
	s.r.Decode(req)
	ctx := &scanContext{req: req}
	for _, k := range slices.Sorted(maps.Keys(s.p.rows)) {
		low, high := bytes.Compare([]byte(k), req.StartKey.Data), bytes.Compare([]byte(k), req.StopKey.Data)
		if low < 0 || (low == 0 && !req.StartInclusive) || high > 0 || (high == 0 && !req.StopInclusive) {
			continue
		}
		ctx.keys = append(ctx.keys, k)
	}
	s.batch(ctx)
}

func (s *serving) scan() {
	req := rrdb.NewScanRequest()
	s.r.Decode(req)
	ctx := s.p.contexts[req.ContextID]
	if ctx == nil {
		resp := &rrdb.ScanResponse{Error: 1, Server: s.at}
		resp.AppID, resp.PartitionIndex = s.ids()
		s.r.Reply(resp)
		return
	}
	delete(s.p.contexts, req.ContextID) // a context serves one request
	s.batch(ctx)
}

func (s *serving) batch(ctx *scanContext) {
	req := ctx.req
	resp := &rrdb.ScanResponse{Server: s.at, ContextID: -1, Kvs: []*rrdb.KeyValue{}}
	resp.AppID, resp.PartitionIndex = s.ids()
	n := int32(0)
	for ; len(ctx.keys) > 0 && n < req.BatchSize; ctx.keys = ctx.keys[1:] {
		raw := []byte(ctx.keys[0])
		v, ok := s.live(raw)
		hk, sk, _ := base.DecodeKey(raw)
		if !ok || !matches(req.HashKeyFilterType, req.HashKeyFilterPattern.Bytes(), hk) ||
			!matches(req.SortKeyFilterType, req.SortKeyFilterPattern.Bytes(), sk) {
			continue
		}
		n++
		if req.OnlyReturnCount {
			continue
		}
		kv := &rrdb.KeyValue{Key: base.BlobOf(raw), Value: base.BlobOf(nil)}
		if !req.NoValue {
			kv.Value = base.BlobOf(v.value)
		}
		if req.GetReturnExpireTs() {
			ts := int32(v.expireTS)
			kv.ExpireTsSeconds = &ts
		}
		resp.Kvs = append(resp.Kvs, kv)
	}
	if req.OnlyReturnCount {
		resp.KvCount = &n
	}
	if len(ctx.keys) > 0 {
		s.p.nextCtx++
		s.p.contexts[s.p.nextCtx] = ctx
		resp.ContextID = s.p.nextCtx
	}
	s.r.Reply(resp)
}
