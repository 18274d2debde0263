package plog

import (
	"errors"
	"io"
	"maps"
	"slices"

	"github.com/cockroachdb/errors/oserror"
)

// segment is a stretch of whole blocks, about segmentBytes long, and the decrees in it.
type segment struct {
	start, end int64
	min, max   int64
}

// addToIndex takes note of a block. For the current file the caller holds Log.mu.
func (f *logFile) addToIndex(off, length, lo, hi int64) {
	if lo == noDecree {
		return
	}
	f.min, f.max = min(f.min, lo), max(f.max, hi)
	if n := len(f.segments); n > 0 {
		s := &f.segments[n-1]
		if s.end == off && s.end-s.start < segmentBytes {
			s.end, s.min, s.max = off+length, min(s.min, lo), max(s.max, hi)
			return
		}
	}
	f.segments = append(f.segments, segment{start: off, end: off + length, min: lo, max: hi})
}

// index adds a block read from disk.
func (f *logFile) index(h blockHeader, body []byte) error {
	lo, hi := int64(noDecree), int64(0)
	err := eachEntry(h, body, func(e Entry) error {
		lo, hi = min(lo, e.Decree), max(hi, e.Decree)
		return nil
	})
	if err != nil {
		return corruptIn(f.path, err)
	}
	f.addToIndex(h.offset, blockHeaderLen+h.body, lo, hi)
	return nil
}

// corruptIn turns damage found where everything had been synced into a *CorruptError.
func corruptIn(path string, err error) error {
	var d *damage
	if errors.As(err, &d) {
		return d.in(path)
	}
	return err
}

// view is what a reader needs of a file; the file is pinned while it is in use.
type view struct {
	f        *logFile
	path     string
	number   uint64
	end      int64
	chain    uint32 // at end
	start    uint32 // chain after the header
	min      int64
	indexed  bool
	segments []segment
}

// pin returns the files that may hold decrees from `from` on, in order.
func (l *Log) pin(from int64) (views []view) {
	for i, f := range l.files {
		through := l.last
		if i+1 < len(l.files) {
			through = l.files[i+1].afterDecree
		}
		if len(views) == 0 && through < from {
			continue
		}
		f.pins++
		_, start := f.fileHeader.encode()
		views = append(views, view{
			f: f, path: f.path, number: f.number, end: f.end, chain: f.chain, start: start,
			min: f.min, indexed: f.indexed, segments: slices.Clone(f.segments),
		})
	}
	return views
}

func (l *Log) unpin(views []view) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range views {
		views[i].f.pins--
	}
}

