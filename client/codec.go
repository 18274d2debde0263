package client

import (
	"encoding/binary"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
	"github.com/pegasus-go/pegasus/rpc"
)

// Hand-made codecs of the hottest requests, for Table.Go. codec_test.go holds them equal to the
// generated ones.

const (
	tagStop   = 0x00
	tagI32    = 0x08
	tagStruct = 0x0C
)

// appendBlob appends the field `0C id len32 bytes`.
func appendBlob(dst []byte, id int16, parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	dst = append(dst, tagStruct, byte(id>>8), byte(id))
	dst = binary.BigEndian.AppendUint32(dst, uint32(n))
	for _, p := range parts {
		dst = append(dst, p...)
	}
	return dst
}

// AppendKeyArg appends the argument of get, remove and ttl: a raw key (base.AppendKey).
func (t *Table) AppendKeyArg(dst, rawKey []byte) []byte {
	return append(appendBlob(dst, t.argID(), rawKey), tagStop)
}

// AppendSetArg appends the argument of put: an update_request. expireTS is in seconds since
// 2016-01-01 UTC, 0 none.
func (t *Table) AppendSetArg(dst, rawKey, value []byte, expireTS uint32) []byte {
	id := t.argID()
	dst = append(dst, tagStruct, byte(id>>8), byte(id))
	dst = appendBlob(dst, 1, rawKey)
	dst = appendBlob(dst, 2, value)
	dst = append(dst, tagI32, 0, 3)
	dst = binary.BigEndian.AppendUint32(dst, expireTS)
	return append(dst, tagStop, tagStop)
}

// ResponseStatus reads `1: i32 error`, with which every data response begins, from a wrapped
// response. ok is false when the body does not start so.
func ResponseStatus(body []byte) (st Status, ok bool) {
	const at = 3 + 3
	if len(body) < at+4 || body[0] != tagStruct || body[3] != tagI32 || body[4] != 0 || body[5] != 1 {
		return 0, false
	}
	return Status(int32(binary.BigEndian.Uint32(body[at:]))), true
}

// GetResponse reads the status and value of a wrapped read_response. The value is a part of body.
func GetResponse(body []byte) (st Status, value []byte, err error) {
	const at = 3 + 3 + 4 // 0C id | 08 00 01 error | 0C 00 02 len32 value
	if st, ok := ResponseStatus(body); ok && len(body) >= at+7 &&
		body[at] == tagStruct && body[at+1] == 0 && body[at+2] == 2 {
		n := uint64(binary.BigEndian.Uint32(body[at+3:]))
		if rest := body[at+7:]; n <= uint64(len(rest)) {
			return st, rest[:n:n], nil
		}
	}
	resp := rrdb.NewReadResponse()
	if _, err := rpc.ReadValue(body, resp); err != nil {
		return 0, nil, &Error{Op: "get", Code: base.ErrInvalidData, Err: err}
	}
	return Status(resp.Error), resp.GetValue().Bytes(), nil
}
