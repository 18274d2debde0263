package rpc

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/pegasus-go/pegasus/internal/fuzz"
)

// libraryProtocol takes any byte but 0 for true, as the C++ peers do.
type libraryProtocol struct{ *thrift.TBinaryProtocol }

func (p libraryProtocol) ReadBool(ctx context.Context) (bool, error) {
	b, err := p.ReadByte(ctx)
	return b != 0, err
}

// sameEncoding compares two encodings of a value; maps have no order.
func sameEncoding(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	a, b = bytes.Clone(a), bytes.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return bytes.Equal(a, b)
}

// libraryRead is what the Thrift library's own reader makes of a value, encoded again.
func libraryRead(content []byte, v thrift.TStruct) (encoded []byte, err error) {
	buf := thrift.NewTMemoryBuffer()
	buf.Write(content)
	if err := v.Read(context.Background(), libraryProtocol{thrift.NewTBinaryProtocolConf(buf, nil)}); err != nil {
		return nil, err
	}
	return appendValue(nil, 0, v)
}

// FuzzMessages decodes arbitrary bytes as the argument or answer of any task code: memory is bounded by
// the input, what decodes is what the Thrift library reads, and it survives being encoded.
func FuzzMessages(f *testing.F) {
	for i, m := range messages {
		f.Add(uint8(i), AppendValue(nil, 1, m.make()))
	}
	for i := range messages {
		if len(messages[i].name) > 4 {
			f.Add(uint8(i), []byte{12, 0, 1, 15, 0, 5, 12, 0, 0, 0, 3, 0, 0, 0, 0, 0})
		}
	}
	seedBodies(f)
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		m := messages[int(which)%len(messages)]
		var v thrift.TStruct
		var err error
		fuzz.Bounded(t, len(b), func() {
			v = m.make()
			_, err = ReadValue(b, v)
		})
		if err != nil {
			return
		}
		once, err := appendValue(nil, 0, v)
		if err != nil {
			return // a set with equal elements, which the wire can hold
		}
		library, err := libraryRead(b[3:], m.make())
		if err != nil || !sameEncoding(library, once) {
			t.Fatalf("%s: ours %x, the library's %x (%v)", m.name, once, library, err)
		}
		settles(t, m, once)
	})
}

// settles claims that a value comes to rest: a struct that is absent is written as an empty one, which
// reads as one with defaults, so each level of nesting takes a turn.
func settles(t *testing.T, m message, b []byte) {
	for range 8 {
		v := m.make()
		if rest, err := ReadValue(b, v); err != nil || len(rest) != 0 {
			t.Fatalf("%s does not read what it wrote: %v", m.name, err)
		}
		next, err := appendValue(nil, 0, v)
		if err != nil {
			t.Fatalf("%s: %v", m.name, err)
		}
		if sameEncoding(b, next) {
			return
		}
		b = next
	}
	t.Fatalf("%s: still changing as %x", m.name, b)
}

// seedBodies adds the bodies of recorded exchanges, each under the message of its name.
func seedBodies(f *testing.F) {
	index := map[string]int{}
	for i, m := range messages {
		index[m.name] = i
	}
	frames(f, func(name string, body []byte) {
		if i, known := index[name]; known && len(body) < 4096 {
			f.Add(uint8(i), body)
		}
	})
}
