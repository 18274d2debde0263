package rpc

import (
	"context"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/pegasus-go/pegasus/gen-go/base"
)

// Caller makes calls to other servers; Pool is the one over TCP.
type Caller interface {
	// Go sends a call and returns at once.
	Go(to base.RPCAddress, c Call, done Done)
	// GoBatch is Go, but the call may wait for b.Flush before it is sent.
	GoBatch(b *Batch, to base.RPCAddress, c Call, done Done)
	// Send sends a call that has no answer. Whether it arrives is not known.
	Send(to base.RPCAddress, c Call)
	// Call sends a call, waits, and decodes the answer into result; see Pool.Call.
	Call(ctx context.Context, to base.RPCAddress, c Call, result thrift.TStruct) error
	// Close ends every connection and returns when the callbacks of all calls have run.
	Close() error
}

// Network is how a server is reached and how it reaches others.
type Network interface {
	// Listen makes s reachable under an address, "host:port", and returns which.
	Listen(s *Server, address string) (base.RPCAddress, error)
	// Serve delivers requests to s until s is closed.
	Serve(s *Server) error
	// Caller makes calls for a server.
	Caller(o PoolOptions) Caller
}

// TCP is the real network.
var TCP Network = tcp{}

type tcp struct{}

func (tcp) Listen(s *Server, address string) (base.RPCAddress, error) { return s.Listen(address) }
func (tcp) Serve(s *Server) error                                     { return s.Serve() }
func (tcp) Caller(o PoolOptions) Caller                               { return NewPool(o) }

// Inbound is a request that reaches a server other than over one of its connections.
type Inbound struct {
	Call
	Dialect  Dialect
	From     base.RPCAddress
	Remote   string // what Request.RemoteAddr says
	OneWay   bool
	Answered Done // gets the answer; not called when there is none. nil: nobody waits
}

// Deliver serves a request on the caller's goroutine, as if it had come over a connection.
func (s *Server) Deliver(in Inbound) {
	r := &Request{
		Name: in.Name, Gpid: in.Gpid, TimeoutMs: in.TimeoutMs, PartitionHash: in.PartitionHash, Backup: in.Backup, OneWay: in.OneWay,
		ForwardSupported: in.Dialect == Native, Dialect: in.Dialect, From: in.From, WireLength: len(in.Body), Body: in.Body,
		direct: &direct{srv: s, remote: in.Remote, answered: in.Answered},
	}
	var h Handler
	if r.method, h = s.lookup([]byte(in.Name), in.Gpid.AppID); h == nil {
		r.ReplyError(base.ErrHandlerNotFound)
		return
	}
	h(r)
}

// direct is what a request has instead of a session.
type direct struct {
	srv      *Server
	remote   string
	answered Done
}

func (d *direct) answer(r *Request, code base.ErrorCode, body []byte) {
	if d.answered != nil && !r.OneWay {
		d.answered(code, body)
	}
}
