package rrdb

import "github.com/pegasus-go/pegasus/gen-go/dupinternal"

// duplicate applies what another cluster shipped (rrdb.md §20.4). Entries before a refused one
// stay applied, as upstream, where each entry is a batch of its own; here all of them are in the
// mutation's batch.
func (m *mutation) duplicate(body []byte) {
	q, ok := decodeDuplicate(body)
	if !ok {
		m.corrupt(OpDuplicate)
		m.duplicated(true, StatusInvalidArgument, "undecodable request")
		return
	}
	m.reads = m.reads || len(q.Entries) > 1
	for _, e := range q.Entries {
		if hint := m.duplicateEntry(e); hint != "" {
			m.duplicated(true, StatusInvalidArgument, hint)
			return
		}
	}
	m.duplicated(len(q.Entries) > 0, StatusOK, "")
}

func (m *mutation) duplicated(set bool, status Status, hint string) {
	m.reply(func(out []byte) []byte { return appendDuplicateResponse(out, set, status, hint) })
}

// duplicateEntry applies one entry; a hint says why it was refused.
func (m *mutation) duplicateEntry(e *dupinternal.DuplicateEntry) (hint string) {
	id := uint8(e.GetClusterID())
	if hint := m.s.engine.clusterRefused(id); hint != "" {
		return hint
	}
	d := dupWrite{m: m, verify: e.GetVerifyTimetag() && m.s.schema >= schemaV1}
	code, raw := e.GetTaskCode().String(), e.GetRawMessage().Bytes()
	d.timetag = timetagOf(e.GetTimestamp(), id, false)
	ok := false
	switch op, _ := OpOf(code); op {
	case OpPut:
		ok = d.put(raw)
	case OpMultiPut:
		ok = d.multiPut(raw)
	case OpRemove:
		var key []byte
		if key, ok = decodeBlob(raw); ok && rawKeyOK(key) {
			m.remove(key)
		}
	case OpMultiRemove:
		var q multiRemoveRequest
		if q, ok = decodeMultiRemove(raw); ok && hashKeyOK(q.hashKey) {
			for _, sortKey := range q.sortKeys {
				m.remove(m.compose(q.hashKey, sortKey))
			}
		}
	default:
		return "unrecognized task code " + code
	}
	if !ok {
		m.corrupt(OpDuplicate)
		return "undecodable " + code
	}
	return ""
}

// clusterRefused tells why writes of cluster id are not taken; empty when they are.
func (e *Engine) clusterRefused(id uint8) string {
	if id == e.opts.ClusterID && id != 0 {
		return "self-duplicating"
	}
	if e.opts.IgnoreOtherClusterIDs {
		return ""
	}
	for _, known := range e.opts.KnownClusterIDs {
		if id == known {
			return ""
		}
	}
	return "request cluster id is unconfigured"
}

// dupWrite stores rows with the timetag they had where they were written. With verify set a live
// row that is as new or newer wins.
type dupWrite struct {
	m       *mutation
	timetag uint64
	verify  bool
}

func (d *dupWrite) put(raw []byte) bool {
	q, ok := decodeUpdate(raw)
	if !ok || !rawKeyOK(q.key) {
		return false
	}
	if q.updateType == updateCheckAndMutateRemove {
		d.m.remove(q.key)
		return true
	}
	d.putRow(q.key, q.value, q.expire)
	return true
}

func (d *dupWrite) multiPut(raw []byte) bool {
	q, ok := decodeMultiPut(raw)
	if !ok || !hashKeyOK(q.hashKey) {
		return false
	}
	for i := range q.kvs {
		d.putRow(d.m.compose(q.hashKey, q.kvs[i].key), q.kvs[i].value, q.expire)
	}
	return true
}

func (d *dupWrite) putRow(key, user []byte, expire int32) {
	if d.verify {
		if old, ok := d.m.live(key); ok && old.timetag >= d.timetag {
			return
		}
	}
	d.m.putTagged(key, user, expire, d.timetag)
}
