package rrdb

import (
	"bytes"

	"github.com/cockroachdb/pebble/v2"
)

// pointOptions make an iterator that consults bloom filters on every level. DB.Get never looks at
// the filters of the bottom level, where nearly all data is, so a miss there reads a data block;
// through SeekPrefixGE it reads a filter only (docs/decisions have the figures).
var pointOptions = &pebble.IterOptions{UseL6Filters: true}

// keyReader looks up keys in one snapshot of the store: the iterator is made at the first lookup
// and kept until close.
type keyReader struct {
	it *pebble.Iterator
}

// get returns the stored value, valid until the next get or close. A key that clients cannot have
// written is not found.
func (k *keyReader) get(s *Store, key []byte) (value []byte, found bool, err error) {
	if !rawKeyOK(key) {
		return nil, false, nil
	}
	if k.it == nil {
		if k.it, err = s.db.NewIter(pointOptions); err != nil {
			return nil, false, wrap("read", err)
		}
	}
	if !k.it.SeekPrefixGE(key) {
		return nil, false, wrap("read", k.it.Error())
	}
	if !bytes.Equal(k.it.Key(), key) {
		return nil, false, nil
	}
	value, err = k.it.ValueAndErr()
	return value, err == nil, wrap("read", err)
}

func (k *keyReader) close() {
	if k.it != nil {
		_ = k.it.Close() // errors were returned by get
		k.it = nil
	}
}
