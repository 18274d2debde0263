package replica

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/internal/host"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/replica/plog"
	"github.com/pegasus-go/pegasus/rpc"
	"github.com/pegasus-go/pegasus/rrdb"
)

// partition is one replica on this server.
type partition struct {
	srv  *Server
	gpid base.Gpid
	dir  string // <data dir>/replica/reps/<app>.<index>.pegasus
	log  *slog.Logger

	app   atomic.Pointer[layer2.AppInfo] // never modified after it was stored
	gates atomic.Pointer[gates]
	store atomic.Pointer[rrdb.Store]
	view  atomic.Pointer[view]
	stats partitionStats

	mail *mailbox
	done chan struct{} // closed when the loop has ended

	// What follows belongs to the loop.
	core      *pacifica.Core
	term      int64 // of the lease under which the role was got
	plog      *plog.Log
	pending   map[uint64]waiting // requests the core knows by token
	lastToken uint64
	metaCalls map[uint64]context.CancelFunc
	batch     rpc.Batch // answers and messages of one turn leave together
	appends   []plog.Entry
	logged    []item           // what appends will be answered with
	events    []pacifica.Event // of a turn
	backlog   backlog
	turnMs    int64 // monotonic time of the last step
	closing   *pacifica.Close
	behind    bool // the store refused a mutation that the core counts as committed
	// lastPrepare is the prepare that was built last; every secondary gets the same bytes.
	lastPrepare struct {
		mutation  *pacifica.Mutation
		role      pacifica.Status
		signature int64
		body      []byte
		arrivals  *arrivals
	}
	ctx    context.Context // ends with the partition
	cancel context.CancelFunc
	tasks  host.Group

	checkpoints checkpointKeeper
	compaction  manualCompaction
	flushedNs   atomic.Int64 // when the store was last flushed by tidy
	keepLog     atomic.Bool  // an operator stopped log collection
	// prepareListMax is what the core was last told; see sharePrepareLists.
	prepareListMax atomic.Int64
}

// view is what the loop publishes for everybody else; it is never modified.
type view struct {
	status        pacifica.Status
	transient     bool
	ballot        int64
	primary       pacifica.Node
	secondaries   []pacifica.Node
	reads         bool // linearizable reads may be answered, as far as the role goes
	writes        base.ErrorCode
	lastCommitted int64
	lastPrepared  int64
	deadlineMs    int64
	roleMs        int64
	learners      []pacifica.Node
	listBytes     int64 // committed mutations in the prepare list
	phase         pacifica.LearnPhase
	term          int64 // of the lease, see partition.term
	leaving       bool  // the meta server was asked for a configuration and has not answered
}

// member reports whether the replica holds a vote in the group.
func (v *view) member() bool { return v.status == pacifica.Primary || v.status == pacifica.Secondary }

func (p *partition) publish() {
	cfg := p.core.Config()
	old := p.view.Load()
	phase, _ := p.core.LearnProgress()
	v := &view{
		status: p.core.Status(), transient: p.core.Transient(), ballot: cfg.Ballot, primary: cfg.Primary, secondaries: cfg.Secondaries,
		reads: p.core.ReadsAllowed(), writes: p.core.WritesAllowed(),
		lastCommitted: p.core.LastCommitted(), lastPrepared: p.core.LastPrepared(), deadlineMs: p.nextDeadlineMs(), phase: phase, term: p.term, leaving: p.core.Reconfiguring(),
		listBytes: p.core.PrepareListBytes(),
	}
	if p.closing != nil || p.behind {
		v.reads, v.writes = false, base.ErrInvalidState
	}
	if v.status == pacifica.Primary {
		v.learners = p.core.Learners()
	}
	v.roleMs = p.srv.monoMs()
	if old != nil && old.status == v.status {
		v.roleMs = old.roleMs
	}
	if old != nil && (old.status != v.status || old.ballot != v.ballot) {
		p.log.Info("role", "status", v.status, "ballot", v.ballot, "was", old.status, "committed", v.lastCommitted, "prepared", v.lastPrepared)
	}
	p.view.Store(v)
	if o := p.srv.opts.Observer; o != nil {
		o.Turned(p.state(v))
	}
}

// post gives an event to the loop; it is lost when the replica is closed.
func (p *partition) post(ev pacifica.Event) bool { return p.mail.put(item{event: ev}) }

