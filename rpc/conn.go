package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// clientConn is one outgoing connection and the calls that wait for answers on it. Calls are
// accepted while it is still being made.
type clientConn struct {
	pool   *Pool
	to     base.RPCAddress
	ctx    context.Context
	cancel context.CancelFunc
	in     inbox
	out    outbox
	answer answer // the one being received

	// Under out.mu.
	seq      uint64
	calls    map[uint64]*pending
	wheel    wheel
	free     *pending // used ones, linked by next
	nFree    int
	lastUsed int64 // tick at which something was sent last

	lastRead atomic.Int64 // tick at which something arrived last, or the connection was made
}

// pending is a call that waits for its answer.
type pending struct {
	seq        uint64
	done       Done
	deadline   int64 // tick
	prev, next *pending
}

const freeMax = 1024 // pending objects kept per connection

func newClientConn(p *Pool, to base.RPCAddress) *clientConn {
	c := &clientConn{pool: p, to: to, calls: map[uint64]*pending{}}
	c.ctx, c.cancel = context.WithCancel(p.ctx)
	c.out.init(&p.bufs, ms(p.opts.StallMs))
	c.out.share.of, c.in.budget = &p.outBytes, &p.inBytes
	now := p.tick()
	c.wheel.at = now
	c.lastRead.Store(now)
	c.lastUsed = now
	return c
}

// send encodes a call into the out queue. When it did not, code says why; ERR_NETWORK_FAILURE is a connection that ended.
func (c *clientConn) send(b *Batch, call *Call, done Done) (sent bool, code base.ErrorCode) {
	p, o := c.pool, &c.out
	now := p.tick()
	o.mu.Lock()
	queued := o.queued()
	switch {
	case o.err != nil:
		o.mu.Unlock()
		return false, base.ErrNetworkFailure
	case done != nil && len(c.calls) >= p.opts.InFlightMax,
		queued+len(call.Body) > p.opts.OutBufferBytesMax,
		o.share.hindered(queued):
		o.mu.Unlock()
		return false, base.ErrCapacityExceeded
	}
	c.seq++
	q := o.room()
	if p.opts.Dialect == Native {
		q.b = appendNativeRequest(q.b, call, c.seq, p.opts.From, p.opts.Checksum)
	} else {
		c.seq &= 0x7fffffff // the sequence id is an i32 that some peers read as signed
		q.b = appendTHFTRequest(q.b, p.opts.Dialect, call, uint32(c.seq))
	}
	o.share.set(o.queued())
	if done != nil {
		c.expect(done, now, call.TimeoutMs)
	}
	c.lastUsed = now
	soon := b == nil && len(c.calls) > 2
	start := soon && o.schedule()
	o.mu.Unlock()
	if done != nil && !p.timing.Load() {
		p.wakeTimer()
	}
	switch {
	case b != nil:
		b.add(o)
	case start:
		go o.flushSoon()
	case !soon:
		o.flush()
	}
	return true, base.ErrOK
}

// expect registers the call with the current sequence id. Called with out.mu held.
func (c *clientConn) expect(done Done, now int64, timeoutMs int32) {
	e := c.free
	if e != nil {
		c.free = e.next
		c.nFree--
	} else {
		e = new(pending)
	}
	*e = pending{seq: c.seq, done: done, deadline: now + 1 + (int64(timeoutMs)+tickMs-1)/tickMs}
	c.calls[e.seq] = e
	c.wheel.add(e)
}

// settle takes a call out; nil when nobody waits for it any more. Called with out.mu held.
func (c *clientConn) settle(seq uint64) Done {
	e := c.calls[seq]
	if e == nil {
		return nil
	}
	delete(c.calls, seq)
	c.wheel.remove(e)
	done := e.done
	c.recycle(e)
	return done
}

func (c *clientConn) recycle(e *pending) {
	*e = pending{}
	if c.nFree < freeMax {
		e.next = c.free
		c.free = e
		c.nFree++
	}
}

