package rpc

import (
	"errors"
	"io"
	"sync"
)

// Sizes of buffers, in bytes.
const (
	readBufferMin  = 4 << 10   // what an idle connection holds
	readBufferMax  = 64 << 10  // grown to when reads keep filling the buffer
	readBufferKeep = 256 << 10 // a buffer grown for a large frame above this is given up again
	outBufferKeep  = 256 << 10 // likewise for out buffers
	flushBytes     = 64 << 10  // a batch of replies is flushed early above this
)

// inbox is the reading side of a connection: frames are parsed where they were read to.
type inbox struct {
	buf    []byte
	r, w   int
	budget *budget // nil: there is none
}

var errInBuffers = errors.New("frame does not fit into the read buffers of all connections")

// data is what was read and not consumed; valid until fill.
func (b *inbox) data() []byte { return b.buf[b.r:b.w] }

func (b *inbox) consume(n int) { b.r += n }

// fill makes room and reads once. need is the known length of the frame at the start of data; the
// buffer still only doubles, so that a length that was only claimed allocates nothing.
func (b *inbox) fill(src io.Reader, need int) (int, error) {
	full := b.w == len(b.buf)
	if b.r > 0 {
		b.w = copy(b.buf, b.buf[b.r:b.w])
		b.r = 0
	}
	switch size := len(b.buf); {
	case size == 0:
		b.resize(readBufferMin)
	case b.w == size, full && size < readBufferMax, need > size && size < readBufferMax:
		if !b.resize(2 * size) {
			return 0, errInBuffers
		}
	case b.w == 0 && size > b.keep():
		b.resize(readBufferMax)
	}
	n, err := src.Read(b.buf[b.w:])
	b.w += n
	if n > 0 {
		err = nil
	}
	return n, err
}

// keep is how large the buffer of a connection may be that waits for its next frame.
func (b *inbox) keep() int {
	if b.budget != nil && b.budget.tight() {
		return readBufferMax
	}
	return readBufferKeep
}

// resize changes the size; false when all connections together have no room for more.
func (b *inbox) resize(size int) bool {
	if b.budget != nil {
		before, after := max(len(b.buf)-readBufferMax, 0), max(size-readBufferMax, 0)
		if after > before && !b.budget.take(after-before) {
			return false
		}
		if after < before {
			b.budget.give(before - after)
		}
	}
	buf := make([]byte, size)
	b.w = copy(buf, b.buf[:b.w])
	b.buf = buf
	return true
}

// free gives the buffer up.
func (b *inbox) free() {
	if b.budget != nil {
		b.budget.give(max(len(b.buf)-readBufferMax, 0))
	}
	b.buf, b.r, b.w = nil, 0, 0
}

// buffer is a pooled out buffer.
type buffer struct{ b []byte }

// bufferPool lets idle connections hold no out buffer.
type bufferPool struct{ pool sync.Pool }

func (p *bufferPool) get() *buffer {
	if b, ok := p.pool.Get().(*buffer); ok {
		return b
	}
	return &buffer{b: make([]byte, 0, 4<<10)}
}

func (p *bufferPool) put(b *buffer) {
	if cap(b.b) <= outBufferKeep {
		b.b = b.b[:0]
		p.pool.Put(b)
	}
}
