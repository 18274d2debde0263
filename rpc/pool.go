package rpc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/pegasus-go/pegasus/gen-go/base"
)

// Call is one outgoing request. Body is the wrapped argument ({0: value} native, {1: value} THFT)
// and is copied before Go, GoBatch or Send return.
type Call struct {
	Name          string
	Gpid          base.Gpid
	TimeoutMs     int32 // 0: the pool's default
	PartitionHash uint64
	Backup        bool
	Body          []byte
}

// Done receives the outcome of a call: ERR_OK or the error of the answer's header with its body,
// ERR_TIMEOUT, ERR_NETWORK_FAILURE when the connection broke or could not be made, or
// ERR_CAPACITY_EXCEEDED when a limit of the pool forbade to send. It runs exactly once, on a
// goroutine of the pool, and must not block; body is valid until it returns.
type Done = func(code base.ErrorCode, body []byte)

// PoolStats are what the connections of a pool hold now beyond 64 KiB each, in bytes: answers being read, calls that peers have not taken.
type PoolStats struct{ InBufferBytes, OutBufferBytes int64 }

// Stats reads the counters.
func (p *Pool) Stats() PoolStats {
	return PoolStats{InBufferBytes: p.inBytes.used.Load(), OutBufferBytes: p.outBytes.used.Load()}
}

// Pool makes calls. It keeps one or a few connections to each peer, which are made when first
// needed and again after they broke.
type Pool struct {
	opts   PoolOptions
	bufs   bufferPool
	epoch  time.Time // ticks count from here
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup // the timer, and one per connection

	inBytes, outBytes budget

	mu     sync.RWMutex
	peers  map[base.RPCAddress][]*clientConn // nil where there is none
	closed bool

	timing atomic.Bool   // the timer looks at the wheels
	wake   chan struct{} // to a timer that does not
}

// NewPool returns a pool without connections.
func NewPool(opts PoolOptions) *Pool {
	opts.setDefaults()
	p := &Pool{
		opts:  opts,
		epoch: time.Now(),
		peers: map[base.RPCAddress][]*clientConn{},
		wake:  make(chan struct{}, 1),
	}
	p.inBytes.max, p.outBytes.max = int64(opts.InBufferBytesTotalMax), int64(opts.OutBufferBytesTotalMax)
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.wg.Add(1)
	go p.keepTime()
	return p
}

// Dialect is what this pool speaks.
func (p *Pool) Dialect() Dialect { return p.opts.Dialect }

// ArgField is the field id that arguments of this pool's calls are wrapped in.
func (p *Pool) ArgField() int16 {
	if p.opts.Dialect == Native {
		return FieldNative
	}
	return FieldTHFT
}

// Go sends a call and returns at once.
func (p *Pool) Go(to base.RPCAddress, c Call, done Done) { p.send(nil, to, &c, done) }

// GoBatch is Go, but the call may wait for b.Flush before it is sent.
func (p *Pool) GoBatch(b *Batch, to base.RPCAddress, c Call, done Done) { p.send(b, to, &c, done) }

// Send sends a call that has no answer. Whether it arrives is not known.
func (p *Pool) Send(to base.RPCAddress, c Call) { p.send(nil, to, &c, nil) }

func (p *Pool) send(b *Batch, to base.RPCAddress, c *Call, done Done) {
	if c.TimeoutMs <= 0 {
		c.TimeoutMs = int32(p.opts.TimeoutMs)
	}
	for range 3 { // a connection may break between being found and being used
		conn, code := p.find(to, c.Gpid)
		if conn == nil {
			p.refuse(done, code)
			return
		}
		sent, code := conn.send(b, c, done)
		if sent {
			return
		}
		if code != base.ErrNetworkFailure {
			p.refuse(done, code)
			return
		}
		p.remove(conn)
	}
	p.refuse(done, base.ErrNetworkFailure)
}

// refuse reports a call that was not sent; never on the caller's goroutine, which may hold locks
// that done takes.
func (p *Pool) refuse(done Done, code base.ErrorCode) {
	if done != nil {
		go p.finish(done, code, nil)
	}
}

// finish runs a callback; its panic ends nothing but itself.
func (p *Pool) finish(done Done, code base.ErrorCode, body []byte) {
	defer func() {
		if r := recover(); r != nil {
			p.opts.Logger.Error("rpc: callback panicked", "panic", r)
		}
	}()
	done(code, body)
}

