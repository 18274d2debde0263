package rrdb

import (
	"bytes"
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"
)

// Data keys lie in [00 00, FF FF): a hash key is at most 65534 bytes, so nothing a client can
// send as a legal key starts with FF FF. Keys of our own do.
var (
	dataStart = []byte{0x00, 0x00}
	dataEnd   = []byte{0xFF, 0xFF}
)

// hashPrefixLen is the length of the part of a raw key that names its hash key: the u16 length
// and the hash key. Bloom filters are built over it.
func hashPrefixLen(k []byte) int {
	if len(k) < 2 {
		return len(k)
	}
	return min(len(k), 2+int(binary.BigEndian.Uint16(k)))
}

// comparer orders keys bytewise, as upstream does, and lets Pebble split them after the hash key.
// With that split a filter holds one entry per hash key: a point read of an absent hash key and
// a range read of one both skip every table, and a sort key absent from an existing hash key costs
// what a present one costs. Its name is stored in every directory and must never change.
var comparer = func() *pebble.Comparer {
	c := *pebble.DefaultComparer
	c.Name = "pegasus.rrdb.v1"
	c.Split = hashPrefixLen
	c.ComparePointSuffixes = bytes.Compare
	c.CompareRangeSuffixes = bytes.Compare
	c.ImmediateSuccessor = appendSuccessorPrefix
	return &c
}()

// appendSuccessorPrefix appends the smallest prefix after prefix a: the same length plus one, or
// the shortest hash key of the next length.
func appendSuccessorPrefix(dst, a []byte) []byte {
	start := len(dst)
	dst = append(dst, a...)
	for i := len(dst) - 1; i >= start+2; i-- {
		if dst[i] != 0xFF {
			dst[i]++
			return dst
		}
		dst[i] = 0
	}
	if len(a) < 2 {
		return append(dst, 0)
	}
	n := binary.BigEndian.Uint16(a) + 1
	dst = binary.BigEndian.AppendUint16(dst[:start], n)
	return append(dst, make([]byte, n)...)
}
