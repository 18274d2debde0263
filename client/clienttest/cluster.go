package clienttest

import (
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/rpc"
)

// Cluster is the whole of it. Its methods are safe for concurrent use.
type Cluster struct {
	t        testing.TB
	mu       sync.Mutex
	metas    []*node
	replicas []*node
	leader   int // index of the leading meta
	level    metaadmin.MetaFunctionLevel
	apps     map[string]*app
	dropped  map[int32]*app
	nextID   int32
	failures map[string][]failure // by task code
	calls    map[string]int       // requests seen, by task code
	noHint   bool
	// ClusterInfo is what cluster_info answers: names and values in turn.
	ClusterInfo []string
	// Proposals are the proposals received.
	Proposals []*metaadmin.ConfigurationBalancerRequest
}

type node struct {
	addr   base.RPCAddress
	server *rpc.Server
	alive  bool
	silent bool
}

type failure struct {
	code  base.ErrorCode
	times int
	drop  bool // no answer at all
}

type app struct {
	info  *layer2.AppInfo
	parts []*partition
}

type partition struct {
	cfg      *layer2.PartitionConfiguration
	rows     map[string]row // by raw key
	decree   int64
	contexts map[int64]*scanContext
	nextCtx  int64
}

type row struct {
	value    []byte
	expireTS uint32
}

// New starts metas and replica servers; they end with the test.
func New(t testing.TB, metas, replicas int) *Cluster {
	c := &Cluster{
		t: t, apps: map[string]*app{}, dropped: map[int32]*app{}, nextID: 1,
		failures: map[string][]failure{}, calls: map[string]int{},
		level: metaadmin.MetaFunctionLevel_fl_steady,
	}
	for i := range metas {
		c.metas = append(c.metas, c.start(func(s *rpc.Server) { c.serveMeta(i, s) }))
	}
	for i := range replicas {
		c.replicas = append(c.replicas, c.start(func(s *rpc.Server) { c.serveReplica(i, s) }))
	}
	t.Cleanup(func() {
		for _, n := range append(c.metas, c.replicas...) {
			n.server.Close()
		}
	})
	return c
}

func (c *Cluster) start(install func(*rpc.Server)) *node {
	n := &node{alive: true}
	n.server = rpc.NewServer(rpc.ServerOptions{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	install(n.server)
	addr, err := n.server.Listen("127.0.0.1:0")
	if err != nil {
		c.t.Fatal(err)
	}
	n.addr = addr
	go n.server.Serve()
	return n
}

// Metas are the addresses to give to a client.
func (c *Cluster) Metas() []string {
	var out []string
	for _, n := range c.metas {
		out = append(out, n.addr.String())
	}
	return out
}

// Replica is the address of replica server i.
func (c *Cluster) Replica(i int) base.RPCAddress { return c.replicas[i].addr }

// HandleHTTP serves HTTP on replica server i, for /metrics.
func (c *Cluster) HandleHTTP(i int, h http.Handler) { c.replicas[i].server.HandleHTTP(h) }

// AddTable creates a table spread over the replica servers and returns its id.
func (c *Cluster) AddTable(name string, partitions int) int32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.create(name, int32(partitions), int32(min(3, len(c.replicas))), nil).info.AppID
}

func (c *Cluster) create(name string, partitions, replicas int32, envs map[string]string) *app {
	a := &app{info: &layer2.AppInfo{
		Status: layer2.AppStatus_AS_AVAILABLE, AppType: "pegasus", AppName: name, AppID: c.nextID,
		PartitionCount: partitions, IsStateful: true, MaxReplicaCount: replicas, Envs: envs,
		CreateSecond: time.Now().Unix(), InitPartitionCount: partitions,
	}}
	for i := range partitions {
		cfg := &layer2.PartitionConfiguration{
			Pid: base.Gpid{AppID: c.nextID, PartitionIndex: i}.Ptr(), Ballot: 3, MaxReplicaCount: replicas,
		}
		for r := range replicas {
			at := c.replicas[(int(i)+int(r))%len(c.replicas)].addr
			if r == 0 {
				cfg.Primary = at.Ptr()
			} else {
				cfg.Secondaries = append(cfg.Secondaries, at.Ptr())
			}
		}
		a.parts = append(a.parts, &partition{cfg: cfg, rows: map[string]row{}, contexts: map[int64]*scanContext{}, nextCtx: int64(i+1) << 32})
	}
	c.nextID++
	c.apps[name] = a
	return a
}

// MovePrimary makes another replica server the primary of a partition; index -1: nobody.
func (c *Cluster) MovePrimary(table string, pidx, to int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cfg := c.apps[table].parts[pidx].cfg
	cfg.Ballot++
	cfg.Primary = base.NewRPCAddress()
	if to >= 0 {
		cfg.Primary = c.replicas[to].addr.Ptr()
	}
	c.apps[table].parts[pidx].contexts = map[int64]*scanContext{}
}

// SetConfig changes a partition's configuration as it is.
func (c *Cluster) SetConfig(table string, pidx int, change func(*layer2.PartitionConfiguration)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c.apps[table].parts[pidx].cfg)
}

// SetInfo changes a table's description as it is.
func (c *Cluster) SetInfo(table string, change func(*layer2.AppInfo)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c.apps[table].info)
}

// KillReplica closes a replica server; its partitions keep their configuration.
func (c *Cluster) KillReplica(i int) { c.kill(c.replicas[i]) }

// KillMeta closes a meta.
func (c *Cluster) KillMeta(i int) { c.kill(c.metas[i]) }

func (c *Cluster) kill(n *node) {
	c.mu.Lock()
	n.alive = false
	c.mu.Unlock()
	n.server.Close()
}

// Lead makes meta i the leader; -1: there is none.
func (c *Cluster) Lead(i int) { c.mu.Lock(); c.leader = i; c.mu.Unlock() }

// HideLeader makes followers forward without saying whereto.
func (c *Cluster) HideLeader() { c.mu.Lock(); c.noHint = true; c.mu.Unlock() }

// SilenceMeta makes a meta swallow requests.
func (c *Cluster) SilenceMeta(i int) { c.mu.Lock(); c.metas[i].silent = true; c.mu.Unlock() }

// Fail makes the next `times` requests of a task code fail with a frame error.
func (c *Cluster) Fail(taskCode string, code base.ErrorCode, times int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures[taskCode] = append(c.failures[taskCode], failure{code: code, times: times})
}

// Swallow leaves the next `times` requests of a task code unanswered; they are not executed.
func (c *Cluster) Swallow(taskCode string, times int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures[taskCode] = append(c.failures[taskCode], failure{times: times, drop: true})
}

// Calls is how often a task code was received.
func (c *Cluster) Calls(taskCode string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[taskCode]
}

// troubled counts a request and answers it badly if that is due. The lock is held.
func (c *Cluster) troubled(r *rpc.Request) bool {
	c.calls[r.Name]++
	list := c.failures[r.Name]
	if len(list) == 0 {
		return false
	}
	f := list[0]
	if list[0].times--; list[0].times == 0 {
		c.failures[r.Name] = list[1:]
	}
	if f.drop {
		r.Drop()
	} else {
		r.ReplyError(f.code)
	}
	return true
}
