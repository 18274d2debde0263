package client

import (
	"context"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

// rawKey encodes and checks a key.
func (t *Table) rawKey(op Op, hashKey, sortKey []byte) ([]byte, error) {
	if len(hashKey) > hashKeyBytesMax {
		return nil, t.refuse(op, "hash key longer than 65534 bytes")
	}
	return base.EncodeKey(hashKey, sortKey), nil
}

// expireAt is the wire form of a time to live in seconds; 0 is none.
func expireAt(ttlSeconds int32) int32 {
	if ttlSeconds <= 0 {
		return 0
	}
	return int32(base.EpochSeconds(time.Now()) + uint32(ttlSeconds))
}

// Get reads one value; found is false when the row is absent or expired.
func (t *Table) Get(ctx context.Context, hashKey, sortKey []byte) (value []byte, found bool, err error) {
	key, err := t.rawKey(OpGet, hashKey, sortKey)
	if err != nil {
		return nil, false, err
	}
	resp := rrdb.NewReadResponse()
	if err := t.do(ctx, OpGet, base.KeyHash(key), base.BlobOf(key), resp); err != nil {
		return nil, false, err
	}
	t.note(resp.AppID, resp.PartitionIndex, 0, resp.Server)
	if Status(resp.Error) == StatusNotFound {
		return nil, false, nil
	}
	return resp.GetValue().Bytes(), resp.Error == 0, t.status(OpGet, resp.Error)
}

// Set writes one row. ttlSeconds 0: the row does not expire by itself (the table's default_ttl
// still applies).
func (t *Table) Set(ctx context.Context, hashKey, sortKey, value []byte, ttlSeconds int32) error {
	key, err := t.rawKey(OpPut, hashKey, sortKey)
	if err != nil {
		return err
	}
	if ttlSeconds < 0 {
		return t.refuse(OpPut, "negative ttl")
	}
	req := &rrdb.UpdateRequest{Key: base.BlobOf(key), Value: base.BlobOf(value), ExpireTsSeconds: expireAt(ttlSeconds)}
	resp := rrdb.NewUpdateResponse()
	if err := t.do(ctx, OpPut, base.KeyHash(key), req, resp); err != nil {
		return err
	}
	t.note(resp.AppID, resp.PartitionIndex, resp.Decree, resp.Server)
	return t.status(OpPut, resp.Error)
}

// Del removes one row; removing an absent one succeeds.
func (t *Table) Del(ctx context.Context, hashKey, sortKey []byte) error {
	key, err := t.rawKey(OpRemove, hashKey, sortKey)
	if err != nil {
		return err
	}
	resp := rrdb.NewUpdateResponse()
	if err := t.do(ctx, OpRemove, base.KeyHash(key), base.BlobOf(key), resp); err != nil {
		return err
	}
	t.note(resp.AppID, resp.PartitionIndex, resp.Decree, resp.Server)
	return t.status(OpRemove, resp.Error)
}

// TTL reads the seconds a row has left, -1 when it does not expire.
func (t *Table) TTL(ctx context.Context, hashKey, sortKey []byte) (seconds int32, found bool, err error) {
	key, err := t.rawKey(OpTTL, hashKey, sortKey)
	if err != nil {
		return 0, false, err
	}
	resp := rrdb.NewTTLResponse()
	if err := t.do(ctx, OpTTL, base.KeyHash(key), base.BlobOf(key), resp); err != nil {
		return 0, false, err
	}
	t.note(resp.AppID, resp.PartitionIndex, 0, resp.Server)
	if Status(resp.Error) == StatusNotFound {
		return 0, false, nil
	}
	return resp.TTLSeconds, resp.Error == 0, t.status(OpTTL, resp.Error)
}

// Exist reports whether a live row is there.
func (t *Table) Exist(ctx context.Context, hashKey, sortKey []byte) (bool, error) {
	_, found, err := t.TTL(ctx, hashKey, sortKey)
	return found, err
}

// Incr adds to the decimal integer in a row (absent counts as 0) and returns the sum. ttlSeconds:
// 0 keeps the row's time to live, > 0 sets it, < 0 removes it. Not repeated after a timeout.
func (t *Table) Incr(ctx context.Context, hashKey, sortKey []byte, by int64, ttlSeconds int32) (int64, error) {
	key, err := t.rawKey(OpIncr, hashKey, sortKey)
	if err != nil {
		return 0, err
	}
	req := &rrdb.IncrRequest{Key: base.BlobOf(key), Increment: by, ExpireTsSeconds: expireAt(ttlSeconds)}
	if ttlSeconds < 0 {
		req.ExpireTsSeconds = -1
	}
	resp := rrdb.NewIncrResponse()
	if err := t.do(ctx, OpIncr, base.KeyHash(key), req, resp); err != nil {
		return 0, err
	}
	t.note(resp.AppID, resp.PartitionIndex, resp.Decree, resp.Server)
	return resp.NewValue_, t.status(OpIncr, resp.Error)
}
