//go:build !cgo

package rrdb

// lazyMemtables is whether a memtable takes memory only as far as it was written to: one on the Go heap is there as a whole.
const lazyMemtables = false
