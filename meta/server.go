package meta

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/internal/host"
	"github.com/pegasus-go/pegasus/rpc"
	"github.com/pegasus-go/pegasus/zkmeta"
)

// Server is one meta server.
type Server struct {
	opts     Options
	rpc      *rpc.Server
	host     host.Host
	pool     rpc.Caller
	self     base.RPCAddress
	selfHP   base.HostPort
	startMs  int64                // since 1970
	started  time.Duration        // of the host's clock that never jumps
	term     atomic.Pointer[term] // nil: not leading
	resolved sync.Map             // leader's text -> base.RPCAddress
	commands rpc.Commands
	cancel   context.CancelFunc
	done     host.Group
}

// Start opens the port and begins to campaign. The server answers at once, as a follower.
func Start(opts Options) (*Server, error) {
	opts.setDefaults()
	if opts.Backend == nil {
		return nil, errors.New("meta: no backend")
	}
	s := &Server{
		opts: opts, rpc: rpc.NewServer(opts.RPC), host: opts.Host, startMs: opts.Host.Now().UnixMilli(), started: opts.Host.Elapsed(),
		done: host.Group{On: opts.Host}, commands: rpc.Commands{Go: opts.Host.Go},
	}
	addr, err := opts.Net.Listen(s.rpc, opts.Listen)
	if err != nil {
		return nil, fmt.Errorf("meta: %w", err)
	}
	if err := s.identify(addr); err != nil {
		s.rpc.Close()
		return nil, err
	}
	poolOpts := opts.Pool
	poolOpts.Dialect, poolOpts.From = rpc.Native, s.self
	s.pool = opts.Net.Caller(poolOpts)
	s.registerCommands()
	s.registerHandlers()
	s.rpc.HandleHTTP(s.httpHandler())
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.done.Go(func() {
		if err := opts.Net.Serve(s.rpc); err != nil {
			s.opts.Logger.Error("meta: serving ended", "error", err)
		}
	})
	s.done.Go(func() { s.campaign(ctx) })
	return s, nil
}

// identify settles under which address and name others know this meta.
func (s *Server) identify(listening base.RPCAddress) error {
	if s.opts.Name == "" || s.opts.Name == s.opts.Listen && listening.Port() != 0 {
		if a, err := base.ResolveAddress(s.opts.Name); err != nil || a.Port() == 0 {
			s.opts.Name = listening.String() // the port was chosen by the system
		}
	}
	a, err := base.ResolveAddress(s.opts.Name)
	if err != nil {
		return fmt.Errorf("meta: own name: %w", err)
	}
	s.self = a
	hp, err := parseHostPort(s.opts.Name)
	if err != nil {
		return fmt.Errorf("meta: own name: %w", err)
	}
	s.selfHP = hp
	return nil
}

// Addr is where this meta listens.
func (s *Server) Addr() base.RPCAddress { return s.self }

// Leading tells whether this meta leads and has loaded its state.
func (s *Server) Leading() bool {
	t := s.leadingTerm()
	return t != nil && t.ready.Load()
}

// Close gives up leadership and ends everything.
func (s *Server) Close() error {
	s.cancel()
	err := errors.Join(s.rpc.Close(), s.pool.Close())
	s.done.Wait()
	return err
}

// campaign runs elections, one after the other, and leads in between.
func (s *Server) campaign(ctx context.Context) {
	for ctx.Err() == nil {
		lease, err := s.opts.Backend.Campaign(ctx, s.opts.Name)
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, zkmeta.ErrClosed) {
				s.opts.Logger.Warn("meta: campaign failed, trying again", "error", err)
				host.Sleep(s.host, ctx, s.opts.StoreRetry)
				continue
			}
			return
		}
		s.lead(ctx, lease)
	}
}

// lead runs one term.
func (s *Server) lead(ctx context.Context, lease zkmeta.Lease) {
	s.opts.Logger.Info("meta: leading", "self", s.opts.Name)
	t := newTerm(ctx, s, lease)
	s.term.Store(t)
	t.run()
	s.term.CompareAndSwap(t, nil)
	lease.Resign()
	t.end()
	s.opts.Logger.Info("meta: not leading any more", "self", s.opts.Name)
}

// leadingTerm is the current term while leadership is provable.
func (s *Server) leadingTerm() *term {
	if t := s.term.Load(); t != nil && t.lease.Valid() {
		return t
	}
	return nil
}

// leader is the meta that leads as far as this one knows; invalid when it does not, or when it
// would name itself though it does not lead.
func (s *Server) leader() (base.RPCAddress, string) {
	name, known, err := s.opts.Backend.Leader(context.Background())
	if err != nil || !known {
		return base.RPCAddress{}, ""
	}
	if v, ok := s.resolved.Load(name); ok {
		return v.(base.RPCAddress), name
	}
	a, err := base.ResolveAddress(name)
	if err != nil {
		s.opts.Logger.Warn("meta: leader cannot be resolved", "leader", name, "error", err)
		return base.RPCAddress{}, ""
	}
	s.resolved.Store(name, a)
	return a, name
}

// now is milliseconds since 1970 that never run backwards.
func (s *Server) now() int64 { return s.startMs + (s.host.Elapsed() - s.started).Milliseconds() }
