package replica

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/internal/host"
	"github.com/pegasus-go/pegasus/replica/disk"
	"github.com/pegasus-go/pegasus/replica/nfs"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/rpc"
	"github.com/pegasus-go/pegasus/rrdb"
)

// Server is one replica server.
type Server struct {
	opts       Options
	host       host.Host
	log        *slog.Logger
	self       base.RPCAddress
	engine     *rrdb.Engine
	disks      *disk.Manager
	rpc        *rpc.Server
	pool       rpc.Caller
	filePool   rpc.Caller // connections of its own for files: a prepare or its answer must not wait behind blocks of megabytes
	meta       *metaClient
	files      *nfs.Client
	fileServer *nfs.Server

	started     time.Duration // of the host's clock that never jumps
	startUnixMs int64
	lease       lease
	connected   atomic.Bool
	denyClients atomic.Bool
	leaving     atomic.Bool  // primaries are being handed over; see refuseByRole
	writeBytes  atomic.Int64 // of writes that are not answered yet
	answers     answers      // of long reads
	syncNow     chan struct{}
	readers     *workers
	journals    journals
	learnSlots  host.Slots
	triggering  atomic.Bool  // stores are flushed for an operator
	compacting  atomic.Int64 // manual compactions that run

	ctx    context.Context
	cancel context.CancelFunc
	tasks  host.Group

	// replicas is replaced, never modified, so that requests look it up without a lock.
	replicas atomic.Pointer[replicaSet]

	mu      sync.Mutex
	opening map[base.Gpid][]func(*partition)
	refused map[base.Gpid]time.Time     // when a replica could last not be opened
	shut    map[base.Gpid]closedReplica // closed replicas whose directories are here
	stopped bool
}

// NewServer opens the data directories and everything in them. Nothing is served before Start.
func NewServer(o Options) (*Server, error) {
	o = o.withDefaults()
	if len(o.Metas) == 0 {
		return nil, errors.New("replica server: no meta servers given; set [meta_server] server_list")
	}
	s := &Server{
		opts: o, host: o.Host, log: o.Logger, started: o.Host.Elapsed(), startUnixMs: o.Host.Now().UnixMilli(), syncNow: make(chan struct{}, 1),
		readers: newWorkers(o.Host, o.LongReadsMax, o.LongReadsQueuedMax), learnSlots: host.NewSlots(o.LearnCopiesMax),
		tasks: host.Group{On: o.Host}, journals: journals{byTag: map[string]journal{}},
		opening: map[base.Gpid][]func(*partition){}, refused: map[base.Gpid]time.Time{}, shut: map[base.Gpid]closedReplica{},
	}
	s.answers.max = o.Memory.OutBuffers
	s.readers.panicked = func(r any) { s.log.Error("job panicked", "panic", r, "stack", string(debug.Stack())) }
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.replicas.Store(newReplicaSet(map[base.Gpid]*partition{}))
	s.denyClients.Store(o.DenyClientOnStart)
	var err error
	if s.disks, err = openDisks(o); err != nil {
		return nil, err
	}
	o.Engine.FS, o.Engine.Logger = o.FS, o.Logger
	s.engine = rrdb.NewEngine(o.Engine)
	if o.Address != "" {
		if s.self, err = base.ResolveAddress(o.Address); err != nil {
			return nil, fatal("address", err)
		}
	}
	o.RPC.Logger, o.RPC.Address = o.Logger, s.self
	s.rpc = rpc.NewServer(o.RPC)
	s.register()
	return s, nil
}

