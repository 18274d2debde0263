package rrdb

import (
	"bytes"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/pegasus-go/pegasus/gen-go/base"
)

func appendRawKey(dst []byte, k fullKey) []byte { return base.AppendKey(dst, k.hashKey, k.sortKey) }

// multiGet: rrdb.md §9.4. With sort keys it looks each of them up, else it reads a range of one
// hash key.
func (r *reading) multiGet(body []byte) {
	q, ok := decodeMultiGet(body)
	if !ok {
		r.undecodable()
		return
	}
	g := multiGetting{reading: r, q: &q, begin: time.Now()}
	g.capCount = r.s.engine.opts.MultiGetIterationsMax
	if n := int(q.maxCount); n > 0 && n < g.capCount {
		g.capCount = n
	}
	g.capSize = r.responseMax()
	if q.maxSize > 0 {
		g.capSize = min(g.capSize, int64(q.maxSize))
	}
	r.out, g.list = beginRows(r.out)
	switch {
	case !q.filter.valid(), !hashKeyOK(q.hashKey):
		g.finish(StatusInvalidArgument, false)
	case len(q.sortKeys) > 0:
		g.byKeys()
	default:
		g.byRange()
	}
	r.noticeMultiGet(&g)
}

// multiGetting is a multi_get in progress.
type multiGetting struct {
	*reading
	q        *multiGetRequest
	begin    time.Time
	capCount int
	capSize  int64
	list     rowList
	size     int64 // of sort keys and values collected
	iterated int
	offsets  []int // where rows begin, kept for a reverse read
}

func (g *multiGetting) finish(status Status, drop bool) {
	g.out = g.list.end(g.out, status, drop)
	g.out = append(g.out, g.s.tails.read...)
	g.st.Status, g.st.Rows = status, g.list.count
	if !drop {
		g.st.Bytes = int(g.size) + g.list.count*len(g.q.hashKey)
	}
}

func (g *multiGetting) collect(sortKey, value []byte) {
	if g.q.noValue {
		value = nil
	}
	g.out = appendKeyValue(g.out, sortKey, value)
	g.list.count++
	g.size += int64(len(sortKey) + len(value))
}

// byKeys answers in the order asked for. It is incomplete only when a live row was met after a
// limit was reached.
func (g *multiGetting) byKeys() {
	var k keyReader
	defer k.close()
	if err := k.pin(g.s); err != nil {
		g.finish(g.failed(err), true)
		return
	}
	var raw []byte
	for _, sortKey := range g.q.sortKeys {
		raw = base.AppendKey(raw[:0], g.q.hashKey, sortKey)
		row, found, err := g.lookup(&k, raw)
		if err == nil && g.s.closing.Load() {
			err = closedError("multi_get")
		}
		if err != nil {
			g.finish(g.failed(err), true)
			return
		}
		if !found {
			continue
		}
		if g.list.count >= g.capCount || g.size >= g.capSize {
			g.finish(StatusIncomplete, false)
			return
		}
		g.collect(sortKey, row.user)
	}
	g.finish(StatusOK, false)
}

// keyRange is a range of raw keys with inclusive or exclusive ends.
type keyRange struct {
	start, stop         []byte
	startIncl, stopIncl bool
}

func (k *keyRange) empty() bool {
	c := bytes.Compare(k.start, k.stop)
	return c > 0 || c == 0 && !(k.startIncl && k.stopIncl)
}

// rangeOf is the range a multi_get asks for, narrowed by a prefix filter.
func rangeOf(q *multiGetRequest) keyRange {
	k := keyRange{start: base.EncodeKey(q.hashKey, q.start), startIncl: q.startIncl}
	if len(q.stop) == 0 {
		k.stop = base.AppendNextKey(nil, q.hashKey, nil)
	} else {
		k.stop, k.stopIncl = base.EncodeKey(q.hashKey, q.stop), q.stopInc
	}
	if q.filter.narrowsPrefix() {
		if low := base.EncodeKey(q.hashKey, q.filter.pattern); bytes.Compare(k.start, low) < 0 {
			k.start, k.startIncl = low, true
		}
		if high := base.AppendNextKey(nil, q.hashKey, q.filter.pattern); bytes.Compare(high, k.stop) <= 0 {
			k.stop, k.stopIncl = high, false
		}
	}
	return k
}

// byRange walks the range forward or backward. The iterator is confined to the hash key, not to
// the range: a read that stops at a limit is incomplete when the hash key has more rows, even
// outside the range, as upstream has it.
func (g *multiGetting) byRange() {
	k := rangeOf(g.q)
	if k.empty() {
		g.finish(StatusOK, false)
		return
	}
	it, err := g.s.db.NewIter(&pebble.IterOptions{
		LowerBound:   base.EncodeKey(g.q.hashKey, nil),
		UpperBound:   base.AppendNextKey(nil, g.q.hashKey, nil),
		UseL6Filters: true,
	})
	if err != nil {
		g.finish(g.failed(wrap("multi_get", err)), true)
		return
	}
	defer it.Close()
	lim := g.s.newLimiter(g.s.engine.opts.MultiGetIterationsMax, g.s.engine.opts.MultiGetIterationsMax, g.bytesLimit())
	complete, err := g.walk(it, &k, &lim)
	g.iterated = lim.iterated
	if err == nil {
		err = wrap("multi_get", it.Error())
	}
	if err == nil && lim.cancelled {
		err = closedError("multi_get")
	}
	switch {
	case err != nil:
		g.finish(g.failed(err), true)
	case !complete && it.Valid():
		g.reverseRows()
		g.finish(StatusIncomplete, false)
	default:
		g.reverseRows()
		g.finish(StatusOK, false)
	}
}

