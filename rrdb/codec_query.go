package rrdb

type multiGetRequest struct {
	hashKey            []byte
	sortKeys           [][]byte
	maxCount, maxSize  int32
	noValue, reverse   bool
	start, stop        []byte
	startIncl, stopInc bool
	filter             keyFilter
}

func decodeMultiGet(body []byte) (q multiGetRequest, ok bool) {
	r, ok := openBody(body)
	if !ok {
		return q, false
	}
	for f := r.field(); f != 0; f = r.field() {
		switch f {
		case fieldOf(1, tagStruct):
			q.hashKey = r.bytes()
		case fieldOf(2, tagList):
			q.sortKeys = readList(&r, readBlob)
		case fieldOf(3, tagI32):
			q.maxCount = r.i32()
		case fieldOf(4, tagI32):
			q.maxSize = r.i32()
		case fieldOf(5, tagBool):
			q.noValue = r.boolean()
		case fieldOf(6, tagStruct):
			q.start = r.bytes()
		case fieldOf(7, tagStruct):
			q.stop = r.bytes()
		case fieldOf(8, tagBool):
			q.startIncl = r.boolean()
		case fieldOf(9, tagBool):
			q.stopInc = r.boolean()
		case fieldOf(10, tagI32):
			q.filter.kind = r.i32()
		case fieldOf(11, tagStruct):
			q.filter.pattern = r.bytes()
		case fieldOf(12, tagBool):
			q.reverse = r.boolean()
		default:
			r.skip(f)
		}
	}
	return q, r.closeBody()
}

// fullKey is a hash key and a sort key that travel apart.
type fullKey struct{ hashKey, sortKey []byte }

func decodeBatchGet(body []byte) (keys []fullKey, ok bool) {
	r, ok := openBody(body)
	if !ok {
		return nil, false
	}
	for f := r.field(); f != 0; f = r.field() {
		if f == fieldOf(1, tagList) {
			keys = readList(&r, readFullKey)
		} else {
			r.skip(f)
		}
	}
	return keys, r.closeBody()
}

func readFullKey(r *reader) (k fullKey) {
	for f := r.field(); f != 0; f = r.field() {
		switch f {
		case fieldOf(1, tagStruct):
			k.hashKey = r.bytes()
		case fieldOf(2, tagStruct):
			k.sortKey = r.bytes()
		default:
			r.skip(f)
		}
	}
	return k
}

type getScannerRequest struct {
	start, stop         []byte
	startIncl, stopIncl bool
	batchSize           int32
	noValue             bool
	hashFilter          keyFilter
	sortFilter          keyFilter
	validateHash        bool // true when the field is absent
	returnExpire        bool
	fullScan            bool
	onlyCount           bool
}

func decodeGetScanner(body []byte) (q getScannerRequest, ok bool) {
	r, ok := openBody(body)
	if !ok {
		return q, false
	}
	q.validateHash = true
	for f := r.field(); f != 0; f = r.field() {
		switch f {
		case fieldOf(1, tagStruct):
			q.start = r.bytes()
		case fieldOf(2, tagStruct):
			q.stop = r.bytes()
		case fieldOf(3, tagBool):
			q.startIncl = r.boolean()
		case fieldOf(4, tagBool):
			q.stopIncl = r.boolean()
		case fieldOf(5, tagI32):
			q.batchSize = r.i32()
		case fieldOf(6, tagBool):
			q.noValue = r.boolean()
		default:
			q.readOptions(&r, f)
		}
	}
	return q, r.closeBody()
}

func (q *getScannerRequest) readOptions(r *reader, f uint32) {
	switch f {
	case fieldOf(7, tagI32):
		q.hashFilter.kind = r.i32()
	case fieldOf(8, tagStruct):
		q.hashFilter.pattern = r.bytes()
	case fieldOf(9, tagI32):
		q.sortFilter.kind = r.i32()
	case fieldOf(10, tagStruct):
		q.sortFilter.pattern = r.bytes()
	case fieldOf(11, tagBool):
		q.validateHash = r.boolean()
	case fieldOf(12, tagBool):
		q.returnExpire = r.boolean()
	case fieldOf(13, tagBool):
		q.fullScan = r.boolean()
	case fieldOf(14, tagBool):
		q.onlyCount = r.boolean()
	default:
		r.skip(f)
	}
}

func decodeScan(body []byte) (contextID int64, ok bool) {
	r, ok := openBody(body)
	if !ok {
		return 0, false
	}
	for f := r.field(); f != 0; f = r.field() {
		if f == fieldOf(1, tagI64) {
			contextID = r.i64()
		} else {
			r.skip(f)
		}
	}
	return contextID, r.closeBody()
}
