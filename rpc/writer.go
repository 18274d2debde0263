package rpc

import (
	"context"
	"encoding/binary"
	"errors"
	"math"

	"github.com/apache/thrift/lib/go/thrift"
)

// writer is the writing half of thrift's binary protocol, appending to a slice. The embedded
// protocol has the methods that are missing here, over the transport below.
type writer struct {
	*thrift.TBinaryProtocol
	buf []byte
}

var errNotThisWay = errors.New("this protocol object goes the other way")

func newWriter() *writer {
	w := new(writer)
	w.TBinaryProtocol = thrift.NewTBinaryProtocolConf(writeEnd{w: w}, nil)
	return w
}

// writeEnd is the slice of a writer as a transport.
type writeEnd struct {
	half
	w *writer
}

func (e writeEnd) Write(p []byte) (int, error) {
	e.w.buf = append(e.w.buf, p...)
	return len(p), nil
}

func (e writeEnd) WriteByte(b byte) error {
	e.w.buf = append(e.w.buf, b)
	return nil
}

// half refuses what one of the two transports does not do.
type half struct{}

func (half) Read([]byte) (int, error)        { return 0, errNotThisWay }
func (half) ReadByte() (byte, error)         { return 0, errNotThisWay }
func (half) Write([]byte) (int, error)       { return 0, errNotThisWay }
func (half) WriteByte(byte) error            { return errNotThisWay }
func (half) WriteString(string) (int, error) { return 0, errNotThisWay }
func (half) RemainingBytes() uint64          { return thrift.UnknownRemainingBytes }
func (half) Flush(context.Context) error     { return nil }
func (half) Open() error                     { return nil }
func (half) Close() error                    { return nil }
func (half) IsOpen() bool                    { return true }

func (w *writer) WriteMessageBegin(_ context.Context, name string, typ thrift.TMessageType, seq int32) error {
	w.buf = binary.BigEndian.AppendUint32(w.buf, messageVersion1|uint32(typ))
	w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(len(name)))
	w.buf = append(w.buf, name...)
	w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(seq))
	return nil
}

func (w *writer) WriteMessageEnd(context.Context) error          { return nil }
func (w *writer) WriteStructBegin(context.Context, string) error { return nil }
func (w *writer) WriteStructEnd(context.Context) error           { return nil }
func (w *writer) WriteFieldEnd(context.Context) error            { return nil }
func (w *writer) WriteMapEnd(context.Context) error              { return nil }
func (w *writer) WriteListEnd(context.Context) error             { return nil }
func (w *writer) WriteSetEnd(context.Context) error              { return nil }
func (w *writer) Flush(context.Context) error                    { return nil }
func (w *writer) Transport() thrift.TTransport                   { return nil }
func (w *writer) Skip(context.Context, thrift.TType) error       { return errNotThisWay }

func (w *writer) WriteFieldBegin(_ context.Context, _ string, typ thrift.TType, id int16) error {
	w.buf = append(w.buf, byte(typ), byte(uint16(id)>>8), byte(id))
	return nil
}

func (w *writer) WriteFieldStop(context.Context) error {
	w.buf = append(w.buf, thrift.STOP)
	return nil
}

func (w *writer) WriteMapBegin(_ context.Context, k, v thrift.TType, size int) error {
	w.buf = binary.BigEndian.AppendUint32(append(w.buf, byte(k), byte(v)), uint32(size))
	return nil
}

func (w *writer) WriteListBegin(_ context.Context, elem thrift.TType, size int) error {
	w.buf = binary.BigEndian.AppendUint32(append(w.buf, byte(elem)), uint32(size))
	return nil
}

func (w *writer) WriteSetBegin(ctx context.Context, elem thrift.TType, size int) error {
	return w.WriteListBegin(ctx, elem, size)
}

func (w *writer) WriteBool(_ context.Context, v bool) error {
	b := byte(0)
	if v {
		b = 1
	}
	w.buf = append(w.buf, b)
	return nil
}

func (w *writer) WriteI16(_ context.Context, v int16) error {
	w.buf = binary.BigEndian.AppendUint16(w.buf, uint16(v))
	return nil
}

func (w *writer) WriteI32(_ context.Context, v int32) error {
	w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(v))
	return nil
}

func (w *writer) WriteI64(_ context.Context, v int64) error {
	w.buf = binary.BigEndian.AppendUint64(w.buf, uint64(v))
	return nil
}

func (w *writer) WriteDouble(ctx context.Context, v float64) error {
	return w.WriteI64(ctx, int64(math.Float64bits(v)))
}

func (w *writer) WriteString(_ context.Context, v string) error {
	w.buf = append(binary.BigEndian.AppendUint32(w.buf, uint32(len(v))), v...)
	return nil
}

func (w *writer) WriteBinary(_ context.Context, v []byte) error {
	w.buf = append(binary.BigEndian.AppendUint32(w.buf, uint32(len(v))), v...)
	return nil
}

func (w *writer) WriteUUID(_ context.Context, v thrift.Tuuid) error {
	w.buf = append(w.buf, v[:]...)
	return nil
}
