package thft

import (
	"encoding/binary"
	"hash/crc64"
)

const (
	typeStop   = 0
	typeBool   = 2
	typeI32    = 8
	typeI64    = 10
	typeString = 11
	typeStruct = 12
	typeMap    = 13
	typeList   = 15
)

// Args builds a struct field by field; every method returns its receiver.
type Args []byte

func (a *Args) field(t byte, id int16) *Args {
	*a = append(*a, t)
	*a = binary.BigEndian.AppendUint16(*a, uint16(id))
	return a
}

func (a *Args) bytes(v []byte) *Args {
	*a = binary.BigEndian.AppendUint32(*a, uint32(len(v)))
	*a = append(*a, v...)
	return a
}

func (a *Args) I32(id int16, v int32) *Args {
	*a = binary.BigEndian.AppendUint32(*a.field(typeI32, id), uint32(v))
	return a
}

func (a *Args) I64(id int16, v int64) *Args {
	*a = binary.BigEndian.AppendUint64(*a.field(typeI64, id), uint64(v))
	return a
}

func (a *Args) Bool(id int16, v bool) *Args {
	a.field(typeBool, id)
	if v {
		*a = append(*a, 1)
	} else {
		*a = append(*a, 0)
	}
	return a
}

func (a *Args) Str(id int16, v string) *Args { return a.field(typeString, id).bytes([]byte(v)) }

// Blob is a special type: tagged as a struct, its content raw.
func (a *Args) Blob(id int16, v []byte) *Args { return a.field(typeStruct, id).bytes(v) }

// Gpid is a special type too: the two numbers in one i64, the app id in its low half.
func (a *Args) Gpid(id int16, app, partition int32) *Args {
	v := uint64(uint32(app)) | uint64(uint32(partition))<<32
	*a = binary.BigEndian.AppendUint64(*a.field(typeStruct, id), v)
	return a
}

// Struct nests the fields that f adds.
func (a *Args) Struct(id int16, f func(*Args)) *Args {
	a.field(typeStruct, id)
	f(a)
	return a.Stop()
}

// Blobs is a list of blobs.
func (a *Args) Blobs(id int16, vs ...[]byte) *Args {
	a.list(id, typeStruct, len(vs))
	for _, v := range vs {
		a.bytes(v)
	}
	return a
}

// Structs is a list of n structs, each filled by f.
func (a *Args) Structs(id int16, n int, f func(i int, e *Args)) *Args {
	a.list(id, typeStruct, n)
	for i := 0; i < n; i++ {
		f(i, a)
		a.Stop()
	}
	return a
}

func (a *Args) Strings(id int16, vs ...string) *Args {
	a.list(id, typeString, len(vs))
	for _, v := range vs {
		a.bytes([]byte(v))
	}
	return a
}

// I32s is a list of numbers.
func (a *Args) I32s(id int16, vs ...int32) *Args {
	a.list(id, typeI32, len(vs))
	for _, v := range vs {
		*a = binary.BigEndian.AppendUint32(*a, uint32(v))
	}
	return a
}

// StringMap is a map of strings to strings.
func (a *Args) StringMap(id int16, m map[string]string) *Args {
	a.field(typeMap, id)
	*a = append(*a, typeString, typeString)
	*a = binary.BigEndian.AppendUint32(*a, uint32(len(m)))
	for k, v := range m {
		a.bytes([]byte(k)).bytes([]byte(v))
	}
	return a
}

func (a *Args) list(id int16, t byte, n int) {
	a.field(typeList, id)
	*a = append(*a, t)
	*a = binary.BigEndian.AppendUint32(*a, uint32(n))
}

func (a *Args) Stop() *Args {
	*a = append(*a, typeStop)
	return a
}

// Wrap makes the argument struct of a call whose one argument is a struct.
func Wrap(f func(*Args)) []byte {
	var a Args
	a.Struct(1, f).Stop()
	return a
}

// WrapBlob makes the argument struct of a call whose one argument is a blob.
func WrapBlob(v []byte) []byte {
	var a Args
	a.Blob(1, v).Stop()
	return a
}

// Key is the raw key of a row.
func Key(hashKey, sortKey string) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(hashKey)))
	return append(append(b, hashKey...), sortKey...)
}

var hashTable = crc64.MakeTable(0x9a6c9329ac4bc9b5)

// Hash tells the partition of a hash key: Hash % partition count.
func Hash(hashKey string) uint64 { return crc64.Checksum([]byte(hashKey), hashTable) }