// Replay gives every entry with a decree above fromExclusive to fn, in the order of Append: a decree
// may come again, with the same or a higher ballot, and then replaces the one before. Entry.Data is
// valid during the call only. It must be called before the first Append; an error of fn ends it.
func (l *Log) Replay(fromExclusive int64, fn func(Entry) error) error {
	l.mu.Lock()
	if l.started {
		l.mu.Unlock()
		return ErrStarted
	}
	views := l.pin(fromExclusive + 1)
	l.mu.Unlock()
	defer l.unpin(views)
	for i := range views {
		err := l.scanWhole(&views[i], func(h blockHeader, body []byte) error {
			return eachEntry(h, body, func(e Entry) error {
				if e.Decree <= fromExclusive {
					return nil
				}
				return fn(e)
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// scanWhole gives every block of a file to fn, checks that the file ends where and how it should, and
// leaves its index behind.
func (l *Log) scanWhole(v *view, fn func(blockHeader, []byte) error) error {
	file, err := l.fs.Open(v.path)
	if err != nil {
		return ioErr("open", v.path, err)
	}
	defer file.Close()
	s := &scanner{file: file, path: v.path, number: v.number, off: fileHeaderLen, limit: v.end, chain: v.start, linked: true}
	var ix logFile
	ix.path, ix.min = v.path, noDecree
	for {
		h, body, err := s.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return corruptIn(v.path, err)
		}
		if !v.indexed {
			if err := ix.index(h, body); err != nil {
				return err
			}
		}
		if err := fn(h, body); err != nil {
			return corruptIn(v.path, err)
		}
	}
	if s.chain != v.chain {
		return &CorruptError{File: v.path, Offset: s.off, Reason: "file does not end with the block that its successor follows"}
	}
	if v.indexed {
		return nil
	}
	v.indexed, v.segments = true, ix.segments
	l.mu.Lock()
	defer l.mu.Unlock()
	if !v.f.indexed {
		v.f.indexed, v.f.segments, v.f.max = true, slices.Clone(ix.segments), ix.max
	}
	return nil
}

// Read returns the newest version of each decree from fromDecree to toDecree, without a gap: it ends
// early where the log has none, or when the entries exceed bytesMax together (one is always given).
// Nothing is returned when fromDecree was not written yet, ErrGone when it is not there any more.
func (l *Log) Read(fromDecree, toDecree int64, bytesMax int) ([]Entry, error) {
	l.mu.Lock()
	if fromDecree < l.first() {
		l.mu.Unlock()
		return nil, ErrGone
	}
	toDecree = min(toDecree, l.last)
	if fromDecree > toDecree {
		l.mu.Unlock()
		return nil, nil
	}
	views := l.pin(fromDecree)
	l.mu.Unlock()
	defer l.unpin(views)
	if err := l.flush(); err != nil {
		return nil, err
	}

	c := collector{from: fromDecree, to: toDecree, bytesMax: int64(bytesMax), newest: map[int64]Entry{}}
	for i := range views {
		v := &views[i]
		if v.min > c.to {
			continue
		}
		err := error(nil)
		if !v.indexed {
			err = l.scanWhole(v, func(blockHeader, []byte) error { return nil })
		}
		if err == nil {
			err = l.collect(v, &c)
		}
		if oserror.IsNotExist(err) {
			return nil, ErrGone // a Reset came in between
		}
		if err != nil {
			return nil, err
		}
	}
	entries := c.contiguous()
	if len(entries) == 0 {
		return nil, ErrGone
	}
	return entries, nil
}

// collect reads the segments of one file that can hold what c wants.
func (l *Log) collect(v *view, c *collector) error {
	file, err := l.fs.Open(v.path)
	if err != nil {
		return ioErr("open", v.path, err)
	}
	defer file.Close()
	s := &scanner{file: file, path: v.path, number: v.number}
	for _, seg := range v.segments {
		if seg.max < c.from || seg.min > c.to {
			continue
		}
		if s.off != seg.start {
			s.linked = false
		}
		s.off, s.limit = seg.start, seg.end
		for {
			h, body, err := s.next()
			if err == io.EOF {
				break
			}
			if err == nil {
				err = eachEntry(h, body, c.add)
			}
			if err != nil {
				return corruptIn(v.path, err)
			}
		}
	}
	return nil
}

// collector keeps the newest version of each decree, and no more of them than bytesMax asks for.
type collector struct {
	from, to int64 // to shrinks as entries fill bytesMax
	bytesMax int64
	bytes    int64
	newest   map[int64]Entry
}

func entryBytes(e Entry) int64 { return entryHeaderLen + int64(len(e.Data)) }

func (c *collector) add(e Entry) error {
	if e.Decree < c.from || e.Decree > c.to {
		return nil
	}
	if old, ok := c.newest[e.Decree]; ok {
		c.bytes -= entryBytes(old)
	}
	e.Data = slices.Clone(e.Data)
	c.newest[e.Decree] = e
	c.bytes += entryBytes(e)
	if c.bytes > 2*c.bytesMax && len(c.newest) > 1 {
		c.shrink()
	}
	return nil
}

// shrink lowers `to` to what can still be part of the answer: decrees that are missing so far only
// make the answer end earlier.
func (c *collector) shrink() {
	sum := int64(0)
	for i, d := range slices.Sorted(maps.Keys(c.newest)) {
		size := entryBytes(c.newest[d])
		if i > 0 && sum+size > c.bytesMax {
			c.to = min(c.to, d-1)
			delete(c.newest, d)
			c.bytes -= size
			continue
		}
		sum += size
	}
	maps.DeleteFunc(c.newest, func(d int64, e Entry) bool {
		if d > c.to {
			c.bytes -= entryBytes(e)
			return true
		}
		return false
	})
}

func (c *collector) contiguous() (entries []Entry) {
	sum := int64(0)
	for d := c.from; d <= c.to; d++ {
		e, ok := c.newest[d]
		if !ok {
			break
		}
		sum += entryBytes(e)
		if sum > c.bytesMax && len(entries) > 0 {
			break
		}
		entries = append(entries, e)
	}
	return entries
}
