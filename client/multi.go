package client

import (
	"context"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

// KV is a sort key and its value within one hash key.
type KV struct {
	SortKey []byte
	Value   []byte
}

// Filter selects keys by a byte pattern. The zero value passes everything, as does an empty
// pattern.
type Filter struct {
	Type    rrdb.FilterType
	Pattern []byte
}

// MultiGetOptions says which rows of a hash key to read. The zero value reads them all, up to the
// server's own caps.
type MultiGetOptions struct {
	// SortKeys asks for exactly these rows, answered in this order; everything below except
	// NoValue, MaxCount and MaxBytes is ignored then.
	SortKeys [][]byte
	// The range of sort keys; Stop nil or empty means to the end.
	Start, Stop    []byte
	StartExclusive bool
	StopInclusive  bool
	Filter         Filter
	MaxCount       int32 // 0: no limit of ours
	MaxBytes       int32 // 0: no limit of ours
	NoValue        bool
	Reverse        bool // take from the end of the range; the result still ascends
}

// MultiGet reads rows of one hash key. complete is false when a limit ended it early; kvs is then a
// usable part of the range.
func (t *Table) MultiGet(ctx context.Context, hashKey []byte, o MultiGetOptions) (kvs []KV, complete bool, err error) {
	if err := t.needHashKey(OpMultiGet, hashKey); err != nil {
		return nil, false, err
	}
	req := &rrdb.MultiGetRequest{
		HashKey: base.BlobOf(hashKey), SortKeys: blobs(o.SortKeys),
		MaxKvCount: o.MaxCount, MaxKvSize: o.MaxBytes, NoValue: o.NoValue,
		StartSortkey: base.BlobOf(o.Start), StopSortkey: base.BlobOf(o.Stop),
		StartInclusive: !o.StartExclusive, StopInclusive: o.StopInclusive,
		SortKeyFilterType: o.Filter.Type, SortKeyFilterPattern: base.BlobOf(o.Filter.Pattern),
		Reverse: o.Reverse,
	}
	resp := rrdb.NewMultiGetResponse()
	if err := t.do(ctx, OpMultiGet, base.CRC64(hashKey), req, resp); err != nil {
		return nil, false, err
	}
	t.note(resp.AppID, resp.PartitionIndex, 0, resp.Server)
	st := Status(resp.Error)
	if st != StatusOK && st != StatusIncomplete {
		return nil, false, t.status(OpMultiGet, resp.Error)
	}
	kvs = make([]KV, len(resp.Kvs))
	for i, kv := range resp.Kvs {
		kvs[i] = KV{kv.GetKey().Bytes(), kv.GetValue().Bytes()}
	}
	return kvs, st == StatusOK, nil
}

// MultiSet writes rows of one hash key atomically; of a repeated sort key the last value wins.
func (t *Table) MultiSet(ctx context.Context, hashKey []byte, kvs []KV, ttlSeconds int32) error {
	if err := t.needHashKey(OpMultiPut, hashKey); err != nil {
		return err
	}
	if ttlSeconds < 0 {
		return t.refuse(OpMultiPut, "negative ttl")
	}
	req := &rrdb.MultiPutRequest{
		HashKey: base.BlobOf(hashKey), Kvs: make([]*rrdb.KeyValue, len(kvs)), ExpireTsSeconds: expireAt(ttlSeconds),
	}
	for i, kv := range kvs {
		req.Kvs[i] = &rrdb.KeyValue{Key: base.BlobOf(kv.SortKey), Value: base.BlobOf(kv.Value)}
	}
	resp := rrdb.NewUpdateResponse()
	if err := t.do(ctx, OpMultiPut, base.CRC64(hashKey), req, resp); err != nil {
		return err
	}
	t.note(resp.AppID, resp.PartitionIndex, resp.Decree, resp.Server)
	return t.status(OpMultiPut, resp.Error)
}

// MultiDel removes rows of one hash key atomically. The count is of the rows asked for, present or
// not.
func (t *Table) MultiDel(ctx context.Context, hashKey []byte, sortKeys [][]byte) (int64, error) {
	if err := t.needHashKey(OpMultiRemove, hashKey); err != nil {
		return 0, err
	}
	req := &rrdb.MultiRemoveRequest{HashKey: base.BlobOf(hashKey), SortKeys: blobs(sortKeys)}
	resp := rrdb.NewMultiRemoveResponse()
	if err := t.do(ctx, OpMultiRemove, base.CRC64(hashKey), req, resp); err != nil {
		return 0, err
	}
	t.note(resp.AppID, resp.PartitionIndex, resp.Decree, resp.Server)
	return resp.Count, t.status(OpMultiRemove, resp.Error)
}

// SortKeyCount counts the live rows of a hash key. StatusIncomplete: there are too many to count
// within the server's time limit.
func (t *Table) SortKeyCount(ctx context.Context, hashKey []byte) (int64, error) {
	if err := t.needHashKey(OpSortkeyCount, hashKey); err != nil {
		return 0, err
	}
	resp := rrdb.NewCountResponse()
	if err := t.do(ctx, OpSortkeyCount, base.CRC64(hashKey), base.BlobOf(hashKey), resp); err != nil {
		return 0, err
	}
	t.note(resp.AppID, resp.PartitionIndex, 0, resp.Server)
	if resp.Error == 0 && resp.Count < 0 {
		return 0, t.status(OpSortkeyCount, int32(StatusIncomplete))
	}
	return resp.Count, t.status(OpSortkeyCount, resp.Error)
}

// needHashKey: operations on a whole hash key have no partition without one.
func (t *Table) needHashKey(op Op, hashKey []byte) error {
	switch {
	case len(hashKey) == 0:
		return t.refuse(op, "empty hash key")
	case len(hashKey) > hashKeyBytesMax:
		return t.refuse(op, "hash key longer than 65534 bytes")
	}
	return nil
}

func blobs(bs [][]byte) []*base.Blob {
	out := make([]*base.Blob, len(bs))
	for i, b := range bs {
		out[i] = base.BlobOf(b)
	}
	return out
}
