package fuzz

import (
	"runtime/metrics"
	"testing"
)

// What one call may allocate: SlackBytes whatever the input is, which covers pools and what other
// goroutines do meanwhile, and PerByte for each byte of input. A list of empty structs has the worst
// ratio: one byte on the wire, a few hundred in memory.
const (
	SlackBytes = 512 << 10
	PerByte    = 600
)

// Allocated is the number of bytes that the process allocated while f ran.
func Allocated(f func()) uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	before := sample[0].Value.Uint64()
	f()
	metrics.Read(sample)
	return sample[0].Value.Uint64() - before
}

// Bounded runs f, which decodes size bytes, and fails the test when it allocates more than may be. An
// excess counts when it happens again, since other goroutines allocate, too.
func Bounded(t testing.TB, size int, f func()) {
	t.Helper()
	most := uint64(SlackBytes + PerByte*size)
	if Allocated(f) <= most {
		return
	}
	if got := Allocated(f); got > most {
		t.Fatalf("%d bytes of input made it allocate %d, allowed are %d", size, got, most)
	}
}
