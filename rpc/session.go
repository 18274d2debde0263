package rpc

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// session is one accepted connection. Its goroutine reads, parses and runs the handlers.
type session struct {
	srv    *Server
	conn   *net.TCPConn
	remote string
	ip     string
	in     inbox
	out    outbox

	parse   parseFunc
	frame   frame                   // the one being served
	current atomic.Pointer[Request] // whose handler runs now
	arrived time.Time               // of the last read
	partial bool                    // a read deadline is set for a frame that has begun
	started atomic.Uint64           // requests given to handlers
	waiting bool                    // the reader waits for out.changed; under out.mu
	// finished counts answered and dropped requests; under out.mu.
	finished uint64
}

func newSession(srv *Server, conn *net.TCPConn, ip string) *session {
	s := &session{srv: srv, conn: conn, remote: conn.RemoteAddr().String(), ip: ip}
	s.out.init(&srv.bufs, ms(srv.opts.StallMs))
	return s
}

func (s *session) log(what string, args ...any) {
	s.srv.warn(what, append(args, "peer", s.remote)...)
}

var errHandedOver = errors.New("connection belongs to the HTTP server now")

func (s *session) run() {
	handedOver := false
	defer func() {
		s.srv.forget(s)
		if !handedOver {
			s.srv.released(s.ip)
		}
	}()
	raw, err := s.conn.SyscallConn()
	if err != nil {
		s.conn.Close()
		return
	}
	s.out.open(s.conn, raw)
	err = s.serve()
	if handedOver = errors.Is(err, errHandedOver); handedOver {
		s.srv.http.take(s)
		return
	}
	s.end(err)
}

// end closes the connection and says why, unless the peer simply left.
func (s *session) end(err error) {
	s.out.mu.Lock()
	if s.out.err != nil { // the writing side knew first
		err = s.out.err
	}
	s.out.mu.Unlock()
	s.out.fail(err)
	if left(err) {
		s.srv.opts.Logger.Debug("rpc: connection ended", "peer", s.remote, "reason", err)
		return
	}
	s.srv.counters.broken.Add(1)
	s.log("connection closed", "reason", err)
}

// left reports whether a connection ended as connections do, by the peer's or our own will.
func left(err error) bool {
	for _, ordinary := range []error{io.EOF, net.ErrClosed, errServerClosed, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, ordinary) {
			return true
		}
	}
	return false
}

// serve reads until the connection ends and returns why.
func (s *session) serve() error {
	for {
		need, served, err := s.serveBuffered()
		s.srv.counters.requests.Add(uint64(served))
		s.out.flush()
		if err != nil {
			return err
		}
		if err := s.setDeadline(served > 0); err != nil {
			return err
		}
		n, err := s.in.fill(s.conn, need)
		s.srv.counters.bytesRead.Add(uint64(n))
		if err != nil {
			if s.srv.draining.Load() && errors.Is(err, os.ErrDeadlineExceeded) {
				s.waitDrained()
				return errServerClosed
			}
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return fmt.Errorf("a frame did not arrive within %d ms", s.srv.opts.FrameMs)
			}
			return err
		}
		s.arrived = time.Now()
	}
}

// setDeadline limits the time for a frame of which only a part has arrived.
func (s *session) setDeadline(progress bool) error {
	begun := len(s.in.data()) > 0
	if begun == s.partial && !(begun && progress) {
		return nil
	}
	s.partial = begun
	deadline := time.Time{}
	if begun {
		deadline = time.Now().Add(ms(s.srv.opts.FrameMs))
	}
	err := s.conn.SetReadDeadline(deadline)
	if s.srv.draining.Load() { // Shutdown may have set its own before
		err = s.conn.SetReadDeadline(time.Unix(1, 0))
	}
	return err
}

// serveBuffered runs the handlers of all requests that have arrived completely.
func (s *session) serveBuffered() (need, served int, err error) {
	if s.parse == nil {
		if s.parse, err = s.sniff(); err != nil || s.parse == nil {
			return 4, 0, err
		}
	}
	for {
		n, need, err := s.parse(s.in.data(), s.srv.opts.FrameBytesMax, &s.frame)
		if n == 0 || err != nil {
			return need, served, err
		}
		if err := s.admit(); err != nil {
			return 0, served, err
		}
		s.dispatch(&s.frame)
		s.in.consume(n)
		served++
	}
}

