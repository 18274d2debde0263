package rpc

import (
	"container/list"
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
	// wasSilent is whether one is set for the first request.
	wasSilent bool
	started   atomic.Uint64 // requests given to handlers
	waiting   bool          // the reader waits for out.changed; under out.mu
	// finished counts answered and dropped requests, held is the cost of the others; under out.mu.
	finished uint64
	held     int
	share    share // of what all connections hold

	first    time.Time     // until when the first request must be here
	newcomer *list.Element // in Server.newcomers until then; under Server.mu
	counted  bool          // in Server.conns; under Server.mu
}

// requestCost is what a request counts in the limits besides its bytes.
const requestCost = 512

func newSession(srv *Server, conn *net.TCPConn, ip string) *session {
	s := &session{srv: srv, conn: conn, remote: conn.RemoteAddr().String(), ip: ip}
	s.out.init(&srv.bufs, ms(srv.opts.StallMs))
	s.out.busy = srv.opts.OutBufferBytesBusy
	s.out.share.of, s.share.of, s.in.budget = &srv.outBytes, &srv.inFlightBytes, &srv.inBytes
	s.first = time.Now().Add(ms(srv.opts.FirstMs))
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
			s.in.free()
			s.srv.released(s)
		}
	}()
	socket, err := newSocket(s.conn)
	if err != nil {
		s.conn.Close()
		return
	}
	s.out.open(s.conn, socket)
	err = s.serve(socket)
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
	for _, ordinary := range []error{io.EOF, net.ErrClosed, errServerClosed, errSilent, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, ordinary) {
			return true
		}
	}
	return false
}

// serve reads until the connection ends and returns why.
func (s *session) serve(socket *socket) error {
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
		n, err := s.in.fill(socket, need)
		s.srv.counters.bytesRead.Add(uint64(n))
		if err != nil {
			if s.srv.draining.Load() && errors.Is(err, os.ErrDeadlineExceeded) {
				s.waitDrained()
				return errServerClosed
			}
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return s.late()
			}
			return err
		}
		s.arrived = time.Now()
	}
}

// setDeadline limits the time until the first request is here, and for a frame of which only a part has arrived.
func (s *session) setDeadline(progress bool) error {
	begun, silent := len(s.in.data()) > 0, s.started.Load() == 0
	if begun == s.partial && silent == s.wasSilent && !(begun && progress) {
		return nil
	}
	s.partial, s.wasSilent = begun, silent
	deadline := time.Time{}
	switch {
	case begun:
		deadline = time.Now().Add(ms(s.srv.opts.FrameMs))
	case silent:
		deadline = s.first
	}
	err := s.conn.SetReadDeadline(deadline)
	if s.srv.draining.Load() { // Shutdown may have set its own before
		err = s.conn.SetReadDeadline(time.Unix(1, 0))
	}
	return err
}

// late says why a read deadline has passed.
func (s *session) late() error {
	if s.partial {
		return fmt.Errorf("a frame did not arrive within %d ms", s.srv.opts.FrameMs)
	}
	return errSilent
}

var errSilent = errors.New("connection never sent a request")

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
		if s.started.Load() == 0 {
			s.srv.settled(s)
		}
		if err := s.admit(&s.frame); err != nil {
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

// admit waits until the connection is within its limits, and counts the request. Before it waits it
// sends what is queued, since answers are what the peer may be waiting for.
func (s *session) admit(f *frame) error {
	o := &s.out
	o.mu.Lock()
	if o.err == nil && o.queued() < flushBytes && s.within() {
		s.hold(f)
		o.mu.Unlock()
		return nil
	}
	o.mu.Unlock()
	o.flush()
	o.mu.Lock()
	defer o.mu.Unlock()
	s.waiting = true
	for o.err == nil && (o.queued() > s.srv.opts.OutBufferBytesMax || !s.within()) {
		o.changed.Wait()
	}
	s.waiting = false
	if o.err == nil {
		s.hold(f)
	}
	return o.err
}

// within reports whether the unanswered requests allow one more. Called with out.mu held.
func (s *session) within() bool {
	return s.started.Load()-s.finished < uint64(s.srv.opts.InFlightMax) &&
		s.held <= s.srv.opts.InFlightBytesMax && !s.share.hindered(s.held)
}

// hold counts the cost of a request, unless the frame is none. Called with out.mu held.
func (s *session) hold(f *frame) {
	if f.name != nil {
		s.held += requestCost + f.wireLength
		s.share.set(s.held)
	}
}

// done counts a request as answered or dropped. Called with out.mu held.
func (s *session) done(cost int) {
	s.finished++
	s.held -= cost
	s.share.set(s.held)
	s.out.share.set(s.out.queued())
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
	r.cost = requestCost + f.wireLength
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
	s.done(r.cost)
	if r.OneWay || o.err != nil {
		return
	}
	b := o.room()
	start := len(b.b)
	b.b = r.patch(r.appendHead(b.b, base.ErrUnknown), start)
}
