package rrdb

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"sync"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2"
)

// rowCache keeps rows as they are stored, and that a row is absent, for gets of single keys: the memtables, levels, filters and blocks of Pebble cost such a get
// dozens of lines of memory that are not in the processor's cache, and the row cache four.
//
// What it has of a store is what is committed there. Readers put in what they have found; a writer makes unknown what it is about to change,
// and says afterwards what has become of it. Store.writes is odd meanwhile and counts batches: what a reader found goes in only when
// it has not moved since before the row was read.
//
// A shard is a table of buckets, which tell where rows lie, and a ring of bytes that hold them. The ring is written in one direction; what
// it overwrites is gone, and a row that is met again in time is written anew. Both lie outside of the Go heap and take memory
// only as far as they were written to. All methods are safe for concurrent use.
type rowCache struct {
	shards []rowShard // a power of two
	memory []byte
}

const (
	// RowCacheRowBytesMax is the largest row, key included, that is kept: what larger ones cost is copying.
	RowCacheRowBytesMax = 4 << 10

	rowShards        = 16
	rowShardBytesMin = 16 * RowCacheRowBytesMax
	rowHeader        = 16 // 8 number of the store, 2 length of the key, 2 of the room for the value, 4 of the value
	rowBytesPerSlot  = 96 // at most; a row of 100 bytes takes some 140, and buckets are not filled evenly
	slotsPerBucket   = 8  // 64 bytes
	slotBytes        = 8  // 48 bits of position and 16 of the hash
	positionBits     = 48
	rowAlign         = 8 // positions count so many bytes
	cacheLine        = 64

	// Instead of the length of a value:
	rowAbsent  = 1<<32 - 1 // there is no row
	rowUnknown = 1<<32 - 2 // it is about to change
)

// rowShard is a part of the rows. A position counts the bytes ever written, in units of rowAlign, and where it is in the ring follows from it: a row is there
// until the ring has been written once around.
type rowShard struct {
	mu      sync.Mutex
	buckets []byte // a power of two, each with slotsPerBucket slots; 0 is an empty one
	ring    []byte
	head    uint64 // bytes written; a multiple of rowAlign, and never 0
	hits    int64
	misses  int64
	_       [48]byte // the next shard's lock is on another line
}

// newRowCache makes a cache of about so many bytes, nil when that is too little to be of use.
func newRowCache(total int64) *rowCache {
	each := total / rowShards
	if each < rowShardBytesMin {
		return nil
	}
	buckets := 1 << bits.Len64(uint64(each/rowBytesPerSlot/slotsPerBucket))        // rounded up
	ring := (int(each) - buckets*slotsPerBucket*slotBytes) / cacheLine * cacheLine // so that buckets are lines
	memory := mapMemory(rowShards * (buckets*slotsPerBucket*slotBytes + ring))
	if memory == nil {
		return nil
	}
	c := &rowCache{shards: make([]rowShard, rowShards), memory: memory}
	cut := func(n int) []byte {
		b := memory[:n:n]
		memory = memory[n:]
		return b
	}
	for i := range c.shards {
		s := &c.shards[i]
		s.buckets, s.ring, s.head = cut(buckets*slotsPerBucket*slotBytes), cut(ring), rowAlign
	}
	return c
}

func (c *rowCache) close() {
	if c != nil {
		unmapMemory(c.memory)
	}
}

// shard is the part that has a key of a store, locked, and where in it to look.
func (c *rowCache) shard(store uint64, key []byte) (s *rowShard, hash uint64) {
	hash = xxhash.Sum64(key) ^ store*0x9e3779b97f4a7c15 // the same in every process, for simulations
	s = &c.shards[hash%rowShards]
	s.mu.Lock()
	return s, hash
}

