//go:build cgo

package rrdb

// lazyMemtables is whether a memtable takes memory only as far as it was written to: the allocator of C maps it.
const lazyMemtables = true
