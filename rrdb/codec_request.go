package rrdb

// Requests as this package reads them. All byte slices share the request body. Missing fields
// are zero, as thrift has it; every reader skips fields it does not know.

type keyValue struct {
	key, value []byte
	expire     int32
}

type updateRequest struct {
	key, value []byte
	expire     int32
	updateType int32
}

// Update types; all but the first exist only in mutations translated by the original.
const (
	updatePut                  int32 = 0
	updateIncr                 int32 = 1
	updateCheckAndSet          int32 = 2
	updateCheckAndMutatePut    int32 = 3
	updateCheckAndMutateRemove int32 = 4
)

func decodeUpdate(body []byte) (q updateRequest, ok bool) {
	r, ok := openBody(body)
	if !ok {
		return q, false
	}
	for f := r.field(); f != 0; f = r.field() {
		switch f {
		case fieldOf(1, tagStruct):
			q.key = r.bytes()
		case fieldOf(2, tagStruct):
			q.value = r.bytes()
		case fieldOf(3, tagI32):
			q.expire = r.i32()
		case fieldOf(4, tagI32):
			q.updateType = r.i32()
		case fieldOf(7, tagStruct):
			r.bytes() // check_value: a special type, which skip could not pass over
		default:
			r.skip(f)
		}
	}
	return q, r.closeBody()
}

// decodeBlob reads a bare blob argument: remove, get, ttl (a raw key), sortkey_count (a hash key).
func decodeBlob(body []byte) ([]byte, bool) {
	r, ok := openBody(body)
	if !ok {
		return nil, false
	}
	b := r.bytes()
	return b, r.closeBody()
}

// decodeInt64 reads a bare i64 argument: clear_scanner.
func decodeInt64(body []byte) (int64, bool) {
	r, ok := openBody(body)
	if !ok {
		return 0, false
	}
	v := r.i64()
	return v, r.closeBody()
}

type multiPutRequest struct {
	hashKey []byte
	kvs     []keyValue
	expire  int32
}

func decodeMultiPut(body []byte) (q multiPutRequest, ok bool) {
	r, ok := openBody(body)
	if !ok {
		return q, false
	}
	for f := r.field(); f != 0; f = r.field() {
		switch f {
		case fieldOf(1, tagStruct):
			q.hashKey = r.bytes()
		case fieldOf(2, tagList):
			q.kvs = readList(&r, readKeyValue)
		case fieldOf(3, tagI32):
			q.expire = r.i32()
		default:
			r.skip(f)
		}
	}
	return q, r.closeBody()
}

func readKeyValue(r *reader) (kv keyValue) {
	for f := r.field(); f != 0; f = r.field() {
		switch f {
		case fieldOf(1, tagStruct):
			kv.key = r.bytes()
		case fieldOf(2, tagStruct):
			kv.value = r.bytes()
		case fieldOf(3, tagI32):
			kv.expire = r.i32()
		default:
			r.skip(f)
		}
	}
	return kv
}

// readList reads a list whose elements the given function reads. Room is reserved for what the
// input could hold at four bytes an element at most, so a lying count costs nothing.
func readList[T any](r *reader, elem func(*reader) T) []T {
	n := r.list()
	if n == 0 {
		return nil
	}
	out := make([]T, 0, min(n, len(r.b)/4+1))
	for i := 0; i < n && !r.bad; i++ {
		out = append(out, elem(r))
	}
	return out
}

func readBlob(r *reader) []byte { return r.bytes() }

type multiRemoveRequest struct {
	hashKey  []byte
	sortKeys [][]byte
}

func decodeMultiRemove(body []byte) (q multiRemoveRequest, ok bool) {
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
		default:
			r.skip(f)
		}
	}
	return q, r.closeBody()
}

type incrRequest struct {
	key       []byte
	increment int64
	expire    int32
}

func decodeIncr(body []byte) (q incrRequest, ok bool) {
	r, ok := openBody(body)
	if !ok {
		return q, false
	}
	for f := r.field(); f != 0; f = r.field() {
		switch f {
		case fieldOf(1, tagStruct):
			q.key = r.bytes()
		case fieldOf(2, tagI64):
			q.increment = r.i64()
		case fieldOf(3, tagI32):
			q.expire = r.i32()
		default:
			r.skip(f)
		}
	}
	return q, r.closeBody()
}

// check is the part that check_and_set and check_and_mutate share.
type check struct {
	hashKey, sortKey []byte
	kind             int32
	operand          []byte
	returnValue      bool
}

type checkAndSetRequest struct {
	check
	setDiffSortKey bool
	setSortKey     []byte
	setValue       []byte
	setExpire      int32
}

func decodeCheckAndSet(body []byte) (q checkAndSetRequest, ok bool) {
	r, ok := openBody(body)
	if !ok {
		return q, false
	}
	for f := r.field(); f != 0; f = r.field() {
		switch f {
		case fieldOf(5, tagBool):
			q.setDiffSortKey = r.boolean()
		case fieldOf(6, tagStruct):
			q.setSortKey = r.bytes()
		case fieldOf(7, tagStruct):
			q.setValue = r.bytes()
		case fieldOf(8, tagI32):
			q.setExpire = r.i32()
		case fieldOf(9, tagBool):
			q.returnValue = r.boolean()
		default:
			q.check.read(&r, f)
		}
	}
	return q, r.closeBody()
}

// read takes the fields that both requests number alike.
func (c *check) read(r *reader, f uint32) {
	switch f {
	case fieldOf(1, tagStruct):
		c.hashKey = r.bytes()
	case fieldOf(2, tagStruct):
		c.sortKey = r.bytes()
	case fieldOf(3, tagI32):
		c.kind = r.i32()
	case fieldOf(4, tagStruct):
		c.operand = r.bytes()
	default:
		r.skip(f)
	}
}

// mutate is one step of a check_and_mutate.
type mutate struct {
	operation int32
	sortKey   []byte
	value     []byte
	expire    int32
}

const (
	mutatePut    int32 = 0
	mutateDelete int32 = 1
)

type checkAndMutateRequest struct {
	check
	steps []mutate
}

func decodeCheckAndMutate(body []byte) (q checkAndMutateRequest, ok bool) {
	r, ok := openBody(body)
	if !ok {
		return q, false
	}
	for f := r.field(); f != 0; f = r.field() {
		switch f {
		case fieldOf(5, tagList):
			q.steps = readList(&r, readMutate)
		case fieldOf(6, tagBool):
			q.returnValue = r.boolean()
		default:
			q.check.read(&r, f)
		}
	}
	return q, r.closeBody()
}

func readMutate(r *reader) (m mutate) {
	for f := r.field(); f != 0; f = r.field() {
		switch f {
		case fieldOf(1, tagI32):
			m.operation = r.i32()
		case fieldOf(2, tagStruct):
			m.sortKey = r.bytes()
		case fieldOf(3, tagStruct):
			m.value = r.bytes()
		case fieldOf(4, tagI32):
			m.expire = r.i32()
		default:
			r.skip(f)
		}
	}
	return m
}
