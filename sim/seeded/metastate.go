package seeded

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pegasus-go/pegasus/zkmeta"
)

// stateService is what the meta servers keep their state in: a tree with sessions and a lock, as
// ZooKeeper is. It never fails itself; the links to it do.
type stateService struct {
	w       *World
	net     *network
	machine int
	node    *Node
	nodes   map[string]string
	line    []*session // who holds the lock, then who waits for it
	expired int
	entries int           // into the line, ever
	slow    time.Duration // how much later reads are answered
	// stored is told of every configuration before it takes effect.
	stored func(partition)
}

// sessionTimeout is how long the service waits for a silent client, sessionTrust how long a client
// that hears nothing believes in its session, from when it sent what was answered last.
const (
	sessionTimeout = 6 * time.Second
	sessionTrust   = 4 * time.Second
	sessionPing    = time.Second
)

// session is one meta server's connection to the service.
type session struct {
	s       *stateService
	port    *port
	name    string
	heard   time.Duration // true time, at the service
	dead    bool          // known to the service
	entry   int           // its last into the line; like a lock node's name, none comes twice
	closed  bool
	trusted time.Duration // the client's time until which it believes to lead
	lost    chan struct{}
	won     chan struct{}
	held    int // the entry that won last: under it the client leads, or led
	leads   bool
}

var _ zkmeta.Backend = (*session)(nil)

func newStateService(w *World, net *network, machine int) *stateService {
	s := &stateService{w: w, net: net, machine: machine, node: w.node("state"), nodes: map[string]string{"/": ""}}
	s.expire()
	return s
}

// expire ends sessions that were silent for too long.
func (s *stateService) expire() {
	for _, x := range slices.Clone(s.line) {
		if s.w.now-x.heard > sessionTimeout {
			s.expired++
			s.drop(x, "session expired")
		}
	}
	s.w.at(500*time.Millisecond, s.node, s.expire)
}

func (s *stateService) drop(x *session, why string) {
	x.dead = true
	first := len(s.line) > 0 && s.line[0] == x
	s.line = slices.DeleteFunc(s.line, func(o *session) bool { return o == x })
	if first {
		s.w.trace.line(s.w.now, "state     %s lost the lock: %s", x.name, why)
		s.elect()
	}
}

// elect tells the first in line.
func (s *stateService) elect() {
	if len(s.line) == 0 {
		return
	}
	x, entry := s.line[0], s.line[0].entry
	s.net.carry(s.machine, x.port.machine, x.port.node, func() {
		x.held = entry
		select {
		case x.won <- struct{}{}:
		default:
		}
	})
}

// connect opens a session for a meta server.
func (s *stateService) connect(p *port, name string) *session {
	return &session{s: s, port: p, name: name, heard: s.w.now, lost: make(chan struct{}), won: make(chan struct{}, 1)}
}

// ask runs f at the service and waits for the answer; the outcome is unknown when it does not come.
func (x *session) ask(ctx context.Context, op, path string, f func() error) error {
	if x.closed {
		return &zkmeta.Error{Op: op, Path: path, Err: zkmeta.ErrClosed}
	}
	err, arrived, held := error(nil), make(chan struct{}, 1), x.held
	s := x.s
	s.net.carry(x.port.machine, s.machine, s.node, func() {
		got := x.fenced(held, f)
		answer := func() {
			s.net.carry(s.machine, x.port.machine, x.port.node, func() {
				err = got
				arrived <- struct{}{}
			})
		}
		if s.slow > 0 && (op == "get" || op == "get-each" || op == "children") {
			s.w.at(s.slow, s.node, answer)
		} else {
			answer()
		}
	})
	switch x.port.node.Wait(3*time.Second, arrived, ctx.Done()) {
	case 0:
	case 1:
		err = ctx.Err()
	default:
		err = zkmeta.ErrTimeout
	}
	if err != nil {
		return &zkmeta.Error{Op: op, Path: path, Err: err}
	}
	return nil
}

