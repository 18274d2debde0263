package rrdb

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/cockroachdb/pebble/v2"
	"github.com/pegasus-go/pegasus/gen-go/base"
)

// Digest sums up the rows alive at the timestamp of a decree. Two replicas that applied the same
// mutations have equal digests at the same decree, whatever each flushed, compacted or swept.
type Digest struct {
	Decree      int64
	TimestampUs int64
	Rows        int64
	Sum         string // sha256 in hex
}

// digestCancelRows is how often a digest looks whether it is still wanted.
const digestCancelRows = 1024

// Digest reads one snapshot of the whole store. For each live row, in key order, it hashes: the
// lengths of key and user data (u32 BE), expire_ts (u32 BE), timetag (u64 BE), key, user data.
func (s *Store) Digest(ctx context.Context) (Digest, error) {
	if err := s.enter("digest"); err != nil {
		return Digest{}, err
	}
	defer s.life.RUnlock()
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: dataStart})
	if err != nil {
		return Digest{}, wrap("digest", err)
	}
	defer it.Close()
	var d Digest
	if it.SeekGE(stateKey) {
		v, err := it.ValueAndErr()
		if err != nil {
			return Digest{}, wrap("digest", err)
		}
		if _, d.Decree, d.TimestampUs, err = parseState(v); err != nil {
			return Digest{}, &Error{Op: "digest", Class: ClassCorruption, Err: err}
		}
	}
	if d.Sum, err = s.sumRows(ctx, it, &d); err != nil {
		return Digest{}, err
	}
	return d, nil
}

func (s *Store) sumRows(ctx context.Context, it *pebble.Iterator, d *Digest) (string, error) {
	sum := sha256.New()
	now := base.EpochSecondsOfMicros(d.TimestampUs)
	var head [20]byte
	seen := 0
	for it.First(); it.Valid(); it.Next() {
		key := it.Key()
		if bytes.Compare(key, dataEnd) >= 0 {
			break // reserved keys, which come last
		}
		if seen++; seen%digestCancelRows == 0 {
			if err := ctx.Err(); err != nil {
				return "", err
			}
			if s.closing.Load() {
				return "", closedError("digest")
			}
		}
		v, err := it.ValueAndErr()
		if err != nil {
			return "", wrap("digest", err)
		}
		row, err := decodeValue(s.schema, v)
		if err != nil {
			return "", &Error{Op: "digest", Class: ClassCorruption, Err: err}
		}
		if base.Expired(row.expire, now) {
			continue
		}
		d.Rows++
		binary.BigEndian.PutUint32(head[0:], uint32(len(key)))
		binary.BigEndian.PutUint32(head[4:], uint32(len(row.user)))
		binary.BigEndian.PutUint32(head[8:], row.expire)
		binary.BigEndian.PutUint64(head[12:], row.timetag)
		sum.Write(head[:])
		sum.Write(key)
		sum.Write(row.user)
	}
	return hex.EncodeToString(sum.Sum(nil)), wrap("digest", it.Error())
}
