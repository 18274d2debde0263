package rrdb

import (
	"encoding/binary"
	"errors"
)

// Value schemas (rrdb.md §1.3). A store writes one of 0 and 1; a record whose first byte has its
// high bit set names its own schema, which is how 2 can appear in imported data.
const (
	schemaV0 = 0 // u32 expire_ts | user data
	schemaV1 = 1 // u32 expire_ts | u64 timetag | user data
	schemaV2 = 2 // 0x82 | u32 expire_ts | u64 timetag | user data
)

// row is a decoded value. user shares the memory it was decoded from.
type row struct {
	expire  uint32
	timetag uint64
	user    []byte
}

var errShortValue = errors.New("value shorter than its header")

// decodeValue reads a stored value of a store whose schema is schema.
func decodeValue(schema uint8, v []byte) (row, error) {
	if len(v) > 0 && v[0]&0x80 != 0 {
		if len(v) < 13 {
			return row{}, errShortValue
		}
		return row{binary.BigEndian.Uint32(v[1:]), binary.BigEndian.Uint64(v[5:]), v[13:]}, nil
	}
	if schema == schemaV0 {
		if len(v) < 4 {
			return row{}, errShortValue
		}
		return row{expire: binary.BigEndian.Uint32(v), user: v[4:]}, nil
	}
	if len(v) < 12 {
		return row{}, errShortValue
	}
	return row{binary.BigEndian.Uint32(v), binary.BigEndian.Uint64(v[4:]), v[12:]}, nil
}

// headerLen is the size of a value header this store writes.
//
// An expire_ts with its high bit set (a negative number on the wire) would read back as a
// schema mark; such a row is stored in schema 2, where the mark comes first.
func headerLen(schema uint8, expire uint32) int {
	switch {
	case expire&0x80000000 != 0:
		return 13
	case schema == schemaV0:
		return 4
	default:
		return 12
	}
}

// putHeader writes the header into dst, which is headerLen bytes or longer.
func putHeader(dst []byte, schema uint8, expire uint32, timetag uint64) {
	if expire&0x80000000 != 0 {
		dst[0] = 0x80 | schemaV2
		dst = dst[1:]
	}
	binary.BigEndian.PutUint32(dst, expire)
	if schema != schemaV0 || expire&0x80000000 != 0 {
		binary.BigEndian.PutUint64(dst[4:], timetag)
	}
}

// timetagOf packs when and where a row was written: microseconds, cluster id (0..127), and
// whether the write was a delete. The delete bit is compared but never stored.
func timetagOf(timestampUs int64, clusterID uint8, deleted bool) uint64 {
	t := uint64(timestampUs)<<8 | uint64(clusterID&0x7F)<<1
	if deleted {
		t |= 1
	}
	return t
}