func (g *multiGetting) bytesLimit() int64 {
	if n := g.s.engine.opts.MultiGetIterationBytesMax; n > 0 {
		return min(n, g.capSize)
	}
	return g.capSize
}

// walk collects rows until the far end of the range (complete) or a limit.
func (g *multiGetting) walk(it *pebble.Iterator, k *keyRange, lim *rangeLimiter) (complete bool, err error) {
	near, far := k.start, k.stop
	nearIncl, farIncl := k.startIncl, k.stopIncl
	steps := g.s.newStepper(it, true)
	defer steps.done()
	step, sign := steps.next, 1
	if g.q.reverse {
		near, far, nearIncl, farIncl = k.stop, k.start, k.stopIncl, k.startIncl
		step, sign = func() { it.Prev() }, -1
		it.SeekLT(append(bytes.Clone(near), 0)) // the largest key <= near
	} else {
		it.SeekPrefixGE(near)
	}
	for first := true; g.list.count < g.capCount && lim.ok() && it.Valid(); step() {
		key := it.Key()
		c := sign * bytes.Compare(key, far)
		if c > 0 || c == 0 && !farIncl {
			return true, nil
		}
		if first {
			first = false
			if !nearIncl && bytes.Equal(key, near) {
				continue
			}
		}
		lim.iterated++
		if err := g.visit(it, lim); err != nil {
			return false, err
		}
		if c == 0 {
			return true, nil
		}
	}
	return false, nil
}

// visit looks at the row under the iterator and collects it when it is alive and wanted.
func (g *multiGetting) visit(it *pebble.Iterator, lim *rangeLimiter) error {
	v, err := it.ValueAndErr()
	if err != nil {
		return wrap("multi_get", err)
	}
	row, alive, err := g.visible(v)
	if err != nil || !alive {
		return err
	}
	sortKey := it.Key()[2+len(g.q.hashKey):]
	if !g.q.filter.match(sortKey) {
		g.s.stats.filteredReads.Add(1)
		return nil
	}
	if g.q.reverse {
		g.offsets = append(g.offsets, len(g.out))
	}
	g.collect(sortKey, row.user)
	lim.bytes = g.size
	return nil
}

// reverseRows puts the rows of a reverse read into ascending order.
func (g *multiGetting) reverseRows() {
	if len(g.offsets) < 2 {
		return
	}
	encoded := bytes.Clone(g.out[g.list.at:])
	end := len(encoded)
	dst := g.out[g.list.at:g.list.at]
	for i := len(g.offsets) - 1; i >= 0; i-- {
		from := g.offsets[i] - g.list.at
		dst = append(dst, encoded[from:end]...)
		end = from
	}
}

// sortkeyCount: rrdb.md §9.5. -1 when the time was up.
func (r *reading) sortkeyCount(body []byte) {
	hashKey, ok := decodeBlob(body)
	if !ok {
		r.undecodable()
		return
	}
	r.st.Bytes = 1
	if !hashKeyOK(hashKey) {
		r.st.Status = StatusInvalidArgument
		r.out = r.s.tails.appendCount(r.out, r.st.Status, 0)
		return
	}
	n, err := r.countRows(hashKey)
	if err != nil {
		n = 0
		r.failed(err)
	}
	r.st.Rows = int(max(n, 0))
	r.out = r.s.tails.appendCount(r.out, r.st.Status, n)
}

func (r *reading) countRows(hashKey []byte) (int64, error) {
	start := base.EncodeKey(hashKey, nil)
	it, err := r.s.db.NewIter(&pebble.IterOptions{
		LowerBound:   start,
		UpperBound:   base.AppendNextKey(nil, hashKey, nil),
		UseL6Filters: true,
	})
	if err != nil {
		return 0, wrap("sortkey_count", err)
	}
	defer it.Close()
	lim := r.s.newLimiter(0, r.s.engine.opts.ScanIterationsMax, 0)
	n := int64(0)
	it.SeekPrefixGE(start)
	steps := r.s.newStepper(it, true)
	defer steps.done()
	for ; lim.ok() && it.Valid(); steps.next() {
		lim.iterated++
		v, err := it.ValueAndErr()
		if err != nil {
			return 0, wrap("sortkey_count", err)
		}
		_, alive, err := r.visible(v)
		if err != nil {
			return 0, err
		}
		if alive {
			n++
		}
	}
	switch {
	case it.Error() != nil:
		return 0, wrap("sortkey_count", it.Error())
	case lim.cancelled:
		return 0, closedError("sortkey_count")
	case lim.exceeded:
		return -1, nil
	}
	return n, nil
}
