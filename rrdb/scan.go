package rrdb

import (
	"bytes"

	"github.com/cockroachdb/pebble/v2"
	"github.com/pegasus-go/pegasus/gen-go/base"
)

// Context ids with a meaning of their own; live ones are positive and at least 1<<32.
const (
	contextDone = -1
	// contextEmpty is what the original answers for an empty or inverted range (observed.md), and
	// so do we. It is never live: SCAN of it is "not found". The Go client asks for context 0 on
	// purpose after a failed SCAN and then begins anew behind the last row it has.
	contextEmpty = 0
)

// getScanner: rrdb.md §10.1.
func (r *reading) getScanner(body []byte) {
	q, ok := decodeGetScanner(body)
	if !ok {
		r.undecodable()
		return
	}
	var list rowList
	r.out, list = beginRows(r.out)
	if !q.hashFilter.valid() || !q.sortFilter.valid() {
		r.endScan(&list, StatusInvalidArgument, contextEmpty, -1)
		return
	}
	k := scanRange(&q)
	if k.empty() || bytes.Compare(k.start, dataEnd) >= 0 {
		r.endScan(&list, StatusOK, contextEmpty, -1)
		return
	}
	c := &scanContext{
		stop:         bytes.Clone(k.stop),
		stopIncl:     k.stopIncl,
		batch:        r.s.engine.opts.ScanIterationsMax,
		noValue:      q.noValue,
		validateHash: q.validateHash,
		returnExpire: q.returnExpire,
		onlyCount:    q.onlyCount,
		hashFilter:   q.hashFilter.clone(),
		sortFilter:   q.sortFilter.clone(),
	}
	if n := int(q.batchSize); n > 0 && n < c.batch {
		c.batch = n
	}
	if err := c.open(r.s.db, &k, q.start, q.fullScan); err != nil {
		r.endScan(&list, r.failed(wrap("get_scanner", err)), contextDone, -1)
		return
	}
	if !k.startIncl && c.it.Valid() && bytes.Equal(c.it.Key(), k.start) {
		c.it.Next()
	}
	lim := r.s.newLimiter(r.s.engine.opts.ScanIterationsMax, r.s.engine.opts.ScanIterationsMax, r.responseMax())
	r.scanBatch(c, &list, &lim)
}

// scanRange clamps the client's range to the keys that can hold data and narrows it by a prefix
// filter on hash keys. The upper end cannot be narrowed: shorter hash keys sort first.
func scanRange(q *getScannerRequest) keyRange {
	k := keyRange{q.start, q.stop, q.startIncl, q.stopIncl}
	if bytes.Compare(k.stop, dataEnd) > 0 {
		k.stop, k.stopIncl = dataEnd, false
	}
	if q.hashFilter.narrowsPrefix() && hashKeyOK(q.hashFilter.pattern) {
		low := base.EncodeKey(q.hashFilter.pattern, nil)
		if bytes.Compare(k.start, low) < 0 {
			k.start, k.startIncl = low, true
		}
	}
	return k
}

// open makes the iterator and positions it at the start of the range. Unless the request says
// full_scan or the start it asked for has an empty hash key, only that hash key is scanned.
func (c *scanContext) open(db *pebble.DB, k *keyRange, asked []byte, fullScan bool) (err error) {
	o := pebble.IterOptions{LowerBound: dataStart, UpperBound: dataEnd}
	confined := !fullScan && rawKeyOK(asked) && hashPrefixLen(asked) > 2
	if confined {
		hashKey := asked[2:hashPrefixLen(asked)]
		o.LowerBound = base.EncodeKey(hashKey, nil)
		o.UpperBound = base.AppendNextKey(nil, hashKey, nil)
		o.UseL6Filters = true
	}
	if c.it, err = db.NewIter(&o); err != nil {
		return err
	}
	if c.confined {
		c.it.SeekPrefixGE(k.start)
	} else {
		c.it.SeekGE(k.start)
	}
	return nil
}

// scan: rrdb.md §10.2. The context is used up; what remains continues under a new id.
func (r *reading) scan(body []byte) {
	id, ok := decodeScan(body)
	if !ok {
		r.undecodable()
		return
	}
	var list rowList
	r.out, list = beginRows(r.out)
	c := r.s.scans.take(id)
	if c == nil {
		r.st.Bytes = 1
		r.endScan(&list, StatusNotFound, 0, -1)
		return
	}
	lim := r.s.newLimiter(c.batch, c.batch, r.responseMax())
	r.scanBatch(c, &list, &lim)
}