// Start listens, loads the replicas, and joins the cluster.
func (s *Server) Start() error {
	bound, err := s.opts.Net.Listen(s.rpc, s.opts.Listen)
	if err != nil {
		return err
	}
	if !s.self.IsValid() {
		s.self = bound
	}
	s.log = s.log.With("node", s.self.String())
	s.pool = s.opts.Net.Caller(rpc.PoolOptions{
		From: s.self, OutBufferBytesTotalMax: s.opts.PeerBufferBytesTotalMax, InBufferBytesTotalMax: s.opts.PeerBufferBytesTotalMax, Logger: s.log,
	})
	// What the blocks of files in flight may take bounds this pool's buffers.
	s.filePool = s.opts.Net.Caller(rpc.PoolOptions{From: s.self, Logger: s.log})
	s.meta = newMetaClient(s.host, s.pool, s.opts.Metas, s.opts.MetaTimeout)
	s.files = s.newFileClient()
	if err := s.load(); err != nil {
		return err
	}
	s.tasks.Go(func() {
		if err := s.opts.Net.Serve(s.rpc); err != nil && s.ctx.Err() == nil {
			s.log.Error("serve", "err", err)
		}
	})
	s.tasks.Go(s.beaconLoop)
	s.tasks.Go(s.syncLoop)
	s.tasks.Go(s.tickLoop)
	s.tasks.Go(s.checkpointLoop)
	s.tasks.Go(s.diskLoop)
	return nil
}

// Addr is the address that this server tells others.
func (s *Server) Addr() base.RPCAddress { return s.self }

// StartUnixMs tells this process from those that served the same address before; beacons carry it.
func (s *Server) StartUnixMs() int64 { return s.startUnixMs }

// Close stops serving, flushes every store and leaves nothing to replay.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		return nil
	}
	s.stopped = true
	s.mu.Unlock()
	s.cancel()
	wg := host.Group{On: s.host}
	for _, p := range s.partitions() {
		wg.Go(p.stop)
	}
	wg.Wait()
	err := s.rpc.Close()
	s.readers.close()
	for _, pool := range []rpc.Caller{s.pool, s.filePool} {
		if pool != nil {
			err = errors.Join(err, pool.Close())
		}
	}
	s.tasks.Wait()
	return errors.Join(err, s.journals.close(), s.engine.Close(), s.disks.Close())
}

// Abandon is Close for a server whose disks are gone: nothing is written any more.
func (s *Server) Abandon() error {
	s.engine.Abandon(errAbandoned)
	return s.Close()
}

var errAbandoned = errors.New("the server was abandoned")

func (s *Server) register() {
	for name, h := range map[string]rpc.Handler{
		"RPC_PREPARE":                 s.onPrepare,
		"RPC_GROUP_CHECK":             s.onGroupCheck,
		"RPC_LEARN_ADD_LEARNER":       s.onAddLearner,
		"RPC_LEARN":                   s.onLearn,
		"RPC_LEARN_COMPLETION_NOTIFY": s.onCompletion,
		"RPC_REMOVE_REPLICA":          s.onRemoveReplica,
		"RPC_CONFIG_PROPOSAL":         s.onProposal,
		"RPC_NEGOTIATION":             rpc.NegotiationDisabled,
	} {
		s.rpc.Handle(name, h)
	}
	s.registerAdmin()
	s.registerFiles()
	s.rpc.HandleStorage(s.onStorage)
	if !s.opts.NoHTTP {
		s.rpc.HandleHTTP(s.httpHandler())
	}
}

// monoMs is the time since start, unmoved by changes of the wall clock.
func (s *Server) monoMs() int64 { return (s.host.Elapsed() - s.started).Milliseconds() + 1 }

func (s *Server) clock() pacifica.Clock {
	return pacifica.Clock{MonoMs: s.monoMs(), WallUs: s.host.Now().UnixMicro()}
}

// sleep waits; false when the server is closing.
func (s *Server) sleep(d time.Duration) bool { return host.Sleep(s.host, s.ctx, d) }

// tickLoop lets time pass for the cores whose deadline has come.
func (s *Server) tickLoop() {
	for s.sleep(s.opts.TickInterval) {
		s.checkLease()
		s.sharePrepareLists()
		now := s.monoMs()
		for _, p := range s.partitions() {
			if p.view.Load().deadlineMs <= now {
				p.post(pacifica.Tick{})
				continue
			}
			p.mail.nudge()
		}
	}
}

// fatal wraps what makes a start impossible with the place it happened.
func fatal(what string, err error) error { return fmt.Errorf("replica server: %s: %w", what, err) }
