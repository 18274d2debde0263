package rrdb

import "encoding/binary"

// Thrift binary type tags. Special types such as blob carry tagStruct but hold a bare string.
const (
	tagStop   byte = 0
	tagBool   byte = 2
	tagByte   byte = 3
	tagDouble byte = 4
	tagI16    byte = 6
	tagI32    byte = 8
	tagI64    byte = 10
	tagString byte = 11
	tagStruct byte = 12
	tagMap    byte = 13
	tagSet    byte = 14
	tagList   byte = 15
	tagUUID   byte = 16
)

// skipDepthMax bounds how deep structures inside unknown fields may nest.
const skipDepthMax = 64

// reader walks thrift binary over a byte slice. It never copies: what it returns shares the
// slice. The first malformed byte sets bad, after which everything reads as zero, so callers
// check once at the end.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad = true
		return nil
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

func (r *reader) u8() byte {
	if r.bad || len(r.b) == 0 {
		r.bad = true
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) boolean() bool { return r.u8() == 1 }

func (r *reader) i16() int16 {
	if p := r.take(2); p != nil {
		return int16(binary.BigEndian.Uint16(p))
	}
	return 0
}

func (r *reader) i32() int32 {
	if p := r.take(4); p != nil {
		return int32(binary.BigEndian.Uint32(p))
	}
	return 0
}

func (r *reader) i64() int64 {
	if p := r.take(8); p != nil {
		return int64(binary.BigEndian.Uint64(p))
	}
	return 0
}

// bytes reads a string or a blob.
func (r *reader) bytes() []byte {
	if n := r.i32(); !r.bad {
		return r.take(int(n))
	}
	return nil
}

// field reads a field header into one number, id<<8 | tag; 0 means STOP or malformed.
func (r *reader) field() uint32 {
	tag := r.u8()
	if tag == tagStop || r.bad {
		return 0
	}
	id := uint16(r.i16())
	return uint32(id)<<8 | uint32(tag)
}

// fieldOf is the number field returns for a field with this id and tag.
func fieldOf(id uint16, tag byte) uint32 { return uint32(id)<<8 | uint32(tag) }

// list reads a list header and returns the number of elements. Every element takes at least
// one byte, so a count that the rest of the input cannot hold is malformed.
func (r *reader) list() int {
	r.u8() // the element type is known statically, as in generated C++ code
	n := int(r.i32())
	if r.bad || n < 0 || n > len(r.b) {
		r.bad = true
		return 0
	}
	return n
}

// skip passes over an unknown field.
func (r *reader) skip(f uint32) { r.skipValue(byte(f), skipDepthMax) }

func (r *reader) skipValue(tag byte, depth int) {
	if depth <= 0 {
		r.bad = true
		return
	}
	switch tag {
	case tagBool, tagByte:
		r.take(1)
	case tagI16:
		r.take(2)
	case tagI32:
		r.take(4)
	case tagI64, tagDouble:
		r.take(8)
	case tagUUID:
		r.take(16)
	case tagString:
		r.bytes()
	case tagStruct:
		for f := r.field(); f != 0 && !r.bad; f = r.field() {
			r.skipValue(byte(f), depth-1)
		}
	case tagList, tagSet:
		elem := r.u8()
		r.skipElems(1, [2]byte{elem}, depth)
	case tagMap:
		key, val := r.u8(), r.u8()
		r.skipElems(2, [2]byte{key, val}, depth)
	default:
		r.bad = true
	}
}

// skipElems passes over count × per values whose tags alternate as given.
func (r *reader) skipElems(per int, tags [2]byte, depth int) {
	n := int(r.i32())
	if n < 0 || n > len(r.b) {
		r.bad = true
		return
	}
	for i := 0; i < n && !r.bad; i++ {
		for j := 0; j < per; j++ {
			r.skipValue(tags[j], depth-1)
		}
	}
}

// openBody enters the wrapper {id: value} STOP that every argument and result travels in. Id and
// tag are not looked at, as upstream does not.
func openBody(body []byte) (reader, bool) {
	if len(body) < 4 || body[0] == tagStop {
		return reader{}, false
	}
	return reader{b: body[3:]}, true
}

// closeBody reports whether the wrapper's value was well formed and its STOP follows.
func (r *reader) closeBody() bool { return r.u8() == tagStop && !r.bad }