func (r *reading) clearScanner(body []byte) {
	id, ok := decodeInt64(body)
	if !ok {
		r.undecodable()
		return
	}
	if c := r.s.scans.take(id); c != nil {
		c.close()
	}
}

// scanBatch reads one batch, answers it, and stores or closes the context.
func (r *reading) scanBatch(c *scanContext, list *rowList, lim *rangeLimiter) {
	count, complete, err := r.scanRows(c, list, lim)
	if !complete {
		lim.inTime()
	}
	if err == nil {
		err = wrap("scan", c.it.Error())
	}
	if err == nil && lim.cancelled {
		err = closedError("scan")
	}
	kvCount := -1
	if c.onlyCount {
		kvCount = count
	}
	r.st.Rows = count
	switch {
	case err != nil:
		c.close()
		r.endScan(list, r.failed(err), contextDone, kvCount)
	case lim.exceeded:
		c.close()
		r.endScan(list, StatusIncomplete, contextDone, kvCount)
	case c.it.Valid() && !complete:
		r.endScan(list, StatusOK, r.s.scans.put(c), kvCount)
	default:
		c.close()
		r.endScan(list, StatusOK, contextDone, kvCount)
	}
}

func (r *reading) endScan(list *rowList, status Status, contextID int64, kvCount int) {
	drop := status != StatusOK && status != StatusIncomplete
	r.out = list.end(r.out, status, drop)
	r.out = r.s.tails.endScan(r.out, contextID, kvCount)
	r.st.Status = status
	if drop && status != StatusNotFound {
		r.st.Bytes, r.st.Rows = 0, 0
	}
}

// scanRows walks from where the context stands.
func (r *reading) scanRows(c *scanContext, list *rowList, lim *rangeLimiter) (count int, complete bool, err error) {
	it, steps := c.it, r.s.newStepper(c.it, c.confined)
	defer steps.done()
	for ; count < c.batch && lim.ok() && it.Valid(); steps.next() {
		key := it.Key()
		cmp := bytes.Compare(key, c.stop)
		if cmp > 0 || cmp == 0 && !c.stopIncl {
			return count, true, nil
		}
		lim.iterated++
		v, err := it.ValueAndErr()
		if err != nil {
			return count, false, wrap("scan", err)
		}
		taken, err := r.scanRow(c, list, key, v)
		if err != nil {
			return count, false, err
		}
		if taken {
			count++
			lim.bytes = int64(r.st.Bytes)
		}
		if cmp == 0 {
			return count, true, nil
		}
	}
	return count, false, nil
}

// scanRow applies the tests of one record in upstream's order: expired, of another partition,
// hash filter, sort filter.
func (r *reading) scanRow(c *scanContext, list *rowList, key, v []byte) (taken bool, err error) {
	row, alive, err := r.visible(v)
	if err != nil || !alive {
		return false, err
	}
	if c.validateHash && r.rc.ValidateHash && !r.belongs(key) {
		return false, nil
	}
	hashKey, sortKey, err := base.DecodeKey(key)
	if err != nil {
		return false, &Error{Op: "scan", Class: ClassCorruption, Err: err}
	}
	if !c.hashFilter.match(hashKey) || !c.sortFilter.match(sortKey) {
		r.s.stats.filteredReads.Add(1)
		return false, nil
	}
	if c.onlyCount {
		return true, nil
	}
	user := row.user
	if c.noValue {
		user = nil
	}
	if c.returnExpire {
		r.out = appendKeyValueExpire(r.out, key, user, row.expire)
	} else {
		r.out = appendKeyValue(r.out, key, user)
	}
	list.count++
	r.st.Bytes += len(key) + len(user)
	return true, nil
}

// belongs reports whether a key is this partition's. After a split both halves hold all rows
// until the strangers are collected.
func (r *reading) belongs(key []byte) bool {
	version, index := r.rc.PartitionVersion, r.s.opts.Gpid.PartitionIndex
	return version >= 0 && index <= version && base.KeyHash(key)&uint64(version) == uint64(index)
}
