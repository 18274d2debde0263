package cluster

import (
	"iter"
	"math/bits"
)

// partitionSet is a set of partitions of one table, a bit for each.
type partitionSet []uint64

func (b partitionSet) add(i int) { b[i/64] |= 1 << (i % 64) }

func (b partitionSet) remove(i int) { b[i/64] &^= 1 << (i % 64) }

func (b partitionSet) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }

func (b partitionSet) size() (n int) {
	for _, word := range b {
		n += bits.OnesCount64(word)
	}
	return n
}

// all goes through the set by index. A partition that leaves before its turn may still be visited.
func (b partitionSet) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for at, word := range b {
			for ; word != 0; word &= word - 1 {
				if !yield(at*64 + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}
