package client

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
)

const queryCfgCode = "RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX"

// partitionsMax bounds what a routing answer may claim.
const partitionsMax = 1 << 20

// routing is who serves what of one table; immutable once published.
type routing struct {
	appID int32
	parts []partitionRoute
}

type partitionRoute struct {
	primary base.RPCAddress // invalid while nobody is primary
	ballot  int64           // < 0: a split child that does not serve yet
}

// locate maps a key hash to the partition that serves it. While a split runs, the rows of a child
// that is not registered yet are at its parent, half the count lower (wire.md 7.2).
func (r *routing) locate(hash uint64) (int32, base.RPCAddress) {
	count := int32(len(r.parts))
	i := base.PartitionIndex(hash, count)
	if r.parts[i].ballot < 0 && i >= count/2 {
		i -= count / 2
	}
	return i, r.parts[i].primary
}

// validConfig: the count is believable and every partition lies within it.
func validConfig(resp *layer2.QueryCfgResponse) bool {
	n := resp.PartitionCount
	for _, p := range resp.Partitions {
		if p.GetPid() == nil || p.Pid.PartitionIndex < 0 || p.Pid.PartitionIndex >= n {
			return false
		}
	}
	return n > 0 && n <= partitionsMax
}

func routingOf(resp *layer2.QueryCfgResponse) (*routing, bool) {
	if !validConfig(resp) || len(resp.Partitions) == 0 {
		return nil, false
	}
	r := &routing{appID: resp.AppID, parts: make([]partitionRoute, resp.PartitionCount)}
	for _, p := range resp.Partitions {
		r.parts[p.Pid.PartitionIndex] = partitionRoute{p.GetPrimary().Val(), p.Ballot}
	}
	return r, true
}

// tableCore is the shared state behind every handle on a table.
type tableCore struct {
	c     *Client
	name  string
	route atomic.Pointer[routing]

	mu     sync.Mutex
	flight *refreshFlight // running, or nil
	last   time.Time      // when the last one began
	row    int            // queries before it that came soon after one another
}

// refreshFlight is one routing query that any number of operations wait for. err is set before
// done is closed.
type refreshFlight struct {
	done chan struct{}
	err  error
}

func newTableCore(c *Client, name string) *tableCore { return &tableCore{c: c, name: name} }

// query asks the meta for the whole routing.
func (t *tableCore) query(ctx context.Context) (*routing, error) {
	resp := layer2.NewQueryCfgResponse()
	req := &layer2.QueryCfgRequest{AppName: t.name, PartitionIndices: []int32{}}
	if err := t.c.metas.call(ctx, queryCfgCode, req, resp); err != nil {
		return nil, &Error{Op: "query_cfg", Target: t.name, Code: CodeOf(err), Err: err}
	}
	if code := resp.GetErr().Val(); code != base.ErrOK {
		return nil, &Error{Op: "query_cfg", Target: t.name, Code: code}
	}
	r, ok := routingOf(resp)
	if !ok {
		return nil, &Error{Op: "query_cfg", Target: t.name, Code: base.ErrInvalidData}
	}
	return r, nil
}

// refresh starts a routing query unless one runs, and returns the one to wait for. nil: the routing
// has changed since `seen` was read, so there is nothing to wait for.
func (t *tableCore) refresh(seen *routing) *refreshFlight {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.route.Load() != seen {
		return nil
	}
	if t.flight == nil {
		t.flight = &refreshFlight{done: make(chan struct{})}
		wait := t.nextInterval() - time.Since(t.last)
		t.last = time.Now().Add(max(0, wait))
		go t.fly(t.flight, wait)
	}
	return t.flight
}

// nextInterval is the least time between the last query and the next. A partition that changes hands is without a primary for some
// milliseconds, so the first queries in a row follow each other faster.
func (t *tableCore) nextInterval() time.Duration {
	longest := t.c.opts.RefreshInterval
	if time.Since(t.last) > refreshRowEnds*longest {
		t.row = 0
		return 0
	}
	d := refreshFirst << min(t.row, 20)
	t.row++
	return min(d, longest)
}

func (t *tableCore) fly(f *refreshFlight, wait time.Duration) {
	if wait > 0 && !pause(t.c.life, wait) {
		f.err = t.c.life.Err()
	} else {
		ctx, cancel := context.WithTimeout(t.c.life, t.c.opts.OpTimeout)
		var r *routing
		if r, f.err = t.query(ctx); f.err == nil {
			t.route.Store(r)
		}
		cancel()
	}
	t.mu.Lock()
	t.flight = nil
	t.mu.Unlock()
	close(f.done)
}

// moved reports whether the partition that hash falls into has another primary by now than it had in old: there is no reason to
// pause before it is asked.
func (t *tableCore) moved(old *routing, hash uint64) bool {
	_, from := old.locate(hash)
	_, to := t.route.Load().locate(hash)
	return to.IsValid() && to != from
}

// gone reports that the meta said the table does not exist (any more).
func (f *refreshFlight) gone() bool { return CodeOf(f.err) == base.ErrObjectNotFound }
