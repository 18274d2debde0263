package bench

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
)

// layout maps row numbers to keys and values. Rows lie in groups that share a hash key: row r is member r % group of
// hash key r / group. Point workloads have groups of one.
type layout struct {
	prefix     string // tells layouts with different groups apart in one table
	group      int64
	valueBytes int
	pool       []byte // random text that values are cut from
}

// valuePoolBytes is the size of the text that values are cut from; a value longer than it repeats it.
const valuePoolBytes = 1 << 20

func newLayout(group int64, valueBytes int, seed uint64) *layout {
	l := &layout{prefix: "row-", group: group, valueBytes: valueBytes}
	if group > 1 {
		l.prefix = "g" + hex.EncodeToString(binary.BigEndian.AppendUint16(nil, uint16(group))) + "-"
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	l.pool = make([]byte, valuePoolBytes+valueBytes)
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-"
	for i := 0; i < valuePoolBytes; i++ {
		l.pool[i] = letters[rng.Uint32()&63]
	}
	for i := valuePoolBytes; i < len(l.pool); i++ {
		l.pool[i] = l.pool[i-valuePoolBytes]
	}
	return l
}

// counterPrefix begins the hash keys of counters: their values are numbers, those of all other rows are text.
const counterPrefix = "counter-"

// groups is the number of hash keys that hold the given number of rows.
func (l *layout) groups(rows int64) int64 { return (rows + l.group - 1) / l.group }

// appendHashKey appends the hash key of a group. Keys are scattered, so that neighbours in number are none in the store.
func (l *layout) appendHashKey(dst []byte, group int64) []byte {
	dst = append(dst, l.prefix...)
	return hex.AppendEncode(dst, binary.BigEndian.AppendUint64(nil, mix64(uint64(group))))
}

// appendMissingHashKey appends a hash key that no load ever writes but that sorts among those that were.
func (l *layout) appendMissingHashKey(dst []byte, group int64) []byte {
	return append(l.appendHashKey(dst, group), '!')
}

// appendSortKey appends the sort key of a group's member; members sort in their numbers' order.
func (l *layout) appendSortKey(dst []byte, member int64) []byte {
	dst = append(dst, "row"...)
	for div := int64(100_000); div > 0; div /= 10 {
		dst = append(dst, byte('0'+member/div%10))
	}
	return dst
}

// value cuts a value from the pool. The result is shared: do not write to it.
func (l *layout) value(rng *rand.Rand) []byte {
	start := rng.IntN(valuePoolBytes)
	return l.pool[start : start+l.valueBytes]
}
