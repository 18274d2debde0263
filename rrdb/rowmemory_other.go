//go:build !unix || !cgo

package rrdb

// mapMemory is nil where it is not known how, and without cgo: the limit of the Go runtime leaves nothing outside of its heap then.
func mapMemory(int) []byte { return nil }

func unmapMemory([]byte) {}
