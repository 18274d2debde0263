package client

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/rpc"
)

// metaGroup finds and remembers the leading meta.
type metaGroup struct {
	pool  *rpc.Pool
	hedge time.Duration
	opts  Options

	mu     sync.Mutex
	addrs  []base.RPCAddress
	leader base.RPCAddress // the last one that answered as leader; invalid at first
}

func newMetaGroup(pool *rpc.Pool, addrs []base.RPCAddress, opts Options) *metaGroup {
	return &metaGroup{pool: pool, hedge: opts.MetaHedge, opts: opts, addrs: addrs}
}

// snapshot lists the metas, the presumed leader first.
func (g *metaGroup) snapshot() []base.RPCAddress {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make([]base.RPCAddress, 0, len(g.addrs)+1)
	if g.leader.IsValid() {
		out = append(out, g.leader)
	}
	for _, a := range g.addrs {
		if a != g.leader {
			out = append(out, a)
		}
	}
	return out
}

// learn remembers who leads; an address that was not configured is added while there is room.
func (g *metaGroup) learn(leader base.RPCAddress) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.leader != leader {
		g.opts.Logger.Info("meta leader", "addr", leader.String())
	}
	g.leader = leader
	if !slices.Contains(g.addrs, leader) && len(g.addrs) < metasMax {
		g.addrs = append(g.addrs, leader)
	}
}

// metaResponse is what every answer of a meta has.
type metaResponse interface {
	thrift.TStruct
	GetErr() *base.ErrorCode
}

// call asks the leading meta and decodes its answer into resp. The error of the answer itself
// (resp.err) is not an error of call. It goes round the metas until one answers as leader or ctx
// ends.
func (g *metaGroup) call(ctx context.Context, name string, req thrift.TStruct, resp metaResponse) error {
	body := rpc.AppendValue(nil, g.pool.ArgField(), req)
	last := base.ErrTimeout
	for n := 0; ; n++ {
		r := &metaRound{g: g, name: name, body: body, answers: make(chan metaAnswer, 2*metasMax)}
		answer, code := r.run(ctx)
		if code == base.ErrOK {
			if _, err := rpc.ReadValue(answer, resp); err != nil {
				return &Error{Op: name, Code: base.ErrInvalidData, Err: err}
			}
			return nil
		}
		if definite(code) {
			return &Error{Op: name, Code: code}
		}
		if ctx.Err() == nil || last == base.ErrTimeout {
			last = code
		}
		if !pause(ctx, backoff(n+3)) {
			return &Error{Op: name, Code: last, Err: ctx.Err()}
		}
	}
}

// pause sleeps; false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

type metaAnswer struct {
	from base.RPCAddress
	code base.ErrorCode
	body []byte
}

// metaRound is one walk over the metas: the leader first, the rest when it fails or is slow, hints
// followed at once. Every meta is asked at most once.
type metaRound struct {
	g       *metaGroup
	name    string
	body    []byte
	answers chan metaAnswer
	asked   []base.RPCAddress
	pending int
}

func (r *metaRound) ask(ctx context.Context, to base.RPCAddress) {
	if !to.IsValid() || slices.Contains(r.asked, to) || len(r.asked) >= 2*metasMax {
		return
	}
	r.asked = append(r.asked, to)
	r.pending++
	call := rpc.Call{
		Name: r.name, Body: r.body,
		TimeoutMs: min(remainingMs(ctx), clampMs(metaAttempt)),
	}
	answers := r.answers // cap >= number of questions: never blocks the reader
	r.g.pool.Go(to, call, func(code base.ErrorCode, body []byte) {
		answers <- metaAnswer{to, code, slices.Clone(body)}
	})
}

func (r *metaRound) askAll(ctx context.Context) {
	for _, a := range r.g.snapshot() {
		r.ask(ctx, a)
	}
}

// run returns the leader's answer, or the most telling error when every meta had its say.
func (r *metaRound) run(ctx context.Context) ([]byte, base.ErrorCode) {
	hedge := time.NewTimer(r.g.hedge)
	defer hedge.Stop()
	r.ask(ctx, r.g.snapshot()[0])
	last := base.ErrNetworkFailure
	for r.pending > 0 {
		select {
		case <-ctx.Done():
			return nil, base.ErrTimeout
		case <-hedge.C:
			r.askAll(ctx)
		case a := <-r.answers:
			r.pending--
			v := judge(r.name, a)
			if v.answered {
				r.g.learn(a.from)
				return a.body, base.ErrOK
			}
			if v.code != base.ErrForwardToOthers && !definite(last) {
				last = v.code
			}
			r.ask(ctx, v.hint)
			if r.pending == 0 || !v.hint.IsValid() {
				r.askAll(ctx)
			}
		}
	}
	return nil, last
}

// verdict on one meta's answer.
type verdict struct {
	answered bool // it is the leader's word
	code     base.ErrorCode
	hint     base.RPCAddress
}

// definite frame errors do not go away by asking again.
func definite(code base.ErrorCode) bool {
	switch code {
	case base.ErrHandlerNotFound, base.ErrObjectNotFound, base.ErrInvalidData, base.ErrACLDeny,
		base.ErrUnauthenticated, base.ErrInvalidParameters:
		return true
	}
	return false
}

// judge reads no more of an answer than its error (every response of a meta starts with
// `1: error_code err`) and the hint of a follower.
func judge(name string, a metaAnswer) verdict {
	if a.code == base.ErrForwardToOthers { // native: the body is {0: rpc_address leader}
		hint := base.NewRPCAddress()
		if _, err := rpc.ReadValue(a.body, hint); err != nil {
			hint = base.NewRPCAddress()
		}
		return verdict{code: a.code, hint: hint.Val()}
	}
	if a.code != base.ErrOK {
		return verdict{code: a.code}
	}
	code := leadingErr(a.body)
	switch code {
	case base.ErrForwardToOthers:
		return verdict{code: code, hint: forwardHint(name, a.body)}
	case base.ErrServiceNotActive, base.ErrUnderRecovery:
		return verdict{code: code}
	}
	return verdict{answered: true, code: code}
}

// leadingErr is field 1 of the wrapped response: 0C id id | 0C 00 01 len32 name. ErrOK when the
// response does not start so; decoding it properly then says what is wrong.
func leadingErr(body []byte) base.ErrorCode {
	const head = 3 + 3 + 4
	if len(body) < head || body[0] != 0x0C || body[3] != 0x0C || body[4] != 0 || body[5] != 1 {
		return base.ErrOK
	}
	n := int(uint32(body[6])<<24 | uint32(body[7])<<16 | uint32(body[8])<<8 | uint32(body[9]))
	if n < 0 || n > len(body)-head || n > 128 {
		return base.ErrOK
	}
	return base.ErrorCode{Name: string(body[head : head+n])}
}

// forwardHint is the leader's address that a follower puts into the answer of query_cfg.
func forwardHint(name string, body []byte) base.RPCAddress {
	if name != queryCfgCode {
		return base.RPCAddress{}
	}
	resp := layer2.NewQueryCfgResponse()
	if _, err := rpc.ReadValue(body, resp); err != nil || len(resp.Partitions) == 0 {
		return base.RPCAddress{}
	}
	return resp.Partitions[0].GetPrimary().Val()
}
