package rrdb

import "github.com/cockroachdb/pebble/v2"

// A row that was overwritten many times since the last flush has as many versions in the
// memtable, and the iterator's Next walks over each of them: measured, a read of 100 rows of which
// one had 100,000 versions took 5 ms instead of 22 µs. Seeking past a row costs the same however
// many versions it has (30 µs for those 100 rows, 28-50 µs where Next takes 15-22). So a store on
// which a read met such rows seeks from row to row until the next flush, which drops the versions.

// versionsPerRowMax and versionsSlack say how many steps of the engine per row are taken for granted.
const (
	versionsPerRowMax = 8
	versionsSlack     = 500
)

// stepper moves an iterator forward from row to row.
type stepper struct {
	s      *Store
	it     *pebble.Iterator
	prefix bool // the iterator is in prefix mode: all rows are of one hash key
	seek   bool
	before int // steps the engine had made when this began
	rows   int
	buf    []byte
}

func (s *Store) newStepper(it *pebble.Iterator, prefix bool) stepper {
	return stepper{s: s, it: it, prefix: prefix, seek: s.versions.Load(), before: engineSteps(it)}
}

func engineSteps(it *pebble.Iterator) int {
	stats := it.Stats()
	return stats.ForwardStepCount[pebble.InternalIterCall]
}

func (p *stepper) next() {
	p.rows++
	if !p.seek {
		p.it.Next()
		return
	}
	p.buf = append(append(p.buf[:0], p.it.Key()...), 0)
	if p.prefix {
		p.it.SeekPrefixGE(p.buf)
	} else {
		p.it.SeekGE(p.buf)
	}
}

// done notes whether rows with many versions were met.
func (p *stepper) done() {
	if !p.seek && engineSteps(p.it)-p.before > versionsPerRowMax*p.rows+versionsSlack {
		p.s.versions.Store(true)
	}
}
