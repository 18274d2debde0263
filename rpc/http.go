package rpc

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// httpSide runs net/http on the connections that turned out to speak HTTP.
type httpSide struct {
	handler  atomic.Pointer[http.Handler]
	server   http.Server
	conns    chan net.Conn
	closed   chan struct{}
	closeOne sync.Once
	start    sync.Once
	self     *Server
	slots    chan struct{} // one per request that is worked on
}

func (h *httpSide) init(s *Server) {
	h.self = s
	h.conns, h.closed = make(chan net.Conn), make(chan struct{})
	h.slots = make(chan struct{}, s.opts.HTTPInFlightMax)
	h.server = http.Server{
		Handler:           http.HandlerFunc(h.serve),
		ReadHeaderTimeout: ms(s.opts.FrameMs),
		ReadTimeout:       ms(s.opts.FrameMs),
		WriteTimeout:      ms(s.opts.HTTPWriteMs),
		IdleTimeout:       ms(s.opts.HTTPIdleMs),
		MaxHeaderBytes:    s.opts.HTTPHeaderBytesMax,
		ErrorLog:          slog.NewLogLogger(s.opts.Logger.Handler(), slog.LevelWarn),
	}
}

func (h *httpSide) setHandler(handler http.Handler) { h.handler.Store(&handler) }

func (h *httpSide) serving() bool {
	handler := h.handler.Load()
	return handler != nil && *handler != nil
}

// serve lets GET and POST through; as on the first request of a connection, any other verb ends it.
func (h *httpSide) serve(w http.ResponseWriter, r *http.Request) {
	if !h.serving() || r.Method != http.MethodGet && r.Method != http.MethodPost {
		panic(http.ErrAbortHandler)
	}
	if !h.turn(r.Context()) {
		http.Error(w, "too many requests", http.StatusServiceUnavailable)
		return
	}
	defer func() { <-h.slots }()
	r.Body = http.MaxBytesReader(w, r.Body, int64(h.self.opts.HTTPBodyBytesMax))
	(*h.handler.Load()).ServeHTTP(&stallWriter{w, ms(h.self.opts.StallMs)}, r)
}

// turn waits for a slot; false when none came in time or the peer is gone.
func (h *httpSide) turn(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, ms(h.self.opts.FrameMs))
	defer cancel()
	select {
	case h.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	case <-h.closed:
		return false
	}
}

// stallWriter gives up a peer that does not take what is written.
type stallWriter struct {
	http.ResponseWriter
	stall time.Duration
}

func (w *stallWriter) Write(b []byte) (int, error) {
	if err := http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(w.stall)); err != nil {
		return 0, err
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController flush.
func (w *stallWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// take gives a session's connection, and what was read from it, to the HTTP server.
func (h *httpSide) take(s *session) {
	h.start.Do(func() { go h.server.Serve(h) })
	s.conn.SetReadDeadline(time.Time{})
	h.self.settled(s)
	c := &httpConn{Conn: s.conn, head: bytes.Clone(s.in.data()), gone: func() { h.self.released(s) }}
	s.in.free()
	select {
	case h.conns <- c:
	case <-h.closed:
		c.Close()
	}
}

// Accept makes httpSide the listener of its own server.
func (h *httpSide) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (h *httpSide) Close() error {
	h.closeOne.Do(func() { close(h.closed) })
	return nil
}

// Addr is where the port is.
func (h *httpSide) Addr() net.Addr {
	a := h.self.address()
	ip := a.IP()
	return &net.TCPAddr{IP: net.IPv4(byte(ip>>24), byte(ip>>16), byte(ip>>8), byte(ip)), Port: int(a.Port())}
}

func (h *httpSide) close() error {
	h.Close()
	return h.server.Close()
}

func (h *httpSide) shutdown(ctx context.Context) error {
	h.Close()
	return h.server.Shutdown(ctx)
}

// httpConn reads first what the session had read.
type httpConn struct {
	net.Conn
	head []byte
	gone func()
	once sync.Once
}

func (c *httpConn) Read(p []byte) (int, error) {
	if len(c.head) > 0 {
		n := copy(p, c.head)
		c.head = c.head[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

func (c *httpConn) Close() error {
	c.once.Do(c.gone)
	return c.Conn.Close()
}
