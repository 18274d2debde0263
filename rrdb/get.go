package rrdb

import "time"

// get: rrdb.md §9.1. Absent and expired rows are not found; an empty value is a value.
func (r *reading) get(body []byte) {
	key, ok := decodeBlob(body)
	if !ok {
		r.undecodable()
		return
	}
	begin := time.Now()
	var k keyReader
	defer k.close()
	row, found, err := r.one(&k, key)
	switch {
	case err != nil:
		r.failed(err)
	case !found:
		r.st.Status, r.st.Bytes = StatusNotFound, 1
	default:
		r.st.Bytes, r.st.Rows = len(key)+len(row.user), 1
	}
	if !found {
		row.user = nil
	}
	r.out = r.s.tails.appendRead(r.out, r.st.Status, row.user)
	k.close()
	r.noticeGet(begin, key, len(row.user))
}

// ttl: rrdb.md §9.2. -1 for a row that never expires.
func (r *reading) ttl(body []byte) {
	key, ok := decodeBlob(body)
	if !ok {
		r.undecodable()
		return
	}
	var k keyReader
	defer k.close()
	row, found, err := r.one(&k, key)
	seconds := int32(0)
	r.st.Bytes = 1
	switch {
	case err != nil:
		r.failed(err)
	case !found:
		r.st.Status = StatusNotFound
	case row.expire == 0:
		seconds, r.st.Rows = -1, 1
	default:
		seconds, r.st.Rows = int32(row.expire-r.rc.Now), 1
	}
	r.out = r.s.tails.appendTTL(r.out, r.st.Status, seconds)
}

// batchGet: rrdb.md §9.3. Rows found, in the order asked for.
func (r *reading) batchGet(body []byte) {
	keys, ok := decodeBatchGet(body)
	if !ok {
		r.undecodable()
		return
	}
	begin := time.Now()
	var list rowList
	r.out, list = beginRows(r.out)
	var k keyReader
	defer k.close()
	status, drop := StatusOK, false
	if len(keys) == 0 {
		status = StatusInvalidArgument
	} else if err := k.pin(r.s); err != nil {
		status, keys = r.failed(err), nil
	}
	var raw []byte
	for _, key := range keys {
		if !hashKeyOK(key.hashKey) {
			continue
		}
		raw = appendRawKey(raw[:0], key)
		row, found, err := r.lookup(&k, raw)
		if err == nil && r.s.closing.Load() {
			err = closedError("batch_get")
		}
		if err != nil {
			status, drop = r.failed(err), true
			break
		}
		if found && int64(r.st.Bytes) >= r.responseMax() {
			status = StatusIncomplete
			break
		}
		if found {
			r.out = appendFullData(r.out, key, row.user)
			list.count++
			r.st.Bytes += len(key.hashKey) + len(key.sortKey) + len(row.user)
		}
	}
	r.out = list.end(r.out, status, drop)
	r.out = append(r.out, r.s.tails.read...)
	r.st.Status, r.st.Rows = status, list.count
	r.noticeBatchGet(begin, keys)
}
