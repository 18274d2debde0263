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

// optionsOffset is where a DB has its options. It is negative when this version of Pebble has them elsewhere; then memtables
// are taken off as Pebble does it, and a test fails.
var optionsOffset = func() int {
	f, ok := reflect.TypeFor[pebble.DB]().FieldByName("opts")
	if !ok || f.Type != reflect.TypeFor[*pebble.Options]() {
		return -1
	}
	return int(f.Offset)
}()

// reserveElsewhere makes db reserve its memtables in arenas from the second one on; its blocks stay where they are. It must be called
// before the first write. Pebble gave db a copy of the options, and reads the cache in them for nothing else but metrics.
func reserveElsewhere(db *pebble.DB, arenas *pebble.Cache) {
	if optionsOffset >= 0 {
		(*(**pebble.Options)(unsafe.Add(unsafe.Pointer(db), optionsOffset))).Cache = arenas
	}
}

// chargeSteps is in how many steps the budget of the memtables is taken off the block cache.
const chargeSteps = 32

// charge is what is taken off the block cache for memtables.
type charge struct {
	bytes   atomic.Int64
	mu      sync.Mutex
	release func() // nil: nothing is taken
}

// set takes n bytes, and no longer what was taken before.
func (c *charge) set(cache *pebble.Cache, n int64) {
	if n == c.bytes.Load() {
		return
	}
	if c.release != nil {
		c.release()
	}
	c.release = cache.Reserve(int(n))
	c.bytes.Store(n)
}

// chargeMemtables takes off the block cache what memtables hold, as far as it was not taken yet. The janitor, with all set, also gives
// back what they no longer hold.
func (e *Engine) chargeMemtables(all bool) {
	held := e.unflushed.Load() + e.pinned.Load()
	if held <= e.charge.bytes.Load() && !all || optionsOffset < 0 || !e.charge.mu.TryLock() {
		return // when somebody else does it, what is missing is found with the next write
	}
	defer e.charge.mu.Unlock()
	step := max(e.opts.MemtableBudgetBytes/chargeSteps, 1)
	e.charge.set(e.cache, (max(held, 0)+step-1)/step*step)
}
