package thft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
)

// Decoder reads values off a byte slice and remembers the first error.
type Decoder struct {
	b   []byte
	err error
}

var errShort = errors.New("the answer ends too early")

func (d *Decoder) take(n int) []byte {
	if d.err != nil {
		return nil
	}
	if n < 0 || n > len(d.b) {
		d.err = errShort
		return nil
	}
	v := d.b[:n]
	d.b = d.b[n:]
	return v
}

func (d *Decoder) byte() byte {
	if v := d.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (d *Decoder) i16() int16 {
	if v := d.take(2); v != nil {
		return int16(binary.BigEndian.Uint16(v))
	}
	return 0
}

func (d *Decoder) i32() int32 {
	if v := d.take(4); v != nil {
		return int32(binary.BigEndian.Uint32(v))
	}
	return 0
}

func (d *Decoder) i64() int64 {
	if v := d.take(8); v != nil {
		return int64(binary.BigEndian.Uint64(v))
	}
	return 0
}

func (d *Decoder) bytes() []byte { return d.take(int(d.i32())) }

// Type reads one value of a known type. Raw special types are types of their own, as on the wire.
type Type interface {
	tag() byte
	read(d *Decoder) any
}

type scalar struct {
	wire byte
	f    func(d *Decoder) any
}

func (s scalar) tag() byte           { return s.wire }
func (s scalar) read(d *Decoder) any { return s.f(d) }

var (
	Bool    Type = scalar{typeBool, func(d *Decoder) any { return d.byte() != 0 }}
	I32     Type = scalar{typeI32, func(d *Decoder) any { return d.i32() }}
	I64     Type = scalar{typeI64, func(d *Decoder) any { return d.i64() }}
	Str     Type = scalar{typeString, func(d *Decoder) any { return string(d.bytes()) }}
	Blob    Type = scalar{typeStruct, func(d *Decoder) any { return string(d.bytes()) }}
	ErrCode Type = scalar{typeStruct, func(d *Decoder) any { return string(d.bytes()) }}
	Gpid    Type = scalar{typeStruct, func(d *Decoder) any { v := d.i64(); return fmt.Sprintf("%d.%d", int32(v), int32(v>>32)) }}
	// Address reads as "ip:port", the invalid address as "".
	Address Type = scalar{typeStruct, func(d *Decoder) any {
		v := uint64(d.i64())
		if v == 0 {
			return ""
		}
		return fmt.Sprintf("%v:%d", net.IPv4(byte(v>>56), byte(v>>48), byte(v>>40), byte(v>>32)), uint16(v>>16))
	}}
)

// Fields maps field ids to types; it decodes to map[int16]any.
type Fields map[int16]Type

func (f Fields) tag() byte { return typeStruct }

func (f Fields) read(d *Decoder) any {
	out := map[int16]any{}
	for d.err == nil {
		t := d.byte()
		if t == typeStop {
			return out
		}
		id := d.i16()
		want, ok := f[id]
		switch {
		case d.err != nil:
		case !ok:
			d.skip(t, id)
		case want.tag() != t:
			d.err = fmt.Errorf("field %d has type %d instead of %d", id, t, want.tag())
		default:
			out[id] = want.read(d)
		}
	}
	return out
}

// skip passes over a field that a client of a released version does not know. That works for plain values only: behind the
// tag of a struct there may be a raw special type, whose length such a client can't tell.
func (d *Decoder) skip(t byte, id int16) {
	switch t {
	case typeBool:
		d.byte()
	case typeI32:
		d.i32()
	case typeI64:
		d.i64()
	case typeString:
		d.bytes()
	default:
		d.err = fmt.Errorf("field %d (type %d) is in no released version and can't be skipped", id, t)
	}
}

type list struct{ of Type }

// List decodes to []any.
func List(of Type) Type { return list{of} }

func (l list) tag() byte { return typeList }

func (l list) read(d *Decoder) any {
	if t := d.byte(); d.err == nil && t != l.of.tag() {
		d.err = fmt.Errorf("list of type %d instead of %d", t, l.of.tag())
	}
	out := []any{}
	for n := d.i32(); n > 0 && d.err == nil; n-- {
		out = append(out, l.of.read(d))
	}
	return out
}

type stringMap struct{}

// StringMap decodes to map[string]string.
var StringMap Type = stringMap{}

func (stringMap) tag() byte { return typeMap }

func (stringMap) read(d *Decoder) any {
	k, v := d.byte(), d.byte()
	n := d.i32()
	if d.err == nil && n > 0 && (k != typeString || v != typeString) {
		d.err = fmt.Errorf("map of types %d and %d", k, v)
	}
	out := map[string]string{}
	for ; n > 0 && d.err == nil; n-- {
		key := string(d.bytes())
		out[key] = string(d.bytes())
	}
	return out
}

// Result decodes the body of an answer: one value in field 0, STOP, and nothing more.
func Result(body []byte, t Type) (any, error) {
	d := &Decoder{b: body}
	tag, id := d.byte(), d.i16()
	if d.err == nil && (tag != t.tag() || id != 0) {
		return nil, fmt.Errorf("the result is field %d of type %d", id, tag)
	}
	v := t.read(d)
	if stop := d.byte(); d.err == nil && (stop != typeStop || len(d.b) > 0) {
		d.err = fmt.Errorf("%d bytes after the result", len(d.b))
	}
	return v, d.err
}

// LeadingError is the error code that stands first in a meta's result, whatever follows it.
func LeadingError(body []byte) string {
	d := &Decoder{b: body}
	result, err := d.field(), d.field()
	code := string(d.bytes())
	if d.err != nil || result != (fieldHeader{typeStruct, 0}) || err != (fieldHeader{typeStruct, 1}) {
		return ""
	}
	return code
}

type fieldHeader struct {
	tag byte
	id  int16
}

func (d *Decoder) field() fieldHeader { return fieldHeader{d.byte(), d.i16()} }
