package rrdb

import (
	"reflect"
	"sync/atomic"
	"unsafe"

	"github.com/cockroachdb/pebble/v2"
)

// Every open Pebble DB keeps its last flushed memtable for the next one: up to MemtableBytesMax a store, for as
// long as it is open, and no option against it. What is kept so is in no proportion to what is written: a thousand stores that
// were busy one after the other would hold a thousand memtables. So it is freed after each flush, the way Pebble itself does it when
// the next memtable has another size. A new one costs its page faults, some milliseconds for 64 MiB of writes.

// spareOffset is where in a DB the kept memtable is, an atomic pointer that anybody may empty. It is negative when this version of Pebble
// has none; then nothing is freed, and a test fails.
var spareOffset = offsetInDB("memTableRecycle", func(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.Size() == unsafe.Sizeof(unsafe.Pointer(nil))
})

// offsetInDB is where a DB has a field that Pebble keeps to itself, -1 when this version has none of that name and type.
func offsetInDB(field string, fits func(reflect.Type) bool) int {
	if f, ok := reflect.TypeFor[pebble.DB]().FieldByName(field); ok && fits(f.Type) {
		return int(f.Offset)
	}
	return -1
}

//go:linkname freeMemTable github.com/cockroachdb/pebble/v2.(*DB).freeMemTable
func freeMemTable(d *pebble.DB, memtable unsafe.Pointer)

// freeSpare frees the memtable that db keeps, if there is one.
func freeSpare(db *pebble.DB) {
	if spareOffset < 0 {
		return
	}
	slot := (*unsafe.Pointer)(unsafe.Add(unsafe.Pointer(db), spareOffset))
	if m := atomic.SwapPointer(slot, nil); m != nil {
		freeMemTable(db, m)
	}
}

// settle gives back what the memtables of a store take beyond what they hold: the spare one, and those that were flushed and are only
// kept alive by scans between two batches, when all together is too much. It also notes how compactions keep up.
func (e *Engine) settle(s *Store) {
	if s.enter("settle") != nil {
		return
	}
	defer s.life.RUnlock()
	m := s.db.Metrics() // waits for a flush to let go of what it wrote
	s.setBehind(m.Levels[0].Sublevels >= behindSublevels)
	freeSpare(s.db)
	defer e.chargeMemtables(true)
	if s.flushed.Load() {
		s.giveFirst(0)
	}
	if m.MemTable.ZombieCount == 0 && s.pinned.Load() == 0 {
		return
	}
	s.pin(int64(s.db.Metrics().MemTable.ZombieSize))
	if s.pinned.Load() > 0 && e.pinned.Load()+e.unflushed.Load() > e.opts.MemtableBudgetBytes {
		if n := s.scans.len(); n > 0 {
			s.log.Info("scans are told to begin again: what they hold is needed for writes", "scans", n, "bytes", s.pinned.Load())
			s.scans.clear()
			s.pin(int64(s.db.Metrics().MemTable.ZombieSize))
			freeSpare(s.db)
		}
	}
}

// pin notes what flushed memtables take that iterators still read.
func (s *Store) pin(n int64) { s.engine.pinned.Add(n - s.pinned.Swap(n)) }
