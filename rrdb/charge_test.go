package rrdb

import (
	"fmt"
	"testing"
)

// lazyOnly skips a test of what is done only where an empty memtable takes no memory.
func lazyOnly(t *testing.T) {
	t.Helper()
	if !lazyMemtables {
		t.Skip("built without cgo: memtables lie on the Go heap, and Pebble takes them off the block cache")
	}
}

// A memtable that has grown to more than the block cache, and is empty now, leaves it to the blocks.
func TestEmptyMemtableLeavesTheBlockCacheAlone(t *testing.T) {
	lazyOnly(t)
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
	lazyOnly(t)
	r := newRig(t, func(o *EngineOptions) { o.MemtableBudgetBytes, o.Deterministic = 1<<20, true })
	const step = 1 << 20 / chargeSteps
	value := make([]byte, 10_000)
	for i := range 20 { // less than fills the first memtable
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
	eq(t, "taken off after the flush", r.e.BlockCacheChargedBytes(), 0)
}

// What Pebble reserves for the memtable that it makes when it opens a store is given back until that is freed.
func TestFirstMemtableIsGivenBack(t *testing.T) {
	lazyOnly(t)
	r := newRig(t)
	eq(t, "given back", r.e.first.Load(), int64(r.s.db.Metrics().MemTable.Size))
	eq(t, "reserved on top", r.e.charge.taken, -r.e.first.Load())
	r.put("h", "s", "v")
	if err := r.s.Flush(); err != nil {
		t.Fatal(err)
	}
	taken := func() int64 {
		r.e.charge.mu.Lock()
		defer r.e.charge.mu.Unlock()
		return r.e.charge.taken
	}
	eventually(t, "nothing is given back", func() bool { return r.e.first.Load() == 0 && taken() == 0 })
	r.reopen()
	eventually(t, "that of the new life is", func() bool { return r.e.first.Load() > 0 && taken() == -r.e.first.Load() })
}
