package rpc

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"time"
)

// outbox is the writing side of a connection. Messages are appended to a queue from any goroutine.
// Whoever then finds nobody flushing becomes the flusher: it offers the queue to the socket without
// blocking, and again what was queued meanwhile, until there is none. Only when the socket takes no
// more does a goroutine start that waits for it. So nobody who sends ever waits for a peer.
//
// A message of which more are expected soon (other calls are in flight) is not flushed by its
// sender: a goroutine is started that first yields to whoever is about to send, then flushes
// once. With 32 callers on one connection this halves the cost of a call, since system calls are
// what it consists of.
type outbox struct {
	bufs  *bufferPool
	stall time.Duration // a peer that takes nothing for so long is given up

	mu       sync.Mutex
	changed  sync.Cond // something was written, finished or failed
	conn     net.Conn
	socket   *socket
	full     []*buffer // queued before queue, and not appended to any more
	fullSize int       // their bytes
	queue    *buffer   // appended to; nil when empty
	writing  int       // bytes the flusher holds
	soon     bool      // a goroutine that will flush is about to run
	flushing bool      // somebody is the flusher; also true before there is a connection
	err      error     // set once; nothing is sent any more
	busy     int       // bytes that wait above which nothing more is built; 0: no such limit
	share    share     // of what all connections of the server have queued
}

func (o *outbox) init(bufs *bufferPool, stall time.Duration) {
	o.bufs, o.stall, o.flushing = bufs, stall, true
	o.changed.L = &o.mu
}

// open gives the outbox its connection and sends what was queued before.
func (o *outbox) open(conn net.Conn, socket *socket) {
	o.mu.Lock()
	o.conn, o.socket = conn, socket
	o.flushing = false
	failed := o.err != nil
	o.mu.Unlock()
	if failed {
		conn.Close()
		return
	}
	o.flush()
}

// room returns the queue to append to. Called with mu held.
func (o *outbox) room() *buffer {
	if o.queue != nil && len(o.queue.b) > outBufferKeep {
		o.close(o.queue)
		o.queue = nil
	}
	if o.queue == nil {
		o.queue = o.bufs.get()
	}
	return o.queue
}

// close queues a buffer that grows no more: so much is never copied again. Called with mu held.
func (o *outbox) close(b *buffer) {
	o.full = append(o.full, b)
	o.fullSize += len(b.b)
}

// next takes a buffer off the queue, nil when there is none. Called with mu held.
func (o *outbox) next() *buffer {
	if len(o.full) > 0 {
		b := o.full[0]
		o.full[0] = nil
		if o.full = o.full[1:]; len(o.full) == 0 {
			o.full = nil
		}
		o.fullSize -= len(b.b)
		return b
	}
	b := o.queue
	o.queue = nil
	return b
}

// lend takes the queue out of the outbox so that a message can be built at its end without the
// lock; what others send meanwhile goes to a new queue. backlog: so much waits for the peer that no more should be built.
func (o *outbox) lend() (_ *buffer, backlog bool) {
	o.mu.Lock()
	queued := o.queued()
	backlog = o.busy > 0 && queued > o.busy || o.share.hindered(queued)
	b := o.room()
	o.queue = nil
	o.mu.Unlock()
	return b, backlog
}

// giveBack returns a lent buffer to the queue. Called with mu held.
func (o *outbox) giveBack(b *buffer) {
	switch {
	case len(b.b) == 0 || o.err != nil:
		o.bufs.put(b)
	case o.queue == nil:
		o.queue = b
	case len(b.b)+len(o.queue.b) > outBufferKeep:
		o.close(b)
	default:
		b.b = append(b.b, o.queue.b...)
		o.bufs.put(o.queue)
		o.queue = b
	}
}

// queued is the number of bytes that the socket has not taken. Called with mu held.
func (o *outbox) queued() int {
	n := o.writing + o.fullSize
	if o.queue != nil {
		n += len(o.queue.b)
	}
	return n
}

// schedule reports whether the caller has to start a goroutine that calls flush: nobody else has,
// and nobody is flushing. Called with mu held.
func (o *outbox) schedule() bool {
	if o.soon || o.flushing {
		return false
	}
	o.soon = true
	return true
}

// flushSoon lets whoever is about to send go first, so that one system call carries more.
func (o *outbox) flushSoon() {
	runtime.Gosched()
	o.flush()
}

// flush offers what is queued to the socket, unless somebody else is doing so. It does not block.
func (o *outbox) flush() {
	o.mu.Lock()
	o.soon = false
	if o.flushing {
		o.mu.Unlock()
		return
	}
	o.flushing = true
	for o.err == nil {
		b := o.next()
		if b == nil {
			break
		}
		o.writing = len(b.b)
		o.mu.Unlock()
		n, err := o.socket.tryWrite(b.b)
		if err == nil && n < len(b.b) {
			go o.drain(b, n)
			return
		}
		o.bufs.put(b)
		o.mu.Lock()
		o.wrote(err)
	}
	o.flushing = false
	o.mu.Unlock()
}

// wrote notes that the flusher holds nothing any more. Called with mu held.
func (o *outbox) wrote(err error) {
	o.writing = 0
	if err != nil {
		o.failLocked(fmt.Errorf("write: %w", err))
	}
	o.share.set(o.queued())
	o.changed.Broadcast()
}

// drain is the flusher of a socket that is full: it waits for it until all is written.
func (o *outbox) drain(b *buffer, from int) {
	for {
		err := o.writeAll(b.b[from:])
		o.bufs.put(b)
		o.mu.Lock()
		o.wrote(err)
		if b, from = o.next(), 0; b == nil {
			if o.err == nil {
				o.conn.SetWriteDeadline(time.Time{})
			}
			o.flushing = false
			o.mu.Unlock()
			return
		}
		o.writing = len(b.b)
		o.mu.Unlock()
	}
}

var errStalled = errors.New("peer does not read")

// writeAll writes b; a peer that takes some of it within each stall limit may be as slow as it likes.
func (o *outbox) writeAll(b []byte) error {
	for len(b) > 0 {
		o.conn.SetWriteDeadline(time.Now().Add(o.stall))
		n, err := o.conn.Write(b[:min(len(b), flushBytes)])
		b = b[n:]
		switch {
		case err == nil:
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case n == 0:
			return fmt.Errorf("%w for %v", errStalled, o.stall)
		}
	}
	return nil
}

// fail ends the outbox and closes the connection; the first reason is kept.
func (o *outbox) fail(reason error) {
	o.mu.Lock()
	o.failLocked(reason)
	o.mu.Unlock()
}

func (o *outbox) failLocked(reason error) {
	if o.err != nil {
		return
	}
	o.err = reason
	for b := o.next(); b != nil; b = o.next() {
		o.bufs.put(b)
	}
	o.share.set(o.queued())
	if o.conn != nil {
		o.conn.Close()
	}
	o.changed.Broadcast()
}

// Batch holds back the flush of messages to many connections, so that a loop which sends many
// messages costs one system call per connection: give it to Request.DeferFlush or Pool.GoBatch,
// then call Flush. It is not safe for concurrent use; the zero value is ready.
type Batch struct {
	boxes []*outbox
}

func (b *Batch) add(o *outbox) {
	for i := len(b.boxes) - 1; i >= 0; i-- {
		if b.boxes[i] == o {
			return
		}
	}
	b.boxes = append(b.boxes, o)
}

// Flush sends what was held back. It does not block.
func (b *Batch) Flush() {
	for i, o := range b.boxes {
		o.flush()
		b.boxes[i] = nil
	}
	b.boxes = b.boxes[:0]
}