// find returns the connection for a partition, made if there is none.
func (p *Pool) find(to base.RPCAddress, g base.Gpid) (*clientConn, base.ErrorCode) {
	slot := int(uint32(g.ThreadHash()) % uint32(p.opts.ConnsPerPeerMax))
	p.mu.RLock()
	conns := p.peers[to]
	if conns != nil && conns[slot] != nil {
		c := conns[slot]
		p.mu.RUnlock()
		return c, base.ErrOK
	}
	p.mu.RUnlock()
	return p.connect(to, slot)
}

func (p *Pool) connect(to base.RPCAddress, slot int) (*clientConn, base.ErrorCode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || !to.IsValid() {
		return nil, base.ErrNetworkFailure
	}
	conns := p.peers[to]
	if conns == nil {
		if len(p.peers) >= p.opts.PeersMax {
			return nil, base.ErrCapacityExceeded
		}
		conns = make([]*clientConn, p.opts.ConnsPerPeerMax)
		p.peers[to] = conns
	}
	if conns[slot] == nil {
		c := newClientConn(p, to)
		conns[slot] = c
		p.wg.Add(1)
		go c.run()
	}
	return conns[slot], base.ErrOK
}

// remove forgets a connection that broke; the next call makes another.
func (p *Pool) remove(c *clientConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	conns, left := p.peers[c.to], false
	for i, other := range conns {
		if other == c {
			conns[i] = nil
		}
		left = left || conns[i] != nil
	}
	if !left {
		delete(p.peers, c.to)
	}
}

// all appends the connections of this moment, or those to one peer, to dst.
func (p *Pool) all(dst []*clientConn, only *base.RPCAddress) []*clientConn {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for to, conns := range p.peers {
		if only != nil && *only != to {
			continue
		}
		for _, c := range conns {
			if c != nil {
				dst = append(dst, c)
			}
		}
	}
	return dst
}

var errPoolClosed = errors.New("pool is closed")

// CloseConn ends the connections to a peer: calls in flight fail with ERR_NETWORK_FAILURE.
func (p *Pool) CloseConn(to base.RPCAddress) {
	for _, c := range p.all(nil, &to) {
		c.fail(errPoolClosed)
	}
}

// Close ends every connection and returns when the callbacks of all calls that were sent have run.
// Not to be called from a callback.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.cancel()
	for _, c := range p.all(nil, nil) {
		c.fail(errPoolClosed)
	}
	p.wg.Wait()
	return nil
}

type outcome struct {
	code base.ErrorCode
	body []byte
}

// Call sends a call, waits, and decodes the answer into result unless that is nil. What the peer or
// the transport said is returned as a base.ErrorCode, an answer that does not decode as one that
// wraps base.ErrInvalidData, the end of ctx as its own error. A deadline of ctx shortens the timeout.
func (p *Pool) Call(ctx context.Context, to base.RPCAddress, c Call, result thrift.TStruct) error {
	body, err := p.CallBytes(ctx, to, c)
	if err != nil || result == nil {
		return err
	}
	if _, err := ReadValue(body, result); err != nil {
		return fmt.Errorf("%w: answer of %s from %s: %w", base.ErrInvalidData, c.Name, to, err)
	}
	return nil
}

// CallBytes is Call without decoding; the answer's body is a copy, also given beside an error code.
func (p *Pool) CallBytes(ctx context.Context, to base.RPCAddress, c Call) ([]byte, error) {
	if deadline, ok := ctx.Deadline(); ok {
		left := int32(min(max(time.Until(deadline).Milliseconds(), 1), 1<<30))
		if c.TimeoutMs <= 0 || left < c.TimeoutMs {
			c.TimeoutMs = left
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ch := make(chan outcome, 1)
	p.Go(to, c, func(code base.ErrorCode, body []byte) {
		ch <- outcome{code, append([]byte(nil), body...)}
	})
	select {
	case o := <-ch:
		if o.code != base.ErrOK {
			return o.body, o.code
		}
		return o.body, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// dial makes the TCP connection.
func (p *Pool) dial(ctx context.Context, to base.RPCAddress) (*net.TCPConn, error) {
	d := net.Dialer{Timeout: ms(p.opts.DialMs), KeepAlive: 15 * time.Second, Control: reuseAddress}
	conn, err := d.DialContext(ctx, "tcp4", to.String())
	if err != nil {
		return nil, err
	}
	tcp := conn.(*net.TCPConn)
	tcp.SetNoDelay(true)
	return tcp, nil
}
