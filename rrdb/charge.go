package rrdb

import (
	"reflect"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/cockroachdb/pebble/v2"
)

// Pebble takes all that it reserves for memtables off the block cache: at least as much as each was ever filled to, up to MemtableBytesMax
// a store, for as long as it is open and whether anything is in it or not. A few dozen stores that were busy once leave no room for
// blocks then, filters and indexes included, although all memtables together hold no more than MemtableBudgetBytes. So the stores
// reserve in a cache of their own that never holds a block, and the engine takes off the block cache what the memtables do hold.

// optionsOffset is where a DB has its options. It is negative when this version of Pebble has them elsewhere, which a test finds, or when
// an empty memtable takes memory; then Pebble reserves in the block cache.
var optionsOffset = func() int {
	if !lazyMemtables {
		return -1
	}
	return offsetInDB("opts", func(t reflect.Type) bool { return t == reflect.TypeFor[*pebble.Options]() })
}()

// reserveElsewhere makes a store that was just opened reserve its memtables in e.arenas, from the second one on; the first one, which Open made,
// is given back to the block cache until it was flushed. Blocks stay where they are. Pebble gave the DB a copy of the options, and reads the
// cache in it for nothing but metrics from now on.
func (e *Engine) reserveElsewhere(s *Store) {
	if optionsOffset < 0 {
		return
	}
	(*(**pebble.Options)(unsafe.Add(unsafe.Pointer(s.db), optionsOffset))).Cache = e.arenas
	s.giveFirst(int64(s.db.Metrics().MemTable.Size))
}

// giveFirst notes what Pebble has taken off the block cache for the memtable that it made in Open, 0 when that was flushed.
func (s *Store) giveFirst(n int64) {
	if old := s.first.Swap(n); old != n {
		s.engine.first.Add(n - old)
		s.engine.chargeMemtables(true)
	}
}

// chargeSteps is in how many steps the block cache, or the budget of the memtables when that is less, is given away.
const chargeSteps = 32

// charge is what is taken off the block cache for memtables.
type charge struct {
	bytes atomic.Int64

	mu      sync.Mutex
	taken   int64
	release func() // nil: nothing was taken yet
}

// chargeMemtables takes off the block cache what memtables hold, as far as it was not taken yet. With all set, it also gives back what
// they no longer hold.
func (e *Engine) chargeMemtables(all bool) {
	c := &e.charge
	if e.memtablesHold() <= c.bytes.Load() && !all || optionsOffset < 0 || !c.mu.TryLock() {
		return // when somebody else does it, what is missing is found with the next write, or by the janitor
	}
	defer c.mu.Unlock()
	step := max(min(e.opts.MemtableBudgetBytes, e.opts.BlockCacheBytes-e.opts.RowCacheBytes)/chargeSteps, 1)
	n := (e.memtablesHold() + step - 1) / step * step
	if !all {
		n = max(n, c.bytes.Load())
	}
	c.bytes.Store(n)
	if taken := n - e.first.Load(); taken != c.taken || c.release == nil {
		if c.release != nil {
			c.release()
		}
		c.taken, c.release = taken, e.cache.Reserve(int(taken)) // which may be negative
	}
}

func (e *Engine) memtablesHold() int64 { return max(e.unflushed.Load()+e.pinned.Load(), 0) }

// BlockCacheChargedBytes is what the block cache leaves to memtables.
func (e *Engine) BlockCacheChargedBytes() int64 {
	if optionsOffset >= 0 {
		return e.charge.bytes.Load()
	}
	var n int64
	for _, s := range e.openStores() {
		if s.enter("memtables") == nil {
			m := s.db.Metrics().MemTable
			n += int64(m.Size + m.ZombieSize)
			s.life.RUnlock()
		}
	}
	return n
}
