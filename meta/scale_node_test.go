package meta

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/fd"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/gen-go/metadata"
	"github.com/pegasus-go/pegasus/internal/host"
	"github.com/pegasus-go/pegasus/rpc"
)

const (
	scaleSyncRetry = 500 * time.Millisecond
	scaleRPCMs     = 5000
)

// scalePace is how often a replica server speaks to the meta server, and how long it may be silent.
type scalePace struct{ beacon, sync, grace time.Duration }

var (
	scaleDefaults = scalePace{time.Second, 10 * time.Second, 8 * time.Second} // as configured by default
	scaleHurried  = scalePace{300 * time.Millisecond, 2 * time.Second, 2500 * time.Millisecond}
)

// scaleFleet is the replica servers of a scale test. They send what real ones send to the meta server, at the same
// periods, and do what it proposes, but hold no data, so that hundreds of them fit a process.
type scaleFleet struct {
	t     testing.TB
	metas []base.RPCAddress
	pace  scalePace
	mu    sync.Mutex
	nodes map[base.RPCAddress]*scaleNode

	beacons, syncs, syncBytes, proposals, updates atomic.Int64
	silence                                       atomic.Int64 // ns: how old an acknowledged beacon got before the next one was acknowledged, at most
}

// scaleNode is one of them.
type scaleNode struct {
	f       *scaleFleet
	addr    base.RPCAddress
	srv     *rpc.Server
	pool    *rpc.Pool
	startMs int64
	stop    context.CancelFunc
	done    sync.WaitGroup
	syncNow chan struct{}

	mu        sync.Mutex
	leader    int // index into the fleet's metas
	connected bool
	acked     time.Time // when the last acknowledged beacon was sent
	held      map[base.Gpid]scaleReplica
}

// scaleReplica is what a server knows of a replica it holds.
type scaleReplica struct {
	ballot int64
	status metadata.PartitionStatus
}

// start adds a server. listen names its address; port 0 is a new one.
func (f *scaleFleet) start(listen string) *scaleNode {
	f.t.Helper()
	n := &scaleNode{
		f: f, startMs: time.Now().UnixMilli(), held: map[base.Gpid]scaleReplica{}, syncNow: make(chan struct{}, 1),
		srv: rpc.NewServer(rpc.ServerOptions{Logger: quiet()}),
	}
	addr, err := n.srv.Listen(listen)
	if err != nil {
		f.t.Fatal(err)
	}
	n.addr, n.pool = addr, rpc.NewPool(rpc.PoolOptions{From: addr, Logger: quiet()})
	n.srv.Handle("RPC_CONFIG_PROPOSAL", n.onProposal)
	f.mu.Lock()
	f.nodes[addr] = n
	f.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	n.stop = cancel
	n.done.Go(func() { _ = n.srv.Serve() })
	n.done.Go(func() { n.beaconLoop(ctx) })
	n.done.Go(func() { n.syncLoop(ctx) })
	f.t.Cleanup(n.kill)
	return n
}

// kill ends the server without a word.
func (n *scaleNode) kill() {
	n.stop()
	n.srv.Close()
	n.pool.Close()
	n.done.Wait()
	n.f.mu.Lock()
	if n.f.nodes[n.addr] == n {
		delete(n.f.nodes, n.addr)
	}
	n.f.mu.Unlock()
}

func (f *scaleFleet) node(at base.RPCAddress) *scaleNode {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.nodes[at]
}

func (n *scaleNode) meta() base.RPCAddress {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.f.metas[n.leader]
}

func (n *scaleNode) beaconLoop(ctx context.Context) {
	for pause := time.Duration(0); host.Sleep(host.System, ctx, pause); {
		pause = n.f.pace.beacon
		if !n.beacon(ctx) {
			pause = 50 * time.Millisecond
		}
	}
}

func (n *scaleNode) beacon(ctx context.Context) bool {
	to, sent := n.meta(), time.Now()
	body := rpc.AppendValue(nil, rpc.FieldNative, &fd.BeaconMsg{
		Time: sent.UnixMilli(), FromNode: n.addr.Ptr(), ToNode: to.Ptr(), StartTime: &n.startMs,
	})
	var ack fd.BeaconAck
	limit, cancel := context.WithTimeout(ctx, n.f.pace.beacon*2/3)
	defer cancel()
	err := n.pool.Call(limit, to, rpc.Call{Name: "RPC_FD_FAILURE_DETECTOR_PING", TimeoutMs: scaleRPCMs, Body: body}, &ack)
	n.mu.Lock()
	defer n.mu.Unlock()
	if err != nil || !ack.IsMaster {
		n.leader = (n.leader + 1) % len(n.f.metas)
		if i := slices.Index(n.f.metas, ack.PrimaryNode.Val()); err == nil && i >= 0 {
			n.leader = i
		}
		n.connected = false
		return false
	}
	n.f.beacons.Add(1)
	if age := time.Since(n.acked).Nanoseconds(); !n.acked.IsZero() {
		for old := n.f.silence.Load(); age > old && !n.f.silence.CompareAndSwap(old, age); old = n.f.silence.Load() {
		}
	}
	n.acked = sent
	if !n.connected {
		n.connected = true
		select {
		case n.syncNow <- struct{}{}:
		default:
		}
	}
	return true
}