// fenced runs f only while the entry under which it was asked for holds the lock.
func (x *session) fenced(held int, f func() error) error {
	if x.dead || len(x.s.line) == 0 || x.s.line[0] != x || x.entry != held {
		return zkmeta.ErrNotLeader
	}
	return f()
}

// Get implements zkmeta.Store.
func (x *session) Get(ctx context.Context, path string) (data []byte, err error) {
	err = x.ask(ctx, "get", path, func() error {
		v, ok := x.s.nodes[path]
		if !ok {
			return zkmeta.ErrNotExist
		}
		data = []byte(v)
		return nil
	})
	return data, err
}

// GetEach implements zkmeta.Store.
func (x *session) GetEach(ctx context.Context, paths []string, f func(i int, data []byte, exists bool) error) error {
	type found struct {
		data   string
		exists bool
	}
	var got []found
	err := x.ask(ctx, "get-each", "", func() error {
		for _, p := range paths {
			v, ok := x.s.nodes[p]
			got = append(got, found{v, ok})
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, v := range got {
		if err := f(i, []byte(v.data), v.exists); err != nil {
			return err
		}
	}
	return nil
}

// Children implements zkmeta.Store.
func (x *session) Children(ctx context.Context, path string) (names []string, err error) {
	err = x.ask(ctx, "children", path, func() error {
		if _, ok := x.s.nodes[path]; !ok {
			return zkmeta.ErrNotExist
		}
		names = x.s.children(path)
		return nil
	})
	return names, err
}

func (s *stateService) children(path string) (names []string) {
	prefix := strings.TrimRight(path, "/") + "/"
	for _, p := range slices.Sorted(maps.Keys(s.nodes)) {
		if rest, below := strings.CutPrefix(p, prefix); below && rest != "" && !strings.Contains(rest, "/") {
			names = append(names, rest)
		}
	}
	return names
}

func parent(path string) string {
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		return path[:i]
	}
	return "/"
}

func (s *stateService) create(path string, data []byte) error {
	if _, ok := s.nodes[parent(path)]; !ok {
		return zkmeta.ErrNotExist
	}
	if _, ok := s.nodes[path]; ok {
		return zkmeta.ErrExists
	}
	return s.put(path, data)
}

func (s *stateService) set(path string, data []byte) error {
	if _, ok := s.nodes[path]; !ok {
		return zkmeta.ErrNotExist
	}
	return s.put(path, data)
}

func (s *stateService) remove(path string) error {
	if _, ok := s.nodes[path]; !ok {
		return zkmeta.ErrNotExist
	}
	if len(s.children(path)) > 0 {
		return zkmeta.ErrNotEmpty
	}
	delete(s.nodes, path)
	return nil
}

// Create implements zkmeta.Store.
func (x *session) Create(ctx context.Context, path string, data []byte) error {
	return x.ask(ctx, "create", path, func() error { return x.s.create(path, data) })
}

// CreateAll implements zkmeta.Store.
func (x *session) CreateAll(ctx context.Context, path string, data []byte) error {
	return x.ask(ctx, "create", path, func() error {
		for i := 1; i < len(path); i++ {
			if path[i] == '/' {
				if _, ok := x.s.nodes[path[:i]]; !ok {
					x.s.nodes[path[:i]] = ""
				}
			}
		}
		if _, ok := x.s.nodes[path]; ok {
			return nil
		}
		return x.s.put(path, data)
	})
}

// Set implements zkmeta.Store.
func (x *session) Set(ctx context.Context, path string, data []byte) error {
	return x.ask(ctx, "set", path, func() error { return x.s.set(path, data) })
}

// Delete implements zkmeta.Store.
func (x *session) Delete(ctx context.Context, path string) error {
	return x.ask(ctx, "delete", path, func() error { return x.s.remove(path) })
}

// DeleteAll implements zkmeta.Store.
func (x *session) DeleteAll(ctx context.Context, path string) error {
	return x.ask(ctx, "delete", path, func() error {
		maps.DeleteFunc(x.s.nodes, func(p, _ string) bool { return p == path || strings.HasPrefix(p, path+"/") })
		return nil
	})
}

// Txn implements zkmeta.Store.
func (x *session) Txn(ctx context.Context, ops []zkmeta.Op) error {
	return x.ask(ctx, "txn", "", func() error {
		before := maps.Clone(x.s.nodes)
		for i, op := range ops {
			var err error
			switch op.Kind {
			case zkmeta.OpCreate:
				err = x.s.create(op.Path, op.Data)
			case zkmeta.OpSet:
				err = x.s.set(op.Path, op.Data)
			case zkmeta.OpDelete:
				err = x.s.remove(op.Path)
			}
			if err != nil {
				x.s.nodes = before
				return &zkmeta.TxnError{Index: i, Op: op, Err: err}
			}
		}
		return nil
	})
}

// Campaign implements zkmeta.Election.
func (x *session) Campaign(ctx context.Context, _ string) (zkmeta.Lease, error) {
	s, n := x.s, x.port.node
	for {
		if x.closed {
			return nil, zkmeta.ErrClosed
		}
		sent := n.Elapsed()
		s.net.carry(x.port.machine, s.machine, s.node, func() { s.enter(x) })
		switch n.Wait(sessionPing, x.won, ctx.Done()) {
		case 0:
			return x.lead(sent)
		case 1:
			return nil, ctx.Err()
		}
	}
}

// enter puts a session in line, or hears that it is still there.
func (s *stateService) enter(x *session) {
	x.heard = s.w.now
	if x.closed {
		return
	}
	x.dead = false
	if i := slices.Index(s.line, x); i < 0 {
		s.entries++
		x.entry = s.entries
		s.line = append(s.line, x)
	}
	if s.line[0] == x {
		s.elect()
	}
}

// lead begins a lease: the session is trusted for a while after each answered ping.
func (x *session) lead(sent time.Duration) (zkmeta.Lease, error) {
	n := x.port.node
	x.lost, x.leads, x.trusted = make(chan struct{}), true, sent+sessionTrust
	n.Go(func() {
		for x.leads {
			x.ping()
			if n.Wait(sessionPing, x.lost) == 0 || n.Elapsed() > x.trusted {
				x.end()
			}
		}
	})
	return x, nil
}

func (x *session) ping() {
	s, sent := x.s, x.port.node.Elapsed()
	s.net.carry(x.port.machine, s.machine, s.node, func() {
		alive := !x.dead
		if alive {
			x.heard = s.w.now
		}
		s.net.carry(s.machine, x.port.machine, x.port.node, func() {
			if alive {
				x.trusted = max(x.trusted, sent+sessionTrust)
			} else {
				x.end()
			}
		})
	})
}

func (x *session) end() {
	if x.leads {
		x.leads = false
		close(x.lost)
	}
}

// Lost implements zkmeta.Lease.
func (x *session) Lost() <-chan struct{} { return x.lost }

// Valid implements zkmeta.Lease.
func (x *session) Valid() bool { return x.leads && x.port.node.Elapsed() < x.trusted }

// Resign implements zkmeta.Lease.
func (x *session) Resign() {
	x.end()
	s, held := x.s, x.held
	s.net.carry(x.port.machine, s.machine, s.node, func() {
		if x.entry == held {
			s.drop(x, "resigned")
		}
	})
}

// Leader implements zkmeta.Election: what this machine would be told if it asked.
func (x *session) Leader(context.Context) (string, bool, error) {
	if len(x.s.line) == 0 {
		return "", false, nil
	}
	return x.s.line[0].name, true, nil
}

// Close implements zkmeta.Store.
func (x *session) Close() error {
	x.closed = true
	x.Resign()
	return nil
}