// postRequest gives an event that answers a request; a closed replica refuses the request.
func (p *partition) postRequest(ev pacifica.Event, req *rpc.Request) {
	if !p.mail.put(item{event: ev, req: req}) {
		req.ReplyError(base.ErrObjectNotFound)
	}
}

// loop is the life of the partition.
func (p *partition) loop() {
	defer close(p.done)
	var items, spare []item
	for p.closing == nil {
		items = p.mail.take(spare)
		p.turn(items)
		p.publish()
		p.batch.Flush()
		clear(items)
		spare = items
	}
	p.shutdown()
}

// turn does what the items ask for.
func (p *partition) turn(items []item) {
	events, onlyWriting := p.events[:0], true
	for i := range items {
		it := &items[i]
		if it.run != nil {
			p.step(events)
			p.catchUp()
			events, onlyWriting = events[:0], false
			it.run()
			continue
		}
		events = append(events, p.tokenize(it))
		onlyWriting = onlyWriting && writing(it.event)
	}
	p.step(events)
	if !p.mayLag(onlyWriting) {
		p.catchUp()
	}
	p.events = events
}

func (p *partition) step(events []pacifica.Event) {
	if len(events) == 0 || p.closing != nil {
		return
	}
	clock := p.srv.clock()
	p.turnMs = clock.MonoMs
	effects := p.core.Step(clock, events...)
	if p.view.Load().reads && !p.core.ReadsAllowed() {
		p.publish() // before the effects, which may make somebody else primary
	}
	p.execute(effects)
}

// tokenize remembers the request behind an event under a new token.
func (p *partition) tokenize(it *item) pacifica.Event {
	if it.req == nil {
		return it.event
	}
	p.lastToken++
	p.pending[p.lastToken] = waiting{req: it.req, bytes: it.bytes}
	it.req.DeferFlush(&p.batch)
	switch ev := it.event.(type) {
	case pacifica.Write:
		ev.Update.Token = p.lastToken
		return ev
	case pacifica.PrepareReceived:
		ev.Token = p.lastToken
		return ev
	case pacifica.GroupCheckReceived:
		ev.Token = p.lastToken
		return ev
	case pacifica.LearnReceived:
		ev.Token = p.lastToken
		return ev
	case pacifica.CompletionReceived:
		ev.Token = p.lastToken
		return ev
	}
	return it.event
}

// waiting is a request that the core has not answered yet. bytes is what a write counts against
// the server's limit.
type waiting struct {
	req   *rpc.Request
	bytes int
}

// request gives back the request behind a token, once.
func (p *partition) request(token uint64) *rpc.Request {
	w, ok := p.pending[token]
	if ok {
		delete(p.pending, token)
		p.srv.writeBytes.Add(-int64(w.bytes))
	}
	return w.req
}

// shutdown ends everything the loop owned. The directory stays unless the data is damaged.
func (p *partition) shutdown() {
	for _, it := range p.mail.close() {
		if it.req != nil {
			p.srv.writeBytes.Add(-int64(it.bytes))
			it.req.ReplyError(base.ErrInvalidState)
		}
	}
	for token, w := range p.pending {
		if req := p.request(token); w.bytes > 0 {
			req.Drop() // a write: nobody knows what becomes of it
		} else {
			req.ReplyError(base.ErrInvalidState)
		}
	}
	p.cancel()
	for _, cancel := range p.metaCalls {
		cancel()
	}
	p.publish()
	p.batch.Flush()
	p.tasks.Wait()
	reason := p.closing.Err
	if err := p.plog.Close(); err != nil && reason == nil {
		p.log.Warn("close log", "err", err)
	}
	if s := p.store.Load(); s != nil {
		if err := s.Close(); err != nil && !errors.Is(err, reason) {
			p.log.Warn("close store", "err", err)
		}
	}
	p.srv.closed(p, reason)
}

// abandon gives back what opening took, for a replica whose loop will never run.
func (p *partition) abandon() {
	p.cancel()
	if err := errors.Join(p.plog.Close(), p.store.Load().Close()); err != nil {
		p.log.Warn("close a replica that is not needed any more", "err", err)
	}
}

// stop closes the replica from outside and waits for its end.
func (p *partition) stop() {
	p.mail.put(item{run: func() { p.closing = &pacifica.Close{} }})
	p.srv.host.Recv(p.done)
}
