package meta

import (
	"github.com/apache/thrift/lib/go/thrift"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/meta/cluster"
	"github.com/pegasus-go/pegasus/rpc"
)

// failure makes the answer of an RPC that could not be served. leader is the meta to ask instead, if
// known; only answers about partitions have a place for it.
type failure func(err base.ErrorCode, leader base.RPCAddress) thrift.TStruct

// failErr is a failure of which only the error code matters.
func failErr(f func(err *base.ErrorCode) thrift.TStruct) failure {
	return func(err base.ErrorCode, _ base.RPCAddress) thrift.TStruct { return f(err.Ptr()) }
}

// call is a request that passed the gate. The term's lock is held while it is served.
type call struct {
	t   *term
	r   *rpc.Request
	now int64
	hp  bool // the answer carries hp_* fields
}

func (c *call) core() *cluster.State { return c.t.core }

// pass tells who serves a request: the term of a leader that is ready, or nobody, and then the
// request is answered already (meta.md 4.1). Native callers are told the leader in the frame, others
// in the answer.
func (s *Server) pass(r *rpc.Request, fail failure) *term {
	t := s.leadingTerm()
	switch {
	case t == nil:
		leader, _ := s.leader()
		if leader == s.self {
			leader = base.RPCAddress{} // what is known of the leader is outdated
		}
		if r.ForwardSupported && leader.IsValid() {
			r.ReplyForward(leader)
		} else {
			r.Reply(fail(base.ErrForwardToOthers, leader))
		}
		return nil
	case !t.ready.Load():
		r.Reply(fail(base.ErrServiceNotActive, base.RPCAddress{}))
		return nil
	}
	return t
}

// request is a generated struct that a handler decodes.
type request[Q any] interface {
	*Q
	thrift.TStruct
}

// answer registers an RPC that is answered at once.
func answer[Q any, P request[Q]](s *Server, name string, fail failure, serve func(c *call, req P) thrift.TStruct) {
	s.rpc.Handle(name, func(r *rpc.Request) {
		t := s.pass(r, fail)
		if t == nil {
			return
		}
		req := P(new(Q))
		if err := r.Decode(req); err != nil {
			s.refuse(r, err)
			return
		}
		resp := fail(base.ErrForwardToOthers, base.RPCAddress{}) // if the term ended meanwhile
		t.do(func(now int64) {
			resp = serve(&call{t: t, r: r, now: now, hp: s.opts.wantsHostPort(r.Dialect)}, req)
		})
		r.Reply(resp)
	})
}

// later registers an RPC that the core answers when it has persisted something.
func later[Q any, P request[Q]](s *Server, name string, fail failure, serve func(c *call, tk cluster.Ticket, req P)) {
	s.rpc.Handle(name, func(r *rpc.Request) {
		t := s.pass(r, fail)
		if t == nil {
			return
		}
		req := P(new(Q))
		if err := r.Decode(req); err != nil {
			s.refuse(r, err)
			return
		}
		refused := base.ErrForwardToOthers // if the term ended meanwhile
		t.do(func(now int64) {
			tk, ok := t.ticket(waitFor(r), s.opts.wantsHostPort(r.Dialect))
			if !ok {
				refused = base.ErrBusy
				return
			}
			refused = base.ErrOK
			serve(&call{t: t, r: r, now: now, hp: tk.HostPort}, tk, req)
		})
		if refused != base.ErrOK {
			r.Reply(fail(refused, base.RPCAddress{}))
		}
	})
}

// refuse answers a request whose body cannot be read.
func (s *Server) refuse(r *rpc.Request, err error) {
	s.opts.Logger.Warn("meta: request cannot be read", "rpc", r.Name, "peer", r.RemoteAddr(), "error", err)
	r.ReplyError(base.ErrInvalidData)
}
