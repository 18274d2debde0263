package rpc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/apache/thrift/lib/go/thrift"
)

// Field ids of the wrapper struct around an argument or result. Readers accept any id.
const (
	FieldNative = 0 // native arguments and all results
	FieldTHFT   = 1 // arguments of THFT calls
)

// Scratch objects only; they carry nothing from one use to the next.
var (
	writers = sync.Pool{New: func() any { return newWriter() }}
	readers = sync.Pool{New: func() any { return newReader() }}
)

// AppendValue appends the wrapper {fieldID: v} to dst and returns the longer slice. v is a generated
// struct or a special type of package base. A v that cannot be encoded (a set with equal
// elements, say) is a defect of the caller, and AppendValue panics with the reason.
func AppendValue(dst []byte, fieldID int16, v thrift.TStruct) []byte {
	out, err := appendValue(dst, fieldID, v)
	if err != nil {
		panic(fmt.Sprintf("rpc: encode %T: %v", v, err))
	}
	return out
}

func appendValue(dst []byte, fieldID int16, v thrift.TStruct) ([]byte, error) {
	w := writers.Get().(*writer)
	w.buf = binary.BigEndian.AppendUint16(append(dst, thrift.STRUCT), uint16(fieldID))
	err := v.Write(context.Background(), w)
	out := append(w.buf, thrift.STOP)
	w.buf = nil
	writers.Put(w)
	if err != nil {
		return dst, err
	}
	return out, nil
}

// AppendString appends the wrapper {fieldID: string}.
func AppendString(dst []byte, fieldID int16, s string) []byte {
	dst = binary.BigEndian.AppendUint16(append(dst, thrift.STRING), uint16(fieldID))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(s)))
	return append(append(dst, s...), thrift.STOP)
}

// AppendI64 appends the wrapper {fieldID: i64}.
func AppendI64(dst []byte, fieldID int16, v int64) []byte {
	dst = binary.BigEndian.AppendUint16(append(dst, thrift.I64), uint16(fieldID))
	dst = binary.BigEndian.AppendUint64(dst, uint64(v))
	return append(dst, thrift.STOP)
}

// AppendStruct appends v without a wrapper.
func AppendStruct(dst []byte, v thrift.TStruct) ([]byte, error) {
	w := writers.Get().(*writer)
	w.buf = dst
	err := v.Write(context.Background(), w)
	out := w.buf
	w.buf = nil
	writers.Put(w)
	if err != nil {
		return dst, err
	}
	return out, nil
}

var (
	errTruncated = errors.New("value is truncated")
	errNoStop    = errors.New("wrapper does not end after its first field")
)

// ReadValue reads one wrapper from body into v and returns what follows it. Byte strings of v are
// copies. Hostile input gives an error; nesting, lengths and container sizes are checked against
// what is really there before anything is allocated.
func ReadValue(body []byte, v thrift.TStruct) (rest []byte, err error) {
	return readValue(body, v, false)
}

// ReadValueShared is ReadValue, but byte strings (not text) of v share the memory of body.
func ReadValueShared(body []byte, v thrift.TStruct) (rest []byte, err error) {
	return readValue(body, v, true)
}

func readValue(body []byte, v thrift.TStruct, share bool) ([]byte, error) {
	content, err := wrapperContent(body, thrift.STRUCT)
	if err != nil {
		return nil, fmt.Errorf("decode %T: %w", v, err)
	}
	rest, err := readStruct(content, v, share)
	if err == nil {
		rest, err = wrapperEnd(rest)
	}
	if err != nil {
		return nil, fmt.Errorf("decode %T: %w", v, err)
	}
	return rest, nil
}

// ReadStruct reads v, which has no wrapper around it, and returns what follows it.
func ReadStruct(body []byte, v thrift.TStruct) (rest []byte, err error) {
	rest, err = readStruct(body, v, false)
	if err != nil {
		return nil, fmt.Errorf("decode %T: %w", v, err)
	}
	return rest, nil
}

func readStruct(body []byte, v thrift.TStruct, share bool) ([]byte, error) {
	r := readers.Get().(*reader)
	r.buf, r.pos, r.depth, r.elements, r.share = body, 0, 0, elementsMax, share
	err := v.Read(context.Background(), r)
	rest := body[r.pos:]
	r.buf = nil
	readers.Put(r)
	return rest, err
}

// ReadI64 reads the wrapper {id: i64}.
func ReadI64(body []byte) (v int64, rest []byte, err error) {
	content, err := wrapperContent(body, thrift.I64)
	if err != nil {
		return 0, nil, fmt.Errorf("decode i64: %w", err)
	}
	if len(content) < 8 {
		return 0, nil, fmt.Errorf("decode i64: %w", errTruncated)
	}
	if rest, err = wrapperEnd(content[8:]); err != nil {
		return 0, nil, fmt.Errorf("decode i64: %w", err)
	}
	return int64(binary.BigEndian.Uint64(content)), rest, nil
}

// ReadString reads the wrapper {id: string}.
func ReadString(body []byte) (s string, rest []byte, err error) {
	content, err := wrapperContent(body, thrift.STRING)
	if err != nil {
		return "", nil, fmt.Errorf("decode string: %w", err)
	}
	if len(content) < 4 {
		return "", nil, fmt.Errorf("decode string: %w", errTruncated)
	}
	n := uint64(binary.BigEndian.Uint32(content))
	if n > uint64(len(content)-4) {
		return "", nil, fmt.Errorf("decode string: %w", errTruncated)
	}
	if rest, err = wrapperEnd(content[4+n:]); err != nil {
		return "", nil, fmt.Errorf("decode string: %w", err)
	}
	return string(content[4 : 4+n]), rest, nil
}

func wrapperContent(body []byte, tag byte) ([]byte, error) {
	if len(body) < 3 {
		return nil, errTruncated
	}
	if body[0] != tag {
		return nil, fmt.Errorf("wrapper holds type %d, want %d", body[0], tag)
	}
	return body[3:], nil
}

func wrapperEnd(b []byte) ([]byte, error) {
	if len(b) < 1 {
		return nil, errTruncated
	}
	if b[0] != thrift.STOP {
		return nil, errNoStop
	}
	return b[1:], nil
}
