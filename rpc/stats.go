package rpc

import (
	"sync"
	"sync/atomic"
	"time"
)

// ServerStats are counters since the start, and Conns the connections open now.
type ServerStats struct {
	Conns     int
	Accepted  uint64 // connections
	Refused   uint64 // connections, by a limit
	Evicted   uint64 // connections that never sent a request, closed for others
	Broken    uint64 // connections that were closed for what the peer sent or did not do
	Requests  uint64 // not HTTP
	BytesRead uint64 // not HTTP
	// What connections hold beyond 64 KiB each, in bytes: read buffers, unanswered requests, answers not taken.
	InBufferBytes, InFlightBytes, OutBufferBytes int64
}

// counters are the moving parts of ServerStats.
type counters struct {
	accepted, refused, evicted, broken, requests, bytesRead atomic.Uint64
}

// Stats reads the counters.
func (s *Server) Stats() ServerStats {
	s.mu.Lock()
	conns := s.conns
	s.mu.Unlock()
	c := &s.counters
	return ServerStats{Conns: conns, Accepted: c.accepted.Load(), Refused: c.refused.Load(),
		Evicted: c.evicted.Load(), Broken: c.broken.Load(), Requests: c.requests.Load(), BytesRead: c.bytesRead.Load(),
		InBufferBytes: s.inBytes.used.Load(), InFlightBytes: s.inFlightBytes.used.Load(), OutBufferBytes: s.outBytes.used.Load()}
}

// OutBufferBytes is that of Stats.
func (s *Server) OutBufferBytes() int64 { return s.outBytes.used.Load() }

// Full reports whether the unanswered requests of all connections are as many bytes as they may be. What can be refused, of a connection that
// already holds much, should be: each connection may have one request more.
func (s *Server) Full() bool { return s.inFlightBytes.over() }

// LogLinesMax is how many warnings a server logs in a second; peers cause them at will. The number
// of those left out is logged later.
const LogLinesMax = 50

// lineLimit counts the warnings of the current second.
type lineLimit struct {
	mu      sync.Mutex
	second  int64
	lines   int
	dropped int
}

// take reports whether another line may be logged, and how many were dropped before it.
func (l *lineLimit) take(second int64) (ok bool, dropped int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.second != second {
		l.second, l.lines = second, 0
	}
	if l.lines >= LogLinesMax {
		l.dropped++
		return false, 0
	}
	l.lines++
	dropped, l.dropped = l.dropped, 0
	return true, dropped
}

func (s *Server) warn(what string, args ...any) {
	ok, dropped := s.lines.take(time.Now().Unix())
	if !ok {
		return
	}
	if dropped > 0 {
		args = append(args, "warnings_left_out", dropped)
	}
	s.opts.Logger.Warn("rpc: "+what, args...)
}
