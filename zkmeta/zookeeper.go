package zkmeta

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/samuel/go-zookeeper/zk"
)

// ZooKeeperOptions configure a handle. Zero means the default.
type ZooKeeperOptions struct {
	// LockRoot is the directory of the leader's lock: the first word of
	// [meta_server] distributed_lock_service_parameters. Required. Metas that
	// use the same LockRoot elect one leader among them.
	LockRoot string
	// SessionTimeout is what is asked of the server, which may change it.
	// Default 4 s.
	SessionTimeout time.Duration
	// CallTimeout bounds each request, and the wait for a server that has accepted
	// a connection. Default: a third of SessionTimeout.
	CallTimeout time.Duration
	// InFlightMax bounds the requests under way; more wait. Default 64.
	InFlightMax int
	// Logger: default slog.Default().
	Logger *slog.Logger
}

func (o *ZooKeeperOptions) setDefaults() {
	if o.SessionTimeout <= 0 {
		o.SessionTimeout = 4 * time.Second
	}
	if o.CallTimeout <= 0 {
		o.CallTimeout = o.SessionTimeout / 3
	}
	if o.InFlightMax <= 0 {
		o.InFlightMax = 64
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
}

// ZooKeeper is one meta's handle on an ensemble: one session, shared by the
// state and the lock.
type ZooKeeper struct {
	opts    ZooKeeperOptions
	lockDir string
	conn    *zk.Conn
	slots   chan struct{} // one per request under way
	closed  chan struct{}

	sessionMs      atomic.Int64 // negotiated, 0 before the first session
	disconnectedAt atomic.Int64 // Unix nanoseconds, 0 while connected
	gate           sessionGate
	observer       *observer

	mu       sync.Mutex
	isClosed bool
	busy     bool // a Campaign is running
	led      *zkLease
}

// OpenZooKeeper begins a session with one of the hosts ("host:port" each). It
// does not wait for the connection: Campaign does.
func OpenZooKeeper(hosts []string, opts ZooKeeperOptions) (*ZooKeeper, error) {
	opts.setDefaults()
	if err := checkLockRoot(opts.LockRoot); err != nil {
		return nil, wrap("open", opts.LockRoot, err)
	}
	for _, h := range hosts {
		if err := checkHostPort(h); err != nil {
			return nil, wrap("open", "", err)
		}
	}
	z := &ZooKeeper{
		opts:    opts,
		lockDir: Join(opts.LockRoot, lockDirName),
		slots:   make(chan struct{}, opts.InFlightMax),
		closed:  make(chan struct{}),
	}
	z.gate.init()
	z.observer = newObserver(z)
	z.disconnectedAt.Store(time.Now().UnixNano())
	conn, _, err := zk.Connect(hosts, opts.SessionTimeout,
		zk.WithDialer(z.dial),
		zk.WithHostProvider(&hostList{}),
		zk.WithLogger(clientLog{opts.Logger}), zk.WithLogInfo(false),
		zk.WithMaxBufferSize(replyBytesMax),
		zk.WithEventCallback(z.sessionEvent))
	if err != nil {
		return nil, wrap("open", strings.Join(hosts, ","), err)
	}
	z.conn = conn
	go z.observer.run()
	return z, nil
}

func checkLockRoot(root string) error {
	if root == "" {
		return fmt.Errorf("%w: no lock root", ErrInvalid)
	}
	return CheckPath(root)
}

// Close resigns, if leading, and ends the session.
func (z *ZooKeeper) Close() error {
	z.mu.Lock()
	led := z.led
	already := z.isClosed
	z.isClosed = true
	z.mu.Unlock()
	if already {
		return nil
	}
	if led != nil {
		led.Resign()
	}
	close(z.closed)
	done := make(chan struct{})
	go func() { // the client's own Close can wait for a full queue
		z.conn.Close()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(z.opts.CallTimeout):
	}
	return nil
}

// sessionEvent runs on the client's goroutine and must not block.
func (z *ZooKeeper) sessionEvent(e zk.Event) {
	if e.Type != zk.EventSession {
		return
	}
	switch e.State {
	case zk.StateHasSession:
		z.disconnectedAt.Store(0)
		z.gate.connected()
	case zk.StateDisconnected, zk.StateExpired:
		z.disconnectedAt.CompareAndSwap(0, time.Now().UnixNano())
		z.gate.disconnected()
	}
	z.mu.Lock()
	led := z.led
	z.mu.Unlock()
	if led != nil {
		led.poke()
	}
}

// sessionTimeout is what the server granted, or else what was asked for.
func (z *ZooKeeper) sessionTimeout() time.Duration {
	if ms := z.sessionMs.Load(); ms > 0 {
		return time.Duration(ms) * time.Millisecond
	}
	return z.opts.SessionTimeout
}

// leading returns the lease while it is valid.
func (z *ZooKeeper) leading() (*zkLease, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	switch {
	case z.isClosed:
		return nil, ErrClosed
	case z.led == nil || !z.led.Valid():
		return nil, ErrNotLeader
	}
	return z.led, nil
}

// zkCall runs one request of the client, which knows no timeouts of its own, as
// soon as there is a session. A request that was given up keeps its slot until the client lets go of it, which
// it does at the latest when the connection breaks.
func zkCall[T any](ctx context.Context, z *ZooKeeper, request func(*zk.Conn) (T, error)) (T, error) {
	var none T
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, z.opts.CallTimeout)
	defer cancel()
	select {
	case <-z.closed:
		return none, ErrClosed
	case z.slots <- struct{}{}:
	case <-ctx.Done():
		return none, timedOut(caller, "no free slot for the request")
	}
	select {
	case <-z.gate.wait():
	case <-z.closed:
		<-z.slots
		return none, ErrClosed
	case <-ctx.Done():
		<-z.slots
		return none, timedOut(caller, "no session with ZooKeeper")
	}
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	var taken atomic.Bool // by the goroutine, or by the caller who gives up first
	go func() {
		var r result
		if taken.CompareAndSwap(false, true) {
			r.value, r.err = request(z.conn)
		}
		<-z.slots
		done <- r
	}()
	// Given up before it was sent, a request is never sent: it could overtake its
	// own repetition and what was written after that.
	defer taken.Store(true)
	select {
	case r := <-done:
		return r.value, fromZooKeeper(r.err)
	case <-z.closed:
		return none, fmt.Errorf("%w: %w", ErrTimeout, ErrClosed)
	case <-ctx.Done():
		return none, timedOut(caller, "no answer from ZooKeeper ("+z.conn.State().String()+")")
	}
}

// timedOut tells a caller who gave up from a server that did not answer.
func timedOut(caller context.Context, what string) error {
	if err := caller.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	return fmt.Errorf("%w: %s", ErrTimeout, what)
}

// fromZooKeeper maps the client's errors onto our classes. What breaks a
// connection leaves the outcome of a write open.
func fromZooKeeper(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, zk.ErrNoNode):
		return ErrNotExist
	case errors.Is(err, zk.ErrNodeExists):
		return ErrExists
	case errors.Is(err, zk.ErrNotEmpty):
		return ErrNotEmpty
	case errors.Is(err, zk.ErrInvalidPath), errors.Is(err, zk.ErrBadArguments), errors.Is(err, zk.ErrNoChildrenForEphemerals):
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	case errors.Is(err, zk.ErrNoAuth), errors.Is(err, zk.ErrAuthFailed), errors.Is(err, zk.ErrInvalidACL):
		return err
	default:
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	}
}
