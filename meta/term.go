package meta

import (
	"context"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/apache/thrift/lib/go/thrift"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/internal/host"
	"github.com/pegasus-go/pegasus/meta/cluster"
	"github.com/pegasus-go/pegasus/rpc"
	"github.com/pegasus-go/pegasus/zkmeta"
)

// term is one leadership: the core and what it waits for.
type term struct {
	s      *Server
	lease  zkmeta.Lease
	ctx    context.Context // ends with the term
	cancel context.CancelFunc
	tree   tree
	ready  atomic.Bool // state is loaded
	writes writeQueue
	work   host.Group

	mu         sync.Mutex
	core       *cluster.State
	tickets    map[uint64]waiter
	lastTicket uint64
	ended      bool
	answers    map[answerKey]encodedAnswer // encoded answers to query_cfg
}

func newTerm(ctx context.Context, s *Server, lease zkmeta.Lease) *term {
	t := &term{
		s: s, lease: lease,
		tree:    newTree(s.opts.Backend, s.opts.ClusterRoot),
		core:    cluster.New(s.opts.Cluster),
		tickets: map[uint64]waiter{},
		writes:  newWriteQueue(),
		answers: map[answerKey]encodedAnswer{},
		work:    host.Group{On: s.host},
	}
	t.core.SetAllowList(s.opts.AllowList)
	t.ctx, t.cancel = context.WithCancel(ctx)
	return t
}

// run loads the state and lets time pass until leadership ends.
func (t *term) run() {
	t.work.Go(func() {
		t.s.host.Wait(host.Forever, t.lease.Lost(), t.ctx.Done())
		t.cancel()
	})
	if !t.load() {
		return
	}
	for range t.s.opts.StoreWorkers {
		t.work.Go(t.persistLoop)
	}
	t.do(func(int64) { t.ready.Store(true) })
	t.s.registerLeaderCommands()
	defer t.s.unregisterLeaderCommands()
	for host.Sleep(t.s.host, t.ctx, t.s.opts.TickEvery) {
		t.do(t.core.Tick)
	}
}

// end releases everybody who waits. What they asked for may or may not happen.
func (t *term) end() {
	t.cancel()
	t.mu.Lock()
	t.ended = true
	waiting := t.tickets
	t.tickets = nil
	t.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(waiting)) {
		waiting[id].abandon()
	}
	t.work.Wait()
}

// stepDown ends the term because the store cannot be relied on.
func (t *term) stepDown(why string, err error) {
	if t.ctx.Err() == nil {
		t.s.opts.Logger.Error("meta: stepping down", "reason", why, "error", err)
	}
	t.cancel()
}

// do calls the core and carries out what it wants.
func (t *term) do(f func(now int64)) {
	for _, send := range t.locked(f) {
		send()
	}
}

// locked is do up to the point where the network comes in. A panic of the core ends the term: what
// it left half done is thrown away, the next term starts from what is persisted.
func (t *term) locked(f func(now int64)) (sends []func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			sends = nil
			t.stepDown("panic", fmt.Errorf("%v\n%s", p, debug.Stack()))
		}
	}()
	f(t.s.now())
	return t.settle(t.core.Take())
}

// settle carries out effects, except those that touch the network: they are returned and run
// without the lock.
func (t *term) settle(effects []cluster.Effect) (sends []func()) {
	for _, e := range effects {
		switch e := e.(type) {
		case cluster.PersistApp:
			t.writes.push(write{app: e.Info})
		case cluster.PersistPartition:
			t.writes.push(write{config: &e.Config, data: encodeConfig(&e.Config, t.core.HostPort)})
		case cluster.Propose:
			sends = append(sends, func() { t.propose(e) })
		case cluster.Reply:
			if w, ok := t.tickets[e.Ticket.ID]; ok {
				delete(t.tickets, e.Ticket.ID)
				sends = append(sends, func() { w.reply(e.Response) })
			}
		case cluster.Note:
			if e.Warn {
				t.s.opts.Logger.Warn("meta: " + e.Text)
			} else {
				t.s.opts.Logger.Info("meta: " + e.Text)
			}
		}
	}
	return sends
}

// waiter is somebody who waits for the core's answer. Exactly one of the two is called.
type waiter struct {
	reply   func(v thrift.TStruct) // nil: there is no answer
	abandon func()                 // the term ended, nobody knows
}

func waitFor(r *rpc.Request) waiter {
	return waiter{
		reply: func(v thrift.TStruct) {
			if v == nil {
				r.Drop()
			} else {
				r.Reply(v)
			}
		},
		abandon: func() { r.ReplyError(base.ErrTimeout) },
	}
}

func (t *term) propose(e cluster.Propose) {
	t.s.pool.Send(e.To, rpc.Call{
		Name: "RPC_CONFIG_PROPOSAL",
		Body: rpc.AppendValue(nil, rpc.FieldNative, e.Request),
	})
}

// ticket makes a ticket for somebody who is answered later; false when too many wait. Called with
// the lock held.
func (t *term) ticket(w waiter, hostPort bool) (cluster.Ticket, bool) {
	if len(t.tickets) >= t.s.opts.WaitingMax {
		return cluster.Ticket{}, false
	}
	t.lastTicket++
	t.tickets[t.lastTicket] = w
	return cluster.Ticket{ID: t.lastTicket, HostPort: hostPort}, true
}
