package rrdb

import (
	"fmt"
	"testing"
)

// A memtable that has grown to more than the block cache, and is empty now, leaves it to the blocks.
func TestEmptyMemtableLeavesTheBlockCacheAlone(t *testing.T) {
	const cache = 4 << 20
	r := newRig(t, func(o *EngineOptions) { o.BlockCacheBytes, o.MemtableBytesMax = cache, 64<<20 })
	value := make([]byte, 100_000)
	for i := 0; r.s.db.Metrics().MemTable.Size < 2*cache; i++ { // each is twice as large as the one that was filled before
		if err := putRow(r.s, fmt.Sprint(i%10), value); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.s.Flush(); err != nil {
		t.Fatal(err)
	}
	if m := r.s.db.Metrics().MemTable; m.Count != 1 || m.Size < 2*cache {
		t.Fatalf("Pebble's memtables: %+v; wanted one of %d bytes or more", m, 2*cache)
	}
	eventually(t, "nothing is taken off", func() bool { return r.e.BlockCacheChargedBytes() == 0 })
	eq(t, "length of a row", len(r.get("h", "1")), len(value))
	if n := r.e.BlockCacheUsedBytes(); n < int64(len(value)) {
		t.Errorf("%d bytes of blocks are kept of a row of %d", n, len(value))
	}
}

// The block cache gives way to what is written to memtables, at once and in steps, and has it back after the flush.
func TestBlockCacheLeavesRoomForMemtables(t *testing.T) {
	r := newRig(t, func(o *EngineOptions) { o.MemtableBudgetBytes = 64 << 20 })
	const step = 64 << 20 / chargeSteps
	value := make([]byte, 100_000)
	for i := range 100 {
		if err := putRow(r.s, fmt.Sprint(i), value); err != nil {
			t.Fatal(err)
		}
		held, charged := r.e.UnflushedBytes(), r.e.BlockCacheChargedBytes()
		if charged < held || charged > held+step {
			t.Fatalf("after %d rows %d bytes are held, %d taken off the block cache", i+1, held, charged)
		}
	}
	if err := r.s.Flush(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "nothing is taken off", func() bool { return r.e.BlockCacheChargedBytes() == 0 })
}