// get returns the stored value and whether there is a row, or a nil shard when that is not known. The value is valid until the caller
// unlocks the shard.
func (c *rowCache) get(store uint64, key []byte) (value []byte, found bool, locked *rowShard) {
	s, hash := c.shard(store, key)
	slot, at := s.find(store, key, hash)
	if slot == nil || s.length(at) == rowUnknown {
		s.misses++
		s.mu.Unlock()
		return nil, false, nil
	}
	s.hits++
	if s.head-at > uint64(len(s.ring))/2 { // it would be overwritten before long
		at = s.again(slot, at, hash)
	}
	value, found = s.value(at)
	return value, found, s
}

// put keeps a row, or that there is none, if it fits and valid says so under the lock.
func (c *rowCache) put(store uint64, key, value []byte, found bool, valid func() bool) {
	if rowHeader+len(key)+len(value) > RowCacheRowBytesMax {
		return
	}
	s, hash := c.shard(store, key)
	defer s.mu.Unlock()
	if !valid() {
		return
	}
	slot, at := s.find(store, key, hash)
	fits := slot != nil && len(value) <= s.room(at)
	if slot == nil {
		slot = s.oldest(hash)
	}
	if !fits {
		at = s.place(slot, hash, store, key, len(value))
	}
	s.set(at, value, found)
}

// change makes a row unknown and reports whether there was something to know. The row keeps its place until settle.
func (c *rowCache) change(store uint64, key []byte) bool {
	s, hash := c.shard(store, key)
	defer s.mu.Unlock()
	slot, at := s.find(store, key, hash)
	if slot != nil {
		s.setLength(at, rowUnknown)
	}
	return slot != nil
}

// settle says what a row is that was changed, if it is still there and unknown: while Store.writes is odd nobody else says so. It moves only when it
// has grown out of its place, so that a row which is written and not read goes when the ring comes around.
func (c *rowCache) settle(store uint64, row cachedRow) {
	s, hash := c.shard(store, row.key)
	defer s.mu.Unlock()
	slot, at := s.find(store, row.key, hash)
	if slot == nil || s.length(at) != rowUnknown {
		return
	}
	if rowHeader+len(row.key)+len(row.value) > RowCacheRowBytesMax {
		binary.LittleEndian.PutUint64(slot, 0)
		return
	}
	if len(row.value) > s.room(at) {
		at = s.place(slot, hash, store, row.key, len(row.value))
	}
	s.set(at, row.value, row.found)
}

// settleAll settles the rows of changeAll, the last first: of those with the same key it alone is what the batch leaves, and none that came before it may be seen.
func (c *rowCache) settleAll(store uint64, had []cachedRow) {
	for _, row := range slices.Backward(had) {
		c.settle(store, row)
	}
}

// cachedRow is what a batch makes of a row that was in the cache.
type cachedRow struct {
	key, value []byte // of the batch
	found      bool   // false: there is no row
}

// changeAll makes the rows unknown that a batch writes, and adds those that the cache had to a list, in the order of the batch. After an error it must not
// be committed: rows would be kept as they were.
func (c *rowCache) changeAll(store uint64, b *pebble.Batch, had []cachedRow) ([]cachedRow, error) {
	for r := b.Reader(); ; {
		kind, key, value, ok, err := r.Next()
		if !ok || err != nil {
			return had, err
		}
		if !c.change(store, key) {
			continue
		}
		row := cachedRow{key: key, found: kind == pebble.InternalKeyKindSet}
		if row.found {
			row.value = value
		}
		had = append(had, row)
	}
}

// stats are lookups that were answered, and that were not, and the bytes that were written to.
func (c *rowCache) stats() (hits, misses, used int64) {
	if c == nil {
		return 0, 0, 0
	}
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		hits, misses = hits+s.hits, misses+s.misses
		if s.head > rowAlign {
			used += int64(len(s.buckets)) + int64(min(s.head, uint64(len(s.ring))))
		}
		s.mu.Unlock()
	}
	return hits, misses, used
}

func slotOf(at, hash uint64) uint64 { return at/rowAlign | hash>>positionBits<<positionBits }

// bucket is where a row with that hash may be told. The lowest bits chose the shard, the highest are in the slot.
func (s *rowShard) bucket(hash uint64) []byte {
	const size = slotsPerBucket * slotBytes
	n := uint64(len(s.buckets) / size)
	return s.buckets[hash/rowShards&(n-1)*size:][:size]
}

