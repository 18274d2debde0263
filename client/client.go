package client

import (
	"context"
	"sync"
	"time"

	"github.com/pegasus-go/pegasus/rpc"
)

// Client is a connection to one cluster; it is safe for concurrent use.
type Client struct {
	opts    Options
	pool    *rpc.Pool
	ownPool bool
	metas   *metaGroup
	life    context.Context // ends with Close; background refreshes live in it
	end     context.CancelFunc

	mu     sync.Mutex
	tables map[string]*tableCore
}

// New makes a client of the cluster whose metas are at the given "host:port" texts. It resolves
// names but does not connect; the first call does.
func New(metas []string, opts Options) (*Client, error) {
	opts = opts.withDefaults()
	addrs, err := resolveMetas(metas)
	if err != nil {
		return nil, err
	}
	c := &Client{opts: opts, pool: opts.Pool, tables: make(map[string]*tableCore)}
	if c.pool == nil {
		c.pool = rpc.NewPool(rpc.PoolOptions{
			Dialect: opts.Dialect, ConnsPerPeerMax: opts.ConnsPerPeer, Logger: opts.Logger,
		})
		c.ownPool = true
	}
	c.life, c.end = context.WithCancel(context.Background())
	c.metas = newMetaGroup(c.pool, addrs, opts)
	return c, nil
}

// Close ends background work and, unless the pool was given by the caller, the connections.
// Operations in flight end with an error.
func (c *Client) Close() error {
	c.end()
	if c.ownPool {
		return c.pool.Close()
	}
	return nil
}

// Open returns a handle on a table after its routing was fetched. Tables opened before share their
// routing. ERR_OBJECT_NOT_FOUND: no such table; ERR_BUSY_CREATING: not ready yet.
func (c *Client) Open(ctx context.Context, name string) (*Table, error) {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	c.mu.Lock()
	core := c.tables[name]
	c.mu.Unlock()
	if core != nil && core.route.Load() != nil {
		return &Table{core: core}, nil
	}
	core = newTableCore(c, name)
	r, err := core.query(ctx)
	if err != nil {
		return nil, err
	}
	core.route.Store(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.tables[name]; known != nil {
		core = known
	} else {
		c.tables[name] = core
	}
	return &Table{core: core}, nil
}

// Forget drops the cached routing of a table; the next Open asks the meta.
func (c *Client) Forget(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.tables, name)
}

// Admin returns the admin face of the same client.
func (c *Client) Admin() *Admin { return &Admin{c: c} }

// Metas are the meta servers known now, as "ip:port".
func (c *Client) Metas() []string {
	var out []string
	for _, a := range c.metas.snapshot() {
		out = append(out, a.String())
	}
	return out
}

// bound gives a context without a deadline the default one.
func (c *Client) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.opts.OpTimeout)
}

// remainingMs is the time left in ctx, at least 1 ms.
func remainingMs(ctx context.Context) int32 {
	d, ok := ctx.Deadline()
	if !ok {
		return int32(opTimeoutDefault / time.Millisecond)
	}
	return clampMs(time.Until(d))
}

func clampMs(d time.Duration) int32 {
	return int32(max(1, min(d/time.Millisecond, 1<<30)))
}