// run makes the connection and reads answers until it ends.
func (c *clientConn) run() {
	defer c.pool.wg.Done()
	defer c.cancel()
	c.end(c.serve())
	c.in.free()
}

func (c *clientConn) serve() error {
	conn, err := c.pool.dial(c.ctx, c.to)
	if err != nil {
		return err
	}
	socket, err := newSocket(conn)
	if err != nil {
		conn.Close()
		return err
	}
	c.lastRead.Store(c.pool.tick())
	c.out.open(conn, socket)
	for need := 0; ; {
		if _, err := c.in.fill(socket, need); err != nil {
			return err
		}
		c.lastRead.Store(c.pool.tick())
		if need, err = c.receive(); err != nil {
			return err
		}
	}
}

// receive gives the answers that have arrived completely to their callbacks.
func (c *clientConn) receive() (need int, err error) {
	parse := parseTHFTAnswer
	if c.pool.opts.Dialect == Native {
		parse = parseNativeAnswer
	}
	a := &c.answer
	for {
		n, need, err := parse(c.in.data(), c.pool.opts.FrameBytesMax, a)
		if n == 0 || err != nil {
			return need, err
		}
		c.in.consume(n)
		if a.code == nil { // a request; nobody serves here
			continue
		}
		c.out.mu.Lock()
		done := c.settle(a.seq)
		c.out.mu.Unlock()
		if done != nil {
			c.pool.finish(done, codeOf(a.code), a.body)
		}
	}
}

func codeOf(name []byte) base.ErrorCode {
	switch {
	case string(name) == base.ErrOK.Name:
		return base.ErrOK
	case len(name) == 0:
		return base.ErrUnknown
	}
	return base.ErrorCode{Name: string(name)}
}

// fail ends the connection from outside; its goroutine then does the rest.
func (c *clientConn) fail(reason error) {
	c.out.fail(reason)
	c.cancel()
}

// end tells every waiting call that the connection is gone.
func (c *clientConn) end(err error) {
	o := &c.out
	o.mu.Lock()
	if o.err != nil { // whoever failed first knows why
		err = o.err
	}
	o.failLocked(err)
	calls := c.calls
	c.calls = nil
	clear(c.wheel.slots[:])
	o.mu.Unlock()
	c.pool.remove(c)
	log := c.pool.opts.Logger.Debug
	if len(calls) > 0 && !errors.Is(err, errPoolClosed) && !errors.Is(err, io.EOF) {
		log = c.pool.opts.Logger.Info
	}
	log("rpc: connection to peer ended", "peer", c.to, "reason", err, "calls_in_flight", len(calls))
	for _, e := range calls {
		c.pool.finish(e.done, base.ErrNetworkFailure, nil)
	}
}

var errIdle = fmt.Errorf("%w: not used for long", errPoolClosed)

// expire ends the calls whose time is over and, when the peer seems gone or nobody needs it, the
// connection. It reports whether calls still wait.
func (c *clientConn) expire(now int64, late []Done) (busy bool, _ []Done) {
	o := &c.out
	o.mu.Lock()
	c.wheel.advance(now, func(e *pending) {
		delete(c.calls, e.seq)
		late = append(late, e.done)
		c.recycle(e)
	})
	busy = len(c.calls) > 0
	if !busy && o.queued() == 0 && now-c.lastUsed > int64(c.pool.opts.IdleMs)/tickMs {
		o.failLocked(errIdle) // under the lock, so that no call slips in
	}
	o.mu.Unlock()
	for i, done := range late {
		c.pool.finish(done, base.ErrTimeout, nil)
		late[i] = nil
	}
	if len(late) > 0 && now-c.lastRead.Load() > int64(c.pool.opts.StallMs)/tickMs {
		c.fail(fmt.Errorf("calls time out and nothing arrives for %d ms", c.pool.opts.StallMs))
	}
	return busy, late[:0]
}