// find returns the slot of a row and where it lies; nil when it is not there, or no longer.
func (s *rowShard) find(store uint64, key []byte, hash uint64) (slot []byte, at uint64) {
	b := s.bucket(hash)
	for i := 0; i < len(b); i += slotBytes {
		v := binary.LittleEndian.Uint64(b[i:])
		if v == 0 || v>>positionBits != hash>>positionBits {
			continue
		}
		at := v << (64 - positionBits) >> (64 - positionBits) * rowAlign
		if s.head-at > uint64(len(s.ring)) {
			continue
		}
		if row := s.at(at); binary.LittleEndian.Uint64(row) == store && string(s.key(at)) == string(key) {
			return b[i : i+slotBytes], at
		}
	}
	return nil, 0
}

// oldest is the slot of a bucket that is empty or whose row was written first.
func (s *rowShard) oldest(hash uint64) []byte {
	b := s.bucket(hash)
	oldest, least := 0, ^uint64(0)
	for i := 0; i < len(b); i += slotBytes {
		if at := binary.LittleEndian.Uint64(b[i:]) << (64 - positionBits); at < least {
			oldest, least = i, at
		}
	}
	return b[oldest : oldest+slotBytes]
}

// at is where a row begins.
func (s *rowShard) at(at uint64) []byte { return s.ring[at%uint64(len(s.ring)):] }

func (s *rowShard) key(at uint64) []byte {
	b := s.at(at)
	return b[rowHeader:][:binary.LittleEndian.Uint16(b[8:])]
}

// room is how long a value may be that takes a row's place.
func (s *rowShard) room(at uint64) int { return int(binary.LittleEndian.Uint16(s.at(at)[10:])) }

func (s *rowShard) length(at uint64) uint32 { return binary.LittleEndian.Uint32(s.at(at)[12:]) }
func (s *rowShard) setLength(at uint64, bytes uint32) {
	binary.LittleEndian.PutUint32(s.at(at)[12:], bytes)
}

// value reads the value of a row that is known; false: there is no row.
func (s *rowShard) value(at uint64) ([]byte, bool) {
	n := s.length(at)
	if n == rowAbsent {
		return nil, false
	}
	v := s.at(at)[rowHeader+len(s.key(at)):]
	return v[:n:n], true
}

// place makes a new place for a row, to be set.
func (s *rowShard) place(slot []byte, hash, store uint64, key []byte, room int) uint64 {
	at := s.advance(rowHeader + len(key) + room)
	b := s.at(at)
	binary.LittleEndian.PutUint64(b, store)
	binary.LittleEndian.PutUint16(b[8:], uint16(len(key)))
	binary.LittleEndian.PutUint16(b[10:], uint16(room))
	copy(b[rowHeader:], key)
	binary.LittleEndian.PutUint64(slot, slotOf(at, hash))
	return at
}

// set writes a value for which there is room.
func (s *rowShard) set(at uint64, value []byte, found bool) {
	length := uint32(len(value))
	if !found {
		length = rowAbsent
	}
	s.setLength(at, length)
	copy(s.at(at)[rowHeader+len(s.key(at)):], value)
}

// advance makes room for n bytes that lie together, and returns where.
func (s *rowShard) advance(n int) uint64 {
	size := uint64(len(s.ring))
	if left := size - s.head%size; left < uint64(n) {
		s.head += left
	}
	at := s.head
	s.head += uint64(n+rowAlign-1) / rowAlign * rowAlign
	return at
}

// again writes a row that is known anew and returns where.
func (s *rowShard) again(slot []byte, at, hash uint64) uint64 {
	value, _ := s.value(at)
	from := s.at(at)[:rowHeader+len(s.key(at))+len(value)]
	at = s.advance(len(from))
	b := s.at(at)
	copy(b, from) // they may overlap
	binary.LittleEndian.PutUint16(b[10:], uint16(len(value)))
	binary.LittleEndian.PutUint64(slot, slotOf(at, hash))
	return at
}
