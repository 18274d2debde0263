package meta

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/apache/thrift/lib/go/thrift"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/fd"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/gen-go/metadata"
	"github.com/pegasus-go/pegasus/internal/host"
	"github.com/pegasus-go/pegasus/rpc"
)

// fakeReplica speaks the control RPCs of a replica server without storing anything: it sends
// beacons, syncs its configuration, obeys proposals and reports what it holds.
type fakeReplica struct {
	t     testing.TB
	addr  base.RPCAddress
	srv   *rpc.Server
	pool  *rpc.Pool
	metas []base.RPCAddress
	start int64
	stop  context.CancelFunc
	done  sync.WaitGroup

	mu        sync.Mutex
	leader    int
	connected bool
	held      map[base.Gpid]*layer2.PartitionConfiguration // latest known configuration
	proposals []metaadmin.ConfigType
}

func startFake(t testing.TB, metas []base.RPCAddress, listen string) *fakeReplica {
	t.Helper()
	f := &fakeReplica{
		t: t, metas: metas, start: time.Now().UnixMilli(), held: map[base.Gpid]*layer2.PartitionConfiguration{},
		srv: rpc.NewServer(rpc.ServerOptions{Logger: quiet()}),
	}
	addr, err := f.srv.Listen(listen)
	if err != nil {
		t.Fatal(err)
	}
	f.addr = addr
	f.pool = rpc.NewPool(rpc.PoolOptions{From: addr, Logger: quiet()})
	f.srv.Handle("RPC_CONFIG_PROPOSAL", f.onProposal)
	ctx, cancel := context.WithCancel(context.Background())
	f.stop = cancel
	f.done.Go(func() { _ = f.srv.Serve() })
	f.done.Go(func() { f.beat(ctx) })
	t.Cleanup(f.kill)
	return f
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// kill ends the server without a word.
func (f *fakeReplica) kill() {
	f.stop()
	f.srv.Close()
	f.pool.Close()
	f.done.Wait()
}

func (f *fakeReplica) beat(ctx context.Context) {
	for ctx.Err() == nil {
		f.mu.Lock()
		to := f.metas[f.leader]
		f.mu.Unlock()
		var ack fd.BeaconAck
		err := f.call(ctx, to, "RPC_FD_FAILURE_DETECTOR_PING", &fd.BeaconMsg{
			Time: time.Now().UnixMilli(), FromNode: f.addr.Ptr(), ToNode: to.Ptr(), StartTime: &f.start,
		}, &ack)
		f.onAck(ctx, to, err, &ack)
		host.Sleep(host.System, ctx, 50*time.Millisecond)
	}
}

func (f *fakeReplica) onAck(ctx context.Context, to base.RPCAddress, err error, ack *fd.BeaconAck) {
	f.mu.Lock()
	if err != nil || !ack.IsMaster {
		f.leader = (f.leader + 1) % len(f.metas)
		if err == nil {
			if i := slices.Index(f.metas, ack.PrimaryNode.Val()); i >= 0 {
				f.leader = i
			}
		}
		f.connected = false
		f.mu.Unlock()
		return
	}
	sync := !f.connected
	f.mu.Unlock()
	if sync {
		f.sync(ctx, to)
	}
}

// sync reports what is held and takes over what the meta says.
func (f *fakeReplica) sync(ctx context.Context, to base.RPCAddress) {
	req := &metaadmin.ConfigurationQueryByNodeRequest{Node: f.addr.Ptr(), StoredReplicas: []*metadata.ReplicaInfo{}}
	f.mu.Lock()
	for g, c := range f.held {
		req.StoredReplicas = append(req.StoredReplicas, &metadata.ReplicaInfo{
			Pid: g.Ptr(), Ballot: c.Ballot, Status: metadata.PartitionStatus_PS_INACTIVE, LastCommittedDecree: 1, LastPreparedDecree: 1,
			AppType: "pegasus", DiskTag: "tag1",
		})
	}
	f.mu.Unlock()
	var resp metaadmin.ConfigurationQueryByNodeResponse
	if err := f.call(ctx, to, "RPC_CM_CONFIG_SYNC", req, &resp); err != nil || resp.Err.Val() != base.ErrOK {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.connected = true
	for _, p := range resp.Partitions {
		f.held[*p.Config.Pid] = p.Config
	}
}

func (f *fakeReplica) call(ctx context.Context, to base.RPCAddress, name string, req, resp thrift.TStruct) error {
	return f.pool.Call(ctx, to, rpc.Call{Name: name, TimeoutMs: 1000, Body: rpc.AppendValue(nil, rpc.FieldNative, req)}, resp)
}

// onProposal asks the meta for the change that was proposed, as a replica would after doing its part.
func (f *fakeReplica) onProposal(r *rpc.Request) {
	var req metaadmin.ConfigurationUpdateRequest
	if err := r.Decode(&req); err != nil {
		f.t.Errorf("proposal cannot be read: %v", err)
	}
	r.Drop()
	f.mu.Lock()
	connected, to := f.connected, f.metas[f.leader]
	f.proposals = append(f.proposals, req.Type)
	f.mu.Unlock()
	if !connected {
		return
	}
	update := proposedUpdate(&req)
	f.pool.Go(to, rpc.Call{
		Name: "RPC_CM_UPDATE_PARTITION_CONFIGURATION", TimeoutMs: 2000, Body: rpc.AppendValue(nil, rpc.FieldNative, update),
	}, func(code base.ErrorCode, body []byte) {
		var resp metaadmin.ConfigurationUpdateResponse
		if code != base.ErrOK {
			return
		}
		if _, err := rpc.ReadValue(body, &resp); err != nil {
			f.t.Errorf("answer to an update cannot be read: %v", err)
			return
		}
		if resp.Err.Val() == base.ErrOK {
			f.mu.Lock()
			f.held[*resp.Config.Pid] = resp.Config
			f.mu.Unlock()
		}
	})
}

// proposedUpdate is the request by which a replica server asks for the change that was proposed to it.
func proposedUpdate(req *metaadmin.ConfigurationUpdateRequest) *metaadmin.ConfigurationUpdateRequest {
	c, typ, node := *req.Config, req.Type, req.Node.Val()
	c.Ballot++
	c.LastCommittedDecree = 1
	without := func(list []*base.RPCAddress) []*base.RPCAddress {
		return slices.DeleteFunc(slices.Clone(list), func(a *base.RPCAddress) bool { return a.Val() == node })
	}
	switch typ {
	case metaadmin.ConfigType_CT_ASSIGN_PRIMARY, metaadmin.ConfigType_CT_UPGRADE_TO_PRIMARY:
		c.Primary, c.Secondaries = node.Ptr(), without(c.Secondaries)
	case metaadmin.ConfigType_CT_ADD_SECONDARY, metaadmin.ConfigType_CT_ADD_SECONDARY_FOR_LB:
		typ = metaadmin.ConfigType_CT_UPGRADE_TO_SECONDARY
		c.Secondaries = append(without(c.Secondaries), node.Ptr())
	case metaadmin.ConfigType_CT_DOWNGRADE_TO_SECONDARY:
		c.Primary, c.Secondaries = base.NewRPCAddress(), append(without(c.Secondaries), node.Ptr())
	case metaadmin.ConfigType_CT_DOWNGRADE_TO_INACTIVE, metaadmin.ConfigType_CT_REMOVE:
		c.Secondaries = without(c.Secondaries)
	}
	return &metaadmin.ConfigurationUpdateRequest{Info: req.Info, Config: &c, Type: typ, Node: node.Ptr()}
}

// client asks metas the way client libraries do.
type client struct {
	t    testing.TB
	pool *rpc.Pool
}

func newClient(t testing.TB, d rpc.Dialect) *client {
	c := &client{t: t, pool: rpc.NewPool(rpc.PoolOptions{Dialect: d, Logger: quiet()})}
	t.Cleanup(func() { c.pool.Close() })
	return c
}

func (c *client) call(to base.RPCAddress, name string, req, resp thrift.TStruct) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return c.pool.Call(ctx, to, rpc.Call{Name: name, TimeoutMs: 5000, Body: rpc.AppendValue(nil, c.pool.ArgField(), req)}, resp)
}

func (c *client) mustCall(to base.RPCAddress, name string, req, resp thrift.TStruct) {
	c.t.Helper()
	if err := c.call(to, name, req, resp); err != nil {
		c.t.Fatalf("%s: %v", name, err)
	}
}

// eventually waits until f returns nil and tells how long that took.
func eventually(t testing.TB, limit time.Duration, f func() error) time.Duration {
	t.Helper()
	begin, err := time.Now(), errors.New("never tried")
	for time.Since(begin) < limit {
		if err = f(); err == nil {
			return time.Since(begin)
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("not within %v: %v", limit, err)
	return 0
}
