package zkmeta

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/samuel/go-zookeeper/zk"
)

// The shape of the lock, shared with C++ metas and tools: below the lock root a
// directory, in it one ephemeral sequential node per candidate, whose data is
// the candidate's "host:port". The smallest sequence leads.
const (
	lockDirName    = "dsn.meta.server.leader"
	lockNodePrefix = "LOCKNODE"
)

// observeRetry is the pause after a failed look at the lock directory.
const observeRetry = 500 * time.Millisecond

// lockSequence reads the number at the end of a candidate's name. What stands
// before it must end with the prefix; other names are not candidates.
func lockSequence(name string) (int64, bool) {
	digits := len(name) - len(strings.TrimRight(name, "0123456789"))
	head, tail := name[:len(name)-digits], name[len(name)-digits:]
	if !strings.HasSuffix(head, lockNodePrefix) {
		return 0, false
	}
	n, err := strconv.ParseInt(tail, 10, 64)
	return n, err == nil
}

// sortCandidates drops what is no candidate and puts the owner first.
func sortCandidates(names []string) []string {
	out := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, ok := lockSequence(name)
		return !ok
	})
	slices.SortFunc(out, func(a, b string) int {
		x, _ := lockSequence(a)
		y, _ := lockSequence(b)
		return cmp.Or(cmp.Compare(x, y), strings.Compare(a, b))
	})
	return out
}

// candidate is what stands in a candidate's node.
type candidate struct {
	addr    string
	session int64
	version int32
}

func (z *ZooKeeper) readCandidate(ctx context.Context, name string) (candidate, error) {
	return zkCall(ctx, z, func(c *zk.Conn) (candidate, error) {
		data, stat, err := c.Get(Join(z.lockDir, name))
		if err != nil {
			return candidate{}, err
		}
		return candidate{addr: string(data), session: stat.EphemeralOwner, version: stat.Version}, nil
	})
}

// observer follows the lock directory with a watch, for the answer of Leader and
// to wake campaigns and the lease.
type observer struct {
	z *ZooKeeper

	mu      sync.Mutex
	addr    string // of the owner, "" when unknown
	changed chan struct{}
}

func newObserver(z *ZooKeeper) *observer {
	return &observer{z: z, changed: make(chan struct{})}
}

// wait returns a channel that is closed at the next change of the directory.
func (o *observer) wait() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.changed
}

func (o *observer) leader() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.addr
}

func (o *observer) publish(addr string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.addr = addr
	close(o.changed)
	o.changed = make(chan struct{})
}

func (o *observer) run() {
	for {
		names, fired, err := o.list()
		if err == nil {
			err = o.follow(names, fired)
		}
		if errors.Is(err, ErrClosed) {
			return
		}
		if err != nil && !o.pause() {
			return
		}
	}
}

func (o *observer) pause() bool {
	select {
	case <-time.After(observeRetry):
		return true
	case <-o.z.closed:
		return false
	}
}

// follow learns the owner's address and waits until the directory changes. One
// watch is set per change. Once per session timeout it also looks without one:
// the client can lose an event when it sets its watches again after a lost
// connection while other requests are on their way.
func (o *observer) follow(names []string, fired <-chan zk.Event) error {
	look := time.NewTicker(o.z.sessionTimeout())
	defer look.Stop()
	for known := false; ; {
		var retry <-chan time.Time
		if !known {
			addr, err := o.ownerOf(names)
			if known = err == nil; known {
				o.publish(addr)
			} else {
				retry = time.After(observeRetry)
			}
		}
		select {
		case <-fired:
			return nil
		case <-retry:
		case <-look.C:
			now, err := o.z.candidates(context.Background(), false)
			if err == nil && !slices.Equal(now, names) {
				return nil
			}
		case <-o.z.closed:
			return ErrClosed
		}
	}
}

func (o *observer) ownerOf(names []string) (string, error) {
	if len(names) == 0 {
		return "", nil
	}
	c, err := o.z.readCandidate(context.Background(), names[0])
	return c.addr, err
}

// list reads the candidates and sets the watch, on the directory's existence
// while it does not exist.
func (o *observer) list() (names []string, fired <-chan zk.Event, err error) {
	type listing struct {
		names []string
		fired <-chan zk.Event
	}
	l, err := zkCall(context.Background(), o.z, func(c *zk.Conn) (listing, error) {
		names, _, fired, err := c.ChildrenW(o.z.lockDir)
		if !errors.Is(err, zk.ErrNoNode) {
			return listing{sortCandidates(names), fired}, err
		}
		exists, _, fired, err := c.ExistsW(o.z.lockDir)
		if exists && err == nil {
			err = zk.ErrNoNode // made in between: look again
		}
		return listing{nil, fired}, err
	})
	return l.names, l.fired, err
}

// Leader answers from the observer's last look. Cut off for longer than a
// session, it says that it does not know.
func (z *ZooKeeper) Leader(ctx context.Context) (string, bool, error) {
	if err := ctx.Err(); err != nil {
		return "", false, wrap("leader", "", err)
	}
	if at := z.disconnectedAt.Load(); at != 0 && time.Since(time.Unix(0, at)) > z.sessionTimeout() {
		return "", false, nil
	}
	addr := z.observer.leader()
	return addr, addr != "", nil
}
