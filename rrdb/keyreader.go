package rrdb

import (
	"bytes"
	"errors"
	"io"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// Pebble offers two ways to look up a key, and neither is always the better one. Measured on
// 200,000 rows at the bottom level, one core, ns per lookup:
//
//	                                  DB.Get    SeekPrefixGE with UseL6Filters
//	hit at the bottom level            2,390     2,400
//	hit in a memtable, older below       670     6,810
//	hit in L0, older below             1,500     3,800
//	miss                               3,510     1,890   (and no block read when the cache is cold)
//
// Get stops at the newest version but never consults the filters of the bottom level; the
// iterator consults them all but positions itself on every level that may have the key. So the
// store watches how often lookups miss and takes the iterator when most of them do.

// pointOptions make an iterator that consults the bloom filters of every level.
var pointOptions = &pebble.IterOptions{UseL6Filters: true}

// missRate is a moving average of misses, 0..missRateOne.
type missRate struct{ level atomic.Int32 }

const (
	missRateOne   = 1 << 16
	missRateShift = 6 // the last 64 lookups or so count
)

// note counts one lookup. Near both ends the average stays put, so that a run of hits, or of
// misses, writes no shared memory.
func (m *missRate) note(found bool) {
	old := m.level.Load()
	target := int32(missRateOne)
	if found {
		target = 0
	}
	if delta := (target - old) >> missRateShift; delta > 0 || delta < -1 {
		m.level.Store(old + delta)
	}
}

func (m *missRate) high() bool { return m.level.Load() > missRateOne/2 }

// keyReader looks up keys. Its zero value reads whatever state is current at each lookup, which
// is one state when there is only one lookup or nothing can be written meanwhile; after pin all
// lookups see the state of that moment.
type keyReader struct {
	it     *pebble.Iterator // filtered mode
	snap   *pebble.Snapshot // pinned, get mode
	closer io.Closer        // of the last value, get mode
	locked *rowShard        // that has the last value, of current
}

// pin fixes the state that all lookups see.
func (k *keyReader) pin(s *Store) (err error) {
	if s.misses.high() {
		k.it, err = s.db.NewIter(pointOptions)
		return wrap("read", err)
	}
	k.snap = s.db.NewSnapshot()
	return nil
}

// get returns the stored value, valid until the next get or close. A key that clients cannot have
// written is not found.
func (k *keyReader) get(s *Store, key []byte) (value []byte, found bool, err error) {
	if !rawKeyOK(key) {
		return nil, false, nil
	}
	if k.it == nil && k.snap == nil && s.misses.high() {
		if k.it, err = s.db.NewIter(pointOptions); err != nil {
			return nil, false, wrap("read", err)
		}
	}
	if k.it != nil {
		value, found, err = k.seek(key)
	} else {
		value, found, err = k.direct(s, key)
	}
	if err == nil {
		s.misses.note(found)
	}
	return value, found, err
}

// current looks up one key in the row cache, and where get would.
func (k *keyReader) current(s *Store, key []byte) (value []byte, found bool, err error) {
	rows := s.engine.rows
	if rows == nil {
		return k.get(s, key)
	}
	if value, found, k.locked = rows.get(s.id, key); k.locked != nil {
		return value, found, nil
	}
	writes := s.writes.Load()
	if value, found, err = k.get(s, key); err == nil && rawKeyOK(key) {
		s.keep(key, value, found, writes)
	}
	return value, found, err
}

// keep puts a row, or that there is none, into the row cache unless something was written since the count of writes was as given, before
// it was read.
func (s *Store) keep(key, value []byte, found bool, writes uint64) {
	if writes%2 != 0 { // it may have been read before the batch, and would be put in after the batch made it unknown
		return
	}
	if !s.cached.Load() {
		s.cached.Store(true) // before the count is looked at again: a writer counts, and then looks here
	}
	s.engine.rows.put(s.id, key, value, found, func() bool { return s.writes.Load() == writes })
}

func (k *keyReader) seek(key []byte) (value []byte, found bool, err error) {
	if !k.it.SeekPrefixGE(key) {
		return nil, false, wrap("read", k.it.Error())
	}
	if !bytes.Equal(k.it.Key(), key) {
		return nil, false, nil
	}
	value, err = k.it.ValueAndErr()
	return value, err == nil, wrap("read", err)
}

func (k *keyReader) direct(s *Store, key []byte) (value []byte, found bool, err error) {
	k.release()
	if k.snap != nil {
		value, k.closer, err = k.snap.Get(key)
	} else {
		value, k.closer, err = s.db.Get(key)
	}
	if err != nil {
		k.closer = nil
		if errors.Is(err, pebble.ErrNotFound) {
			err = nil
		}
		return nil, false, wrap("read", err)
	}
	return value, true, nil
}

func (k *keyReader) release() {
	if k.locked != nil {
		k.locked.mu.Unlock()
		k.locked = nil
	}
	if k.closer != nil {
		_ = k.closer.Close()
		k.closer = nil
	}
}

func (k *keyReader) close() {
	k.release()
	if k.it != nil {
		_ = k.it.Close() // errors were returned by get
		k.it = nil
	}
	if k.snap != nil {
		_ = k.snap.Close()
		k.snap = nil
	}
}
