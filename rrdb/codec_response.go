package rrdb

import (
	"encoding/binary"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// Responses are appended to the caller's buffer, wrapped as {0: response} STOP. What is the same
// in every response of a store is encoded once, when it is opened.

func appendI32Field(out []byte, id uint16, v int32) []byte {
	out = append(out, tagI32, byte(id>>8), byte(id))
	return binary.BigEndian.AppendUint32(out, uint32(v))
}

func appendI64Field(out []byte, id uint16, v int64) []byte {
	out = append(out, tagI64, byte(id>>8), byte(id))
	return binary.BigEndian.AppendUint64(out, uint64(v))
}

func appendBoolField(out []byte, id uint16, v bool) []byte {
	out = append(out, tagBool, byte(id>>8), byte(id), 0)
	if v {
		out[len(out)-1] = 1
	}
	return out
}

func appendBlobField(out []byte, id uint16, v []byte) []byte {
	out = append(out, tagStruct, byte(id>>8), byte(id))
	return appendBytes(out, v)
}

func appendStringField(out []byte, id uint16, v string) []byte {
	out = append(out, tagString, byte(id>>8), byte(id))
	out = binary.BigEndian.AppendUint32(out, uint32(len(v)))
	return append(out, v...)
}

func appendBytes(out, v []byte) []byte {
	out = binary.BigEndian.AppendUint32(out, uint32(len(v)))
	return append(out, v...)
}

// beginResponse opens the wrapper and the response and writes the error field.
func beginResponse(out []byte, status Status) []byte {
	out = append(out, tagStruct, 0, 0, tagI32, 0, 1)
	return binary.BigEndian.AppendUint32(out, uint32(status))
}

// statusOffset is where, from the start of a response, its error number stands.
const statusOffset = 6

func setStatus(out []byte, start int, status Status) {
	binary.BigEndian.PutUint32(out[start+statusOffset:], uint32(status))
}

// tails are the encoded ends of responses: app_id, partition_index, server, STOP of the response
// and STOP of the wrapper. They are named after the id of app_id and the gap before server.
type tails struct {
	read  []byte // 3 app_id, 4 partition_index, 6 server
	scan  []byte // 4 app_id, 5 partition_index, 6 server; without the STOPs
	ids2  []byte // 2 app_id, 3 partition_index
	ids3  []byte // 3 app_id, 4 partition_index
	ids5  []byte // 5 app_id, 6 partition_index
	srv5  []byte // 5 server, STOPs
	srv6  []byte // 6 server, STOPs
	srv8  []byte // 8 server, STOPs
	empty []byte // STOPs
}

func newTails(g base.Gpid, server string) tails {
	ids := func(id uint16) []byte {
		return appendI32Field(appendI32Field(nil, id, g.AppID), id+1, g.PartitionIndex)
	}
	srv := func(id uint16) []byte {
		return append(appendStringField(nil, id, server), tagStop, tagStop)
	}
	return tails{
		read:  append(ids(3), srv(6)...),
		scan:  appendStringField(ids(4), 6, server),
		ids2:  ids(2),
		ids3:  ids(3),
		ids5:  ids(5),
		srv5:  srv(5),
		srv6:  srv(6),
		srv8:  srv(8),
		empty: []byte{tagStop, tagStop},
	}
}

func (t *tails) appendUpdate(out []byte, status Status, decree int64) []byte {
	out = append(beginResponse(out, status), t.ids2...)
	return append(appendI64Field(out, 4, decree), t.srv5...)
}

// appendCounted appends a multi_remove_response or an incr_response, which are alike.
func (t *tails) appendCounted(out []byte, status Status, n, decree int64) []byte {
	out = appendI64Field(beginResponse(out, status), 2, n)
	out = append(out, t.ids3...)
	return append(appendI64Field(out, 5, decree), t.srv6...)
}

// checked is what a check_and_set or check_and_mutate tells about the value it looked at.
type checked struct {
	status   Status
	returned bool
	exist    bool
	value    []byte
}

func (t *tails) appendChecked(out []byte, c checked, decree int64) []byte {
	out = beginResponse(out, c.status)
	out = appendBoolField(out, 2, c.returned)
	out = appendBoolField(out, 3, c.exist)
	out = appendBlobField(out, 4, c.value)
	out = append(out, t.ids5...)
	return append(appendI64Field(out, 7, decree), t.srv8...)
}

func (t *tails) appendRead(out []byte, status Status, value []byte) []byte {
	out = appendBlobField(beginResponse(out, status), 2, value)
	return append(out, t.read...)
}

func (t *tails) appendTTL(out []byte, status Status, seconds int32) []byte {
	out = appendI32Field(beginResponse(out, status), 2, seconds)
	return append(out, t.read...)
}

func (t *tails) appendCount(out []byte, status Status, count int64) []byte {
	out = appendI64Field(beginResponse(out, status), 2, count)
	return append(out, t.read...)
}

// rowList builds field 2 of a response that lists rows: the length is patched in when it is known.
type rowList struct {
	start int // of the response in the buffer
	at    int // where the elements begin
	count int
}

func beginRows(out []byte) ([]byte, rowList) {
	l := rowList{start: len(out)}
	out = beginResponse(out, StatusOK)
	out = append(out, tagList, 0, 2, tagStruct, 0, 0, 0, 0)
	l.at = len(out)
	return out, l
}

// end patches status and length; with drop set the rows are thrown away.
func (l *rowList) end(out []byte, status Status, drop bool) []byte {
	if drop {
		out, l.count = out[:l.at], 0
	}
	binary.BigEndian.PutUint32(out[l.at-4:], uint32(l.count))
	setStatus(out, l.start, status)
	return out
}

// appendKeyValue appends a key_value without expire_ts.
func appendKeyValue(out, key, value []byte) []byte {
	return append(appendBlobField(appendBlobField(out, 1, key), 2, value), tagStop)
}

func appendKeyValueExpire(out, key, value []byte, expire uint32) []byte {
	out = appendBlobField(appendBlobField(out, 1, key), 2, value)
	return append(appendI32Field(out, 3, int32(expire)), tagStop)
}

func appendFullData(out []byte, k fullKey, value []byte) []byte {
	out = appendBlobField(appendBlobField(out, 1, k.hashKey), 2, k.sortKey)
	return append(appendBlobField(out, 3, value), tagStop)
}

// endScan closes a scan_response after its rows. kvCount is written when not negative.
func (t *tails) endScan(out []byte, contextID int64, kvCount int) []byte {
	out = append(appendI64Field(out, 3, contextID), t.scan...)
	if kvCount >= 0 {
		out = appendI32Field(out, 7, int32(kvCount))
	}
	return append(out, t.empty...)
}
