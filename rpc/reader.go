package rpc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/apache/thrift/lib/go/thrift"
)

// Limits of one decoded value. A list, set or map of n elements is accepted only when n elements
// could fit in the bytes that remain; elementsMax bounds all of a value's containers together,
// because an element may be larger in memory than on the wire.
const (
	depthMax    = 32
	elementsMax = 1 << 20
)

var (
	errDepth    = errors.New("value is nested too deep")
	errElements = errors.New("value has too many elements")
)

// reader is the reading half of thrift's binary protocol over a slice. The embedded protocol, which
// only ReadValue and ReadStruct need, has the methods that are missing here.
type reader struct {
	*thrift.TBinaryProtocol
	buf      []byte
	pos      int
	depth    int
	elements int  // what is left of elementsMax
	share    bool // ReadBinary returns parts of buf
}

func newReader() *reader {
	r := new(reader)
	r.TBinaryProtocol = thrift.NewTBinaryProtocolConf(readEnd{r: r}, nil)
	return r
}

// readEnd is the slice of a reader as a transport.
type readEnd struct {
	half
	r *reader
}

func (e readEnd) Read(p []byte) (int, error) {
	b, err := e.r.take(len(p))
	return copy(p, b), err
}

func (e readEnd) ReadByte() (byte, error) {
	b, err := e.r.take(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

func (r *reader) take(n int) ([]byte, error) {
	if n < 0 || n > len(r.buf)-r.pos {
		return nil, errTruncated
	}
	b := r.buf[r.pos : r.pos+n]
	r.pos += n
	return b, nil
}

// sizeMin is the least number of bytes a value of this type takes; 0 for an unknown type.
func sizeMin(t thrift.TType) int {
	switch t {
	case thrift.BOOL, thrift.BYTE, thrift.STRUCT:
		return 1
	case thrift.I16:
		return 2
	case thrift.I32, thrift.STRING:
		return 4
	case thrift.I64, thrift.DOUBLE:
		return 8
	case thrift.LIST, thrift.SET:
		return 5
	case thrift.MAP:
		return 6
	case thrift.UUID:
		return 16
	}
	return 0
}

// count reads a container's size and checks it against what is left.
func (r *reader) count(elemMin int) (int, error) {
	b, err := r.take(4)
	if err != nil {
		return 0, err
	}
	n := binary.BigEndian.Uint32(b)
	if n == 0 {
		return 0, nil
	}
	if elemMin == 0 {
		return 0, errors.New("container of an unknown type")
	}
	if uint64(n)*uint64(elemMin) > uint64(len(r.buf)-r.pos) {
		return 0, errTruncated
	}
	if int(n) > r.elements {
		return 0, errElements
	}
	r.elements -= int(n)
	return int(n), nil
}

func (r *reader) ReadMessageBegin(context.Context) (string, thrift.TMessageType, int32, error) {
	return "", 0, 0, errors.New("a message begin is not part of a value")
}

func (r *reader) ReadStructBegin(context.Context) (string, error) {
	if r.depth++; r.depth > depthMax {
		return "", errDepth
	}
	return "", nil
}

func (r *reader) ReadStructEnd(context.Context) error {
	r.depth--
	return nil
}

func (r *reader) ReadFieldBegin(context.Context) (string, thrift.TType, int16, error) {
	b, err := r.take(1)
	if err != nil || b[0] == thrift.STOP {
		return "", thrift.STOP, 0, err
	}
	id, err := r.take(2)
	if err != nil {
		return "", thrift.STOP, 0, err
	}
	return "", thrift.TType(b[0]), int16(binary.BigEndian.Uint16(id)), nil
}

func (r *reader) ReadMapBegin(context.Context) (k, v thrift.TType, size int, err error) {
	b, err := r.take(2)
	if err != nil {
		return 0, 0, 0, err
	}
	k, v = thrift.TType(b[0]), thrift.TType(b[1])
	elemMin := 0
	if sizeMin(k) > 0 && sizeMin(v) > 0 {
		elemMin = sizeMin(k) + sizeMin(v)
	}
	size, err = r.count(elemMin)
	return k, v, size, err
}

func (r *reader) ReadListBegin(context.Context) (thrift.TType, int, error) {
	b, err := r.take(1)
	if err != nil {
		return 0, 0, err
	}
	t := thrift.TType(b[0])
	n, err := r.count(sizeMin(t))
	return t, n, err
}

func (r *reader) ReadSetBegin(ctx context.Context) (thrift.TType, int, error) {
	return r.ReadListBegin(ctx)
}

func (r *reader) ReadBool(context.Context) (bool, error) {
	b, err := r.take(1)
	return err == nil && b[0] != 0, err
}

func (r *reader) ReadI16(context.Context) (int16, error) {
	b, err := r.take(2)
	if err != nil {
		return 0, err
	}
	return int16(binary.BigEndian.Uint16(b)), nil
}

func (r *reader) ReadI32(context.Context) (int32, error) {
	b, err := r.take(4)
	if err != nil {
		return 0, err
	}
	return int32(binary.BigEndian.Uint32(b)), nil
}

func (r *reader) ReadI64(context.Context) (int64, error) {
	b, err := r.take(8)
	if err != nil {
		return 0, err
	}
	return int64(binary.BigEndian.Uint64(b)), nil
}

func (r *reader) ReadDouble(ctx context.Context) (float64, error) {
	v, err := r.ReadI64(ctx)
	return math.Float64frombits(uint64(v)), err
}

// text is the bytes of a string or blob, still part of buf.
func (r *reader) text() ([]byte, error) {
	b, err := r.take(4)
	if err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(b)
	if uint64(n) > uint64(len(r.buf)-r.pos) {
		return nil, errTruncated
	}
	return r.take(int(n))
}

func (r *reader) ReadString(context.Context) (string, error) {
	b, err := r.text()
	return string(b), err
}

func (r *reader) ReadBinary(context.Context) ([]byte, error) {
	b, err := r.text()
	if err != nil {
		return nil, err
	}
	if r.share {
		return b[:len(b):len(b)], nil
	}
	return append(make([]byte, 0, len(b)), b...), nil
}

func (r *reader) ReadUUID(context.Context) (u thrift.Tuuid, err error) {
	b, err := r.take(16)
	copy(u[:], b)
	return u, err
}

func (r *reader) ReadMessageEnd(context.Context) error { return nil }
func (r *reader) ReadFieldEnd(context.Context) error   { return nil }
func (r *reader) ReadMapEnd(context.Context) error     { return nil }
func (r *reader) ReadListEnd(context.Context) error    { return nil }
func (r *reader) ReadSetEnd(context.Context) error     { return nil }
func (r *reader) Flush(context.Context) error          { return nil }
func (r *reader) Transport() thrift.TTransport         { return nil }

// Skip passes over a field this IDL does not know.
func (r *reader) Skip(ctx context.Context, t thrift.TType) error {
	switch t {
	case thrift.BOOL, thrift.BYTE, thrift.I16, thrift.I32, thrift.I64, thrift.DOUBLE, thrift.UUID:
		_, err := r.take(sizeMin(t))
		return err
	case thrift.STRING:
		_, err := r.text()
		return err
	case thrift.STRUCT:
		return r.skipStruct(ctx)
	case thrift.LIST, thrift.SET:
		elem, n, err := r.ReadListBegin(ctx)
		return r.skipElements(ctx, n, err, elem)
	case thrift.MAP:
		k, v, n, err := r.ReadMapBegin(ctx)
		return r.skipElements(ctx, n, err, k, v)
	}
	return fmt.Errorf("field of unknown type %d", t)
}

func (r *reader) skipStruct(ctx context.Context) error {
	if _, err := r.ReadStructBegin(ctx); err != nil {
		return err
	}
	for {
		_, t, _, err := r.ReadFieldBegin(ctx)
		if err != nil {
			return err
		}
		if t == thrift.STOP {
			return r.ReadStructEnd(ctx)
		}
		if err := r.Skip(ctx, t); err != nil {
			return err
		}
	}
}

func (r *reader) skipElements(ctx context.Context, n int, err error, types ...thrift.TType) error {
	if err != nil {
		return err
	}
	if r.depth++; r.depth > depthMax {
		return errDepth
	}
	for ; n > 0; n-- {
		for _, t := range types {
			if err := r.Skip(ctx, t); err != nil {
				return err
			}
		}
	}
	r.depth--
	return nil
}
