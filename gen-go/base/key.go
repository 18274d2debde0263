package base

import (
	"encoding/binary"
	"errors"
	"hash/crc64"
)

// HashKeyLenMax is the longest hash key the key encoding can hold, in bytes.
const HashKeyLenMax = 65534

var crcTable = crc64.MakeTable(0x9a6c9329ac4bc9b5)

// CRC64 is the polynomial that clients route by.
func CRC64(b []byte) uint64 { return crc64.Checksum(b, crcTable) }

// KeyHash is the partition hash of a raw key: the crc64 of its hash key, or of its sort key when
// the hash key is empty. A key shorter than its own length prefix hashes to 0.
func KeyHash(raw []byte) uint64 {
	hash, sort, err := DecodeKey(raw)
	if err != nil {
		return 0
	}
	if len(hash) == 0 {
		return CRC64(sort)
	}
	return CRC64(hash)
}

// PartitionIndex maps a hash to a partition: unsigned modulo.
func PartitionIndex(hash uint64, partitionCount int32) int32 {
	return int32(hash % uint64(partitionCount))
}

// AppendKey appends the raw key (u16 big-endian length of hashKey, hashKey, sortKey) to dst.
// len(hashKey) must not exceed HashKeyLenMax.
func AppendKey(dst, hashKey, sortKey []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(hashKey)))
	dst = append(dst, hashKey...)
	return append(dst, sortKey...)
}

// EncodeKey is AppendKey into a new slice of exact size.
func EncodeKey(hashKey, sortKey []byte) []byte {
	return AppendKey(make([]byte, 0, 2+len(hashKey)+len(sortKey)), hashKey, sortKey)
}

var errBadKey = errors.New("raw key shorter than its hash key length")

// DecodeKey splits a raw key; the results share its memory.
func DecodeKey(raw []byte) (hashKey, sortKey []byte, err error) {
	if len(raw) < 2 {
		return nil, nil, errBadKey
	}
	n := 2 + int(binary.BigEndian.Uint16(raw))
	if len(raw) < n {
		return nil, nil, errBadKey
	}
	return raw[2:n], raw[n:], nil
}

// AppendNextKey appends the exclusive upper bound of all raw keys that start with hashKey and
// sortPrefix: trailing 0xFF bytes are dropped and one is added to the last byte that remains.
func AppendNextKey(dst, hashKey, sortPrefix []byte) []byte {
	start := len(dst)
	dst = AppendKey(dst, hashKey, sortPrefix)
	i := len(dst) - 1
	for i > start && dst[i] == 0xFF {
		i--
	}
	dst[i]++
	return dst[:i+1]
}
