package rpc

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// Handler serves one request. It runs on the connection's goroutine: requests of the same connection wait for it, so
// long work moves elsewhere (after Request.Keep if it needs the Body).
type Handler func(*Request)

// method is what a name leads to.
type method struct {
	name, ack string
	okHead    []byte // start of an ERR_OK answer in THFT, up to the sequence id
	kind      Kind
	handler   Handler
}

func newMethod(name string) *method {
	m := &method{name: name, ack: name + "_ACK"}
	m.kind, _ = KindOf(name)
	m.okHead = appendTHFTHead(nil, base.ErrOK.Name, m.ack)
	return m
}

// table is never changed; a registration replaces it.
type table struct {
	methods map[string]*method
	storage Handler
}

// Server answers calls on one port. Handlers may be registered at any time.
type Server struct {
	opts ServerOptions

	table    atomic.Pointer[table]
	bufs     bufferPool
	requests sync.Pool // *Request
	http     httpSide
	counters counters
	lines    lineLimit

	inBytes, inFlightBytes, outBytes budget

	mu       sync.Mutex
	listener net.Listener
	self     atomic.Int64 // address in replies
	sessions map[*session]struct{}
	// newcomers are the sessions without a request yet, the oldest first.
	newcomers list.List
	perIP     map[string]int
	conns     int
	closed    bool
	draining  atomic.Bool
	wg        sync.WaitGroup // one per session
}

// NewServer returns a server without handlers that does not listen yet.
func NewServer(opts ServerOptions) *Server {
	opts.setDefaults()
	s := &Server{
		opts:     opts,
		sessions: map[*session]struct{}{},
		perIP:    map[string]int{},
	}
	s.inBytes.max, s.inFlightBytes.max = int64(opts.InBufferBytesTotalMax), int64(opts.InFlightBytesTotalMax)
	s.outBytes.max = int64(opts.OutBufferBytesTotalMax)
	s.self.Store(opts.Address.Int64())
	t := &table{methods: make(map[string]*method, len(codes))}
	for name := range codes {
		t.methods[name] = newMethod(name)
	}
	s.table.Store(t)
	s.http.init(s)
	return s
}

func (s *Server) register(change func(*table)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.table.Load()
	t := &table{methods: maps.Clone(old.methods), storage: old.storage}
	change(t)
	s.table.Store(t)
}

// Handle sends requests of that name to h; nil takes the name back. For a storage code use HandleStorage.
func (s *Server) Handle(name string, h Handler) {
	s.register(func(t *table) {
		m := newMethod(name)
		m.handler = h
		t.methods[name] = m
	})
}

// HandleStorage sends to h every request with an app id above 0 whose name is a storage code, or a
// known code that has no handler of its own.
func (s *Server) HandleStorage(h Handler) { s.register(func(t *table) { t.storage = h }) }

// HandleHTTP serves GET and POST on the same port; without it HTTP connections are closed.
func (s *Server) HandleHTTP(h http.Handler) { s.http.setHandler(h) }

// lookup finds where a request goes; m is never nil, h is when there is nobody.
func (s *Server) lookup(name []byte, appID int32) (m *method, h Handler) {
	t := s.table.Load()
	m, known := t.methods[string(name)]
	switch {
	case !known:
		return newMethod(string(name)), nil
	case m.kind.IsStorage() || m.handler == nil:
		if appID > 0 {
			return m, t.storage
		}
		return m, nil
	}
	return m, m.handler
}

