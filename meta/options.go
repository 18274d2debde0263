package meta

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/internal/host"
	"github.com/pegasus-go/pegasus/meta/cluster"
	"github.com/pegasus-go/pegasus/rpc"
	"github.com/pegasus-go/pegasus/zkmeta"
)

// When hp_* fields are sent: released clients cannot read past them, tools of the master branch
// need them (wire.md 5.9).
const (
	HostPortNever  = "never"
	HostPortNative = "native" // to peers that speak the native protocol
	HostPortAlways = "always"
)

// Options configure a Server.
type Options struct {
	Listen       string          // "host:port" to listen on
	Name         string          // "host:port" under which others reach this meta; default: Listen
	Backend      zkmeta.Backend  // the caller closes it after the Server
	ClusterRoot  string          // path of the state tree, e.g. /pegasus/onebox
	Cluster      cluster.Options // knobs of the deciding core
	DefaultApps  []cluster.DefaultApp
	AllowList    []base.RPCAddress // replica servers that may join; nil: all
	SendHostPort string            // HostPortNever (default), HostPortNative or HostPortAlways

	ClusterName    string   // for cluster_info
	MetaServers    []string // all metas as configured, for cluster_info
	ZooKeeperHosts string   // for cluster_info
	Version        string   // for server-info and /version
	GitCommit      string

	TickEvery    time.Duration // how often time passes for the core; default 100 ms
	StoreTimeout time.Duration // one write to the store; default 10 s
	StoreRetry   time.Duration // pause before a write that timed out is repeated; default 1 s
	StoreWorkers int           // writes on their way at a time; default 32
	WaitingMax   int           // requests that wait for something to be persisted; default 10000
	HTTPFallback http.Handler  // serves paths that a meta has no page for; nil: none
	Host         host.Host     // default host.System
	Net          rpc.Network   // default rpc.TCP
	RPC          rpc.ServerOptions
	Pool         rpc.PoolOptions
	Logger       *slog.Logger
}

func (o *Options) setDefaults() {
	if o.Name == "" {
		o.Name = o.Listen
	}
	if o.ClusterRoot == "" {
		o.ClusterRoot = "/"
	}
	if o.SendHostPort == "" {
		o.SendHostPort = HostPortNever
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Host == nil {
		o.Host = host.System
	}
	if o.Net == nil {
		o.Net = rpc.TCP
	}
	if o.TickEvery <= 0 {
		o.TickEvery = 100 * time.Millisecond
	}
	if o.StoreTimeout <= 0 {
		o.StoreTimeout = 10 * time.Second
	}
	if o.StoreRetry <= 0 {
		o.StoreRetry = time.Second
	}
	if o.StoreWorkers <= 0 {
		o.StoreWorkers = 32
	}
	if o.WaitingMax <= 0 {
		o.WaitingMax = 10000
	}
	if o.RPC.Logger == nil {
		o.RPC.Logger = o.Logger
	}
	if o.Pool.Logger == nil {
		o.Pool.Logger = o.Logger
	}
	o.Cluster.SendHostPort = o.SendHostPort != HostPortNever
}

// wantsHostPort tells whether answers to a caller carry hp_* fields.
func (o *Options) wantsHostPort(d rpc.Dialect) bool {
	return o.SendHostPort == HostPortAlways || o.SendHostPort == HostPortNative && d == rpc.Native
}
