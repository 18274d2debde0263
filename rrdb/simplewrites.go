package rrdb

import "github.com/pegasus-go/pegasus/gen-go/base"

// The writes that do not look before they leap: rrdb.md §6.1-6.4.

// hashKeyOK reports whether a key can be composed from hashKey.
func hashKeyOK(hashKey []byte) bool { return len(hashKey) <= base.HashKeyLenMax }

// rawKeyOK reports whether k is a key that clients may read and write.
func rawKeyOK(k []byte) bool {
	return len(k) >= 2 && !(k[0] == 0xFF && k[1] == 0xFF) && hashPrefixLen(k) >= 2+int(k[0])<<8+int(k[1])
}

func (m *mutation) updated(status Status) {
	if m.wantReply {
		m.s.applied.replies = m.s.tails.appendUpdate(m.s.applied.replies, status, m.decree)
	}
}

func (m *mutation) putUpdate(body []byte) {
	q, ok := decodeUpdate(body)
	if !ok || !rawKeyOK(q.key) {
		m.corrupt(OpPut)
		m.updated(StatusInvalidArgument)
		return
	}
	if q.updateType == updateCheckAndMutateRemove {
		m.remove(q.key)
	} else {
		m.put(q.key, q.value, q.expire)
	}
	m.updated(StatusOK)
}

func (m *mutation) removeUpdate(body []byte) {
	key, ok := decodeBlob(body)
	if !ok || !rawKeyOK(key) {
		m.corrupt(OpRemove)
		m.updated(StatusInvalidArgument)
		return
	}
	m.remove(key)
	m.updated(StatusOK)
}

// multiPut: the per-row expire field is ignored, the request's counts. Of a repeated sort key the
// last wins.
func (m *mutation) multiPut(body []byte) {
	q, ok := decodeMultiPut(body)
	if ok = ok && hashKeyOK(q.hashKey); !ok {
		m.corrupt(OpMultiPut)
	}
	if !ok || len(q.kvs) == 0 {
		m.updated(StatusInvalidArgument)
		return
	}
	for i := range q.kvs {
		m.put(m.compose(q.hashKey, q.kvs[i].key), q.kvs[i].value, q.expire)
	}
	m.updated(StatusOK)
}

// multiRemove counts the requested keys, whether they exist or not.
func (m *mutation) multiRemove(body []byte) {
	q, ok := decodeMultiRemove(body)
	if ok = ok && hashKeyOK(q.hashKey); !ok {
		m.corrupt(OpMultiRemove)
	}
	status := StatusOK
	if !ok || len(q.sortKeys) == 0 {
		q.sortKeys, status = nil, StatusInvalidArgument
	}
	for _, sortKey := range q.sortKeys {
		m.remove(m.compose(q.hashKey, sortKey))
	}
	m.reply(func(out []byte) []byte {
		return m.s.tails.appendCounted(out, status, int64(len(q.sortKeys)), m.decree)
	})
}