func (n *scaleNode) syncLoop(ctx context.Context) {
	pause, inTurn := n.f.pace.sync, false
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.syncNow:
			inTurn = false
		case <-time.After(pause):
		}
		pause = n.f.pace.sync
		switch ok := n.sync(ctx); {
		case !ok:
			pause, inTurn = scaleSyncRetry, false
		case !inTurn:
			pause, inTurn = rand.N(pause), true
		}
	}
}

// sync reports what is held and takes over what the meta says. False: to be repeated soon.
func (n *scaleNode) sync(ctx context.Context) bool {
	var resp metaadmin.ConfigurationQueryByNodeResponse
	answered := make(chan base.ErrorCode, 1)
	n.pool.Go(n.meta(), rpc.Call{
		Name: "RPC_CM_CONFIG_SYNC", TimeoutMs: scaleRPCMs, Body: rpc.AppendValue(nil, rpc.FieldNative, n.report()),
	}, func(code base.ErrorCode, body []byte) {
		if code == base.ErrOK {
			n.f.syncBytes.Add(int64(len(body)))
			if _, err := rpc.ReadValue(body, &resp); err != nil {
				n.f.t.Errorf("answer to a config sync cannot be read: %v", err)
			}
		}
		answered <- code
	})
	select {
	case code := <-answered:
		if code != base.ErrOK || resp.Err.Val() != base.ErrOK {
			return false
		}
	case <-ctx.Done():
		return false
	}
	n.f.syncs.Add(1)
	for _, p := range resp.Partitions {
		n.adopt(p.Config)
	}
	return true
}

func (n *scaleNode) report() *metaadmin.ConfigurationQueryByNodeRequest {
	n.mu.Lock()
	defer n.mu.Unlock()
	req := &metaadmin.ConfigurationQueryByNodeRequest{
		Node: n.addr.Ptr(), Info: &metaadmin.ReplicaServerInfo{GeoTags: map[string]string{}, TotalCapacityMb: 1 << 20},
		StoredReplicas: make([]*metadata.ReplicaInfo, 0, len(n.held)),
	}
	for g, r := range n.held {
		req.StoredReplicas = append(req.StoredReplicas, &metadata.ReplicaInfo{
			Pid: g.Ptr(), Ballot: r.ballot, Status: r.status, LastCommittedDecree: 1000, LastPreparedDecree: 1001, LastDurableDecree: 900,
			AppType: "pegasus", DiskTag: "disk1",
		})
	}
	return req
}

// adopt takes over a newer configuration.
func (n *scaleNode) adopt(c *layer2.PartitionConfiguration) {
	status := metadata.PartitionStatus_PS_INACTIVE
	switch {
	case c.Primary.Val() == n.addr:
		status = metadata.PartitionStatus_PS_PRIMARY
	case slices.ContainsFunc(c.Secondaries, func(a *base.RPCAddress) bool { return a.Val() == n.addr }):
		status = metadata.PartitionStatus_PS_SECONDARY
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if old := n.held[*c.Pid]; c.Ballot >= old.ballot {
		n.held[*c.Pid] = scaleReplica{ballot: c.Ballot, status: status}
	}
}

// onProposal asks for the change that was proposed; a learner has learned at once. When the meta has agreed, all members
// are told, as a group check does.
func (n *scaleNode) onProposal(r *rpc.Request) {
	var req metaadmin.ConfigurationUpdateRequest
	if err := r.Decode(&req); err != nil {
		n.f.t.Errorf("proposal cannot be read: %v", err)
	}
	r.Drop()
	n.f.proposals.Add(1)
	was := req.Config
	members := append([]*base.RPCAddress{was.Primary, req.Node}, was.Secondaries...)
	n.pool.Go(n.meta(), rpc.Call{
		Name: "RPC_CM_UPDATE_PARTITION_CONFIGURATION", TimeoutMs: scaleRPCMs, Body: rpc.AppendValue(nil, rpc.FieldNative, proposedUpdate(&req)),
	}, func(code base.ErrorCode, body []byte) {
		var resp metaadmin.ConfigurationUpdateResponse
		if code != base.ErrOK {
			return
		}
		if _, err := rpc.ReadValue(body, &resp); err != nil {
			n.f.t.Errorf("answer to an update cannot be read: %v", err)
			return
		}
		if resp.Err.Val() != base.ErrOK {
			return
		}
		n.f.updates.Add(1)
		for _, m := range members {
			if to := n.f.node(m.Val()); to != nil {
				to.adopt(resp.Config)
			}
		}
	})
}