// Listen opens the port, "host:port" with port 0 for any free one, and returns where.
func (s *Server) Listen(addr string) (base.RPCAddress, error) {
	l, err := net.Listen("tcp4", addr)
	if err != nil {
		return base.RPCAddress{}, fmt.Errorf("rpc listen: %w", err)
	}
	self, err := base.ParseAddress(l.Addr().String())
	if err != nil {
		l.Close()
		return base.RPCAddress{}, fmt.Errorf("rpc listen: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.listener != nil {
		l.Close()
		return base.RPCAddress{}, errors.New("rpc listen: server is closed or listens already")
	}
	s.listener = l
	if !s.opts.Address.IsValid() {
		s.self.Store(self.Int64())
	}
	return self, nil
}

func (s *Server) address() base.RPCAddress { return base.AddressFromInt64(s.self.Load()) }

// Serve accepts connections until Close or Shutdown; it then returns nil.
func (s *Server) Serve() error {
	s.mu.Lock()
	l := s.listener
	s.mu.Unlock()
	if l == nil {
		return errors.New("rpc serve: Listen was not called")
	}
	for {
		conn, err := l.Accept()
		if err == nil {
			s.accept(conn.(*net.TCPConn))
			continue
		}
		if s.isClosed() {
			return nil
		}
		var temporary interface{ Temporary() bool }
		if errors.As(err, &temporary) && temporary.Temporary() { // out of descriptors, say
			s.warn("accept failed, trying again", "error", err)
			time.Sleep(50 * time.Millisecond)
			continue
		}
		return fmt.Errorf("rpc serve: %w", err)
	}
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// accept starts a session, or closes the connection when there are too many and none of them is silent.
func (s *Server) accept(conn *net.TCPConn) {
	conn.SetKeepAlive(true)
	conn.SetNoDelay(true)
	ip, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
	s.mu.Lock()
	reason := ""
	switch {
	case s.closed:
		reason = "server is closed"
	case s.opts.ConnsPerIPMax > 0 && s.perIP[ip] >= s.opts.ConnsPerIPMax:
		reason = "too many connections from this address"
	case s.conns >= s.opts.ConnsMax && !s.evict():
		reason = "too many connections"
	}
	if reason != "" {
		s.mu.Unlock()
		s.counters.refused.Add(1)
		s.warn("connection refused", "peer", conn.RemoteAddr(), "reason", reason)
		conn.Close()
		return
	}
	s.conns++
	s.perIP[ip]++
	s.counters.accepted.Add(1)
	sess := newSession(s, conn, ip)
	s.sessions[sess] = struct{}{}
	sess.newcomer, sess.counted = s.newcomers.PushBack(sess), true
	s.wg.Add(1)
	s.mu.Unlock()
	go sess.run()
}

// evict closes the connection that has been silent for the longest; false when there is none. Called
// with mu held.
func (s *Server) evict() bool {
	oldest := s.newcomers.Front()
	if oldest == nil {
		return false
	}
	sess := oldest.Value.(*session)
	s.counters.evicted.Add(1)
	s.releasedLocked(sess)
	sess.out.fail(errSilent)
	return true
}

// settled notes that a connection has sent a request.
func (s *Server) settled(sess *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaveNewcomers(sess)
}

func (s *Server) leaveNewcomers(sess *session) {
	if sess.newcomer != nil {
		s.newcomers.Remove(sess.newcomer)
		sess.newcomer = nil
	}
}

// released counts a connection as gone.
func (s *Server) released(sess *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.releasedLocked(sess)
}

func (s *Server) releasedLocked(sess *session) {
	s.leaveNewcomers(sess)
	if !sess.counted {
		return
	}
	sess.counted = false
	s.conns--
	if s.perIP[sess.ip]--; s.perIP[sess.ip] <= 0 {
		delete(s.perIP, sess.ip)
	}
}

func (s *Server) forget(sess *session) {
	s.mu.Lock()
	delete(s.sessions, sess)
	s.mu.Unlock()
	s.wg.Done()
}

// stop closes the listener and returns the sessions of that moment.
func (s *Server) stop() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.listener != nil {
		s.listener.Close()
	}
	all := make([]*session, 0, len(s.sessions))
	for sess := range s.sessions {
		all = append(all, sess)
	}
	return all
}

var errServerClosed = errors.New("server is closed")

// Close ends every connection at once and waits for handlers that are running. Not to be called from
// a handler.
func (s *Server) Close() error {
	for _, sess := range s.stop() {
		sess.out.fail(errServerClosed)
	}
	err := s.http.close()
	s.wg.Wait()
	return err
}

// Shutdown accepts and reads nothing more, waits until what was read is answered, then closes. When
// ctx ends first it closes at once and returns the error of ctx.
func (s *Server) Shutdown(ctx context.Context) error {
	s.draining.Store(true)
	for _, sess := range s.stop() {
		sess.conn.SetReadDeadline(time.Unix(1, 0))
	}
	done := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(done)
	}()
	err := s.http.shutdown(ctx)
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
		s.Close()
	}
	return err
}
