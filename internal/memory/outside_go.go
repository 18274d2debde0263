//go:build !cgo

package memory

// Outside is whether block cache and memtables lie outside of the Go heap: the store allocates them with C where it can.
const Outside = false
