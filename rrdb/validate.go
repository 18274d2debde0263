package rrdb

import "github.com/pegasus-go/pegasus/gen-go/base"

// WriteInfo is what a write will touch, for admission and accounting.
type WriteInfo struct {
	Keys    int    // rows written when it succeeds
	Bytes   int    // of keys and values written: the write capacity units (rrdb.md §17.1)
	Read    int    // bytes of the key an atomic operation looks at
	HashKey []byte // the hash key, for hot-key detection; shares the body; nil for OpDuplicate
}

// ValidateWrite checks a client's write before it enters a mutation: the body decodes completely,
// its keys are well formed, and a header partition_hash (0 when unset) is the one of the key.
// What upstream dies of, or lets in and dies of later, is refused here: ErrInvalidData for bytes
// that are no such request, ErrInvalidParameters for keys or hashes that cannot be.
// Requests that are merely wrong (empty list, bad check type) pass: they are answered in a reply.
func ValidateWrite(op Op, body []byte, partitionHash uint64) (WriteInfo, error) {
	v := writeCheck{hash: partitionHash}
	switch op {
	case OpPut:
		q, ok := decodeUpdate(body)
		v.rawKey(ok, q.key, 1, len(q.key)+len(q.value))
	case OpRemove:
		key, ok := decodeBlob(body)
		v.rawKey(ok, key, 1, len(key))
	case OpIncr:
		q, ok := decodeIncr(body)
		v.rawKey(ok, q.key, 1, 1)
		v.info.Read = 1
	case OpMultiPut:
		q, ok := decodeMultiPut(body)
		v.hashKey(ok, q.hashKey, len(q.kvs))
		for i := range q.kvs {
			v.info.Bytes += len(q.hashKey) + len(q.kvs[i].key) + len(q.kvs[i].value)
		}
	case OpMultiRemove:
		q, ok := decodeMultiRemove(body)
		v.hashKey(ok, q.hashKey, len(q.sortKeys))
		for _, sortKey := range q.sortKeys {
			v.info.Bytes += len(q.hashKey) + len(sortKey)
		}
	case OpCheckAndSet:
		q, ok := decodeCheckAndSet(body)
		v.hashKey(ok, q.hashKey, 1)
		v.info.Read = len(q.hashKey) + len(q.sortKey)
		v.info.Bytes = len(q.hashKey) + len(q.setSortKey) + len(q.setValue)
	case OpCheckAndMutate:
		q, ok := decodeCheckAndMutate(body)
		v.hashKey(ok, q.hashKey, len(q.steps))
		v.info.Read = len(q.hashKey) + len(q.sortKey)
		for i := range q.steps {
			v.info.Bytes += len(q.hashKey) + len(q.steps[i].sortKey) + len(q.steps[i].value)
		}
	case OpDuplicate:
		q, ok := decodeDuplicate(body)
		if !ok {
			v.err = base.ErrInvalidData
		} else {
			v.info.Keys = len(q.Entries)
			v.info.Bytes = len(body)
		}
	case OpEmpty:
	default:
		v.err = base.ErrInvalidParameters
	}
	if v.err != nil {
		return WriteInfo{}, v.err
	}
	return v.info, nil
}

type writeCheck struct {
	hash uint64
	info WriteInfo
	err  error
}

// rawKey checks a key that arrives composed.
func (v *writeCheck) rawKey(decoded bool, key []byte, keys, bytes int) {
	switch {
	case !decoded:
		v.err = base.ErrInvalidData
	case !rawKeyOK(key), v.hash != 0 && v.hash != base.KeyHash(key):
		v.err = base.ErrInvalidParameters
	default:
		hashKey, _, _ := base.DecodeKey(key)
		v.info = WriteInfo{Keys: keys, Bytes: bytes, HashKey: hashKey}
	}
}

// hashKey checks a hash key that arrives apart from its sort keys. Rows under the empty hash key
// are routed by their sort keys, so the header cannot be compared then.
func (v *writeCheck) hashKey(decoded bool, hashKey []byte, keys int) {
	switch {
	case !decoded:
		v.err = base.ErrInvalidData
	case !hashKeyOK(hashKey), len(hashKey) > 0 && v.hash != 0 && v.hash != base.CRC64(hashKey):
		v.err = base.ErrInvalidParameters
	default:
		v.info = WriteInfo{Keys: keys, HashKey: hashKey}
	}
}