type parseFunc = func(buf []byte, frameMax int, f *frame) (n, need int, err error)

// sniff chooses the dialect for the life of the connection; nil while fewer than 4 bytes are there.
func (s *session) sniff() (parseFunc, error) {
	b := s.in.data()
	if len(b) < 4 {
		return nil, nil
	}
	switch string(b[:4]) {
	case thftMagic:
		return parseTHFT, nil
	case nativeMagic:
		return parseNative, nil
	case "GET ", "POST":
		if s.srv.http.serving() {
			return nil, errHandedOver
		}
	}
	return nil, fmt.Errorf("connection begins with %q, which is no known dialect", b[:4])
}

// admit waits until the connection is within its limits. Before it waits it sends what is queued,
// since answers are what the peer may be waiting for.
func (s *session) admit() error {
	o := &s.out
	o.mu.Lock()
	queued := o.queued()
	if o.err == nil && queued < flushBytes && s.started.Load()-s.finished < uint64(s.srv.opts.InFlightMax) {
		o.mu.Unlock()
		return nil
	}
	o.mu.Unlock()
	o.flush()
	o.mu.Lock()
	defer o.mu.Unlock()
	s.waiting = true
	for o.err == nil && (o.queued() > s.srv.opts.OutBufferBytesMax || s.started.Load()-s.finished >= uint64(s.srv.opts.InFlightMax)) {
		o.changed.Wait()
	}
	s.waiting = false
	return o.err
}

// waitDrained waits until every request is answered and every answer is sent, or the connection failed.
func (s *session) waitDrained() {
	o := &s.out
	o.mu.Lock()
	defer o.mu.Unlock()
	s.waiting = true
	for o.err == nil && (s.started.Load() != s.finished || o.queued() > 0) {
		o.changed.Wait()
	}
}

// dispatch makes the Request and runs its handler.
func (s *session) dispatch(f *frame) {
	if f.name == nil {
		s.srv.opts.Logger.Debug("rpc: answer on a server's connection passed over", "peer", s.remote)
		return
	}
	m, h := s.srv.lookup(f.name, f.gpid.AppID)
	r := s.take(f, m)
	s.started.Add(1)
	if h == nil {
		s.current.Store(r)
		r.ReplyError(base.ErrHandlerNotFound)
		s.current.Store(nil)
		return
	}
	s.call(h, r)
}

// take fills a Request from the pool.
func (s *session) take(f *frame, m *method) *Request {
	r, ok := s.srv.requests.Get().(*Request)
	if !ok {
		r = new(Request)
		r.state.Store(1)
	}
	r.Name, r.Gpid, r.TimeoutMs, r.PartitionHash = m.name, f.gpid, f.timeoutMs, f.partHash
	r.Backup, r.OneWay, r.Dialect, r.WireLength = f.backup, f.oneway, f.dialect, f.wireLength
	r.Body, r.method, r.session, r.seq, r.arrived = f.body, m, s, f.seq, s.arrived
	r.From, r.ForwardSupported = base.RPCAddress{}, false
	if f.header != nil {
		copy(r.header[:], f.header)
		r.From = base.AddressFromInt64(f.from)
		r.ForwardSupported = f.forward
	}
	r.state.Add(1) // answered -> open, next generation
	return r
}

// call runs a handler. A panic ends neither the process nor the connection: the request is answered
// ERR_UNKNOWN if it was not answered yet.
func (s *session) call(h Handler, r *Request) {
	generation := r.state.Load()
	name := r.Name
	s.current.Store(r)
	defer func() {
		p := recover()
		s.current.Store(nil)
		if p == nil {
			return
		}
		s.log("handler panicked", "rpc", name, "panic", p, "stack", string(debug.Stack()))
		if r.state.CompareAndSwap(generation, generation|1) {
			s.answerBroken(r)
		}
	}()
	h(r)
}

// answerBroken answers for a handler that panicked. The Request is not recycled, since the handler may have given
// it to somebody; whatever they do with it is ignored.
func (s *session) answerBroken(r *Request) {
	o := &s.out
	o.mu.Lock()
	defer o.mu.Unlock()
	s.finished++
	if r.OneWay || o.err != nil {
		return
	}
	b := o.room()
	start := len(b.b)
	b.b = r.patch(r.appendHead(b.b, base.ErrUnknown), start)
}
