//go:build !unix

package rrdb

// mapMemory is nil where it is not known how: there is no row cache then.
func mapMemory(int) []byte { return nil }

func unmapMemory([]byte) {}
