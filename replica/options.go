package replica

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/internal/host"
	"github.com/pegasus-go/pegasus/internal/memory"
	"github.com/pegasus-go/pegasus/replica/disk"
	"github.com/pegasus-go/pegasus/replica/nfs"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/replica/plog"
	"github.com/pegasus-go/pegasus/rpc"
	"github.com/pegasus-go/pegasus/rrdb"
)

// Options of a replica server. Zero values take the defaults, which are upstream's unless
// docs/differences.md says otherwise.
type Options struct {
	// Listen is where the server listens, "host:port"; Address what it tells others, by default
	// 127.0.0.1 and that port when Listen has no host.
	Listen  string
	Address string
	// Metas are the meta servers.
	Metas []base.RPCAddress
	// DataDirs is the list "tag:/path,tag:/path".
	DataDirs string
	// DefaultDataDir is the only data directory when DataDirs is empty.
	DefaultDataDir string
	// DataDirsBlackList is a file that names directories not to be used.
	DataDirsBlackList string
	FS                vfs.FS
	// Host and Net are the machine and the network; default host.System and rpc.TCP.
	Host host.Host
	Net  rpc.Network
	// Observer, when set, hears what the replicas do.
	Observer Observer
	// TickInterval is the grain of the cores' deadlines, default 50 ms.
	TickInterval time.Duration

	// Memory is what the server may use; the limits of its parts stand in the options of those who keep them, but for that of all
	// prepare lists together. Zero: no such limit, and nothing to show.
	Memory memory.Budget

	Core   pacifica.Params
	Engine rrdb.EngineOptions
	RPC    rpc.ServerOptions
	// PeerBufferBytesTotalMax bounds what all other servers together have not taken of what is sent to them, and as much what is being read
	// of their answers. 0: no such limit.
	PeerBufferBytesTotalMax int

	Plog plog.Options // FS, Syncer and Logger are filled in
	// JournalFileBytes is the size of a file of the journal that saves the logs of a disk syncs; 0: the default, negative: each log
	// syncs for itself.
	JournalFileBytes int64

	BeaconInterval     time.Duration // fd_beacon_interval_seconds
	Lease              time.Duration // fd_lease_seconds
	ConfigSyncInterval time.Duration
	MetaTimeout        time.Duration
	MetaRetry          time.Duration
	// KeepInactive is how long a replica without a role stays open.
	KeepInactive time.Duration
	// CheckpointInterval is the period of flushing what the log must not be kept for, and of
	// collecting log files.
	CheckpointInterval time.Duration
	// FlushBehindBytes flushes a store when its log holds more than this.
	FlushBehindBytes int64
	// CheckpointKeep is how long a checkpoint made for learners stays.
	CheckpointKeep time.Duration
	// ManualCompactPause is the least time between manual compactions of a replica; 0: none.
	ManualCompactPause time.Duration
	// LearnCopyTimeout bounds the copy of one checkpoint beside what its size adds, LearnCopiesMax their number at once.
	LearnCopyTimeout time.Duration
	LearnCopiesMax   int
	// FileCopy says how checkpoints are fetched; SendRateMBps bounds how they are served, 0 for no
	// bound.
	FileCopy     nfs.ClientOptions
	SendRateMBps int
	// CheckMBps bounds what is read to compare the checksums of checkpoints, in MiB per second; 0: no bound.
	CheckMBps int
	// KeepLog: log files are never collected (plog_gc_enabled = false).
	KeepLog bool
	// DenyClientOnStart turns all clients away until an operator lets them in.
	DenyClientOnStart bool
	// NoHTTP closes connections that speak HTTP.
	NoHTTP bool

	WriteBytesMax int // max_allowed_write_size; negative for no limit
	// WriteBytesWaitingMax bounds the writes of all partitions that wait to be committed.
	WriteBytesWaitingMax    int64
	RejectWriteWhenDiskFull bool
	FailOnBrokenDisk        bool
	DiskMinFreePercent      int
	DiskCheckInterval       time.Duration
	KeepAside               disk.KeepTimes
	// LongReadsMax and LongReadsQueuedMax bound scans and multi reads.
	LongReadsMax       int
	LongReadsQueuedMax int
	// ReplicasOpenMax bounds replicas opened at once at start.
	ReplicasOpenMax int

	ClusterName string
	Version     string // for /version
	GitCommit   string
	// HTTPFallback serves paths that this server has no page for, e.g. /config; nil for none.
	HTTPFallback http.Handler
	Logger       *slog.Logger
}

func (o Options) withDefaults() Options {
	dur := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	num := func(n *int, v int) {
		if *n <= 0 {
			*n = v
		}
	}
	dur(&o.TickInterval, 50*time.Millisecond)
	dur(&o.BeaconInterval, 3*time.Second)
	dur(&o.Lease, 20*time.Second)
	dur(&o.ConfigSyncInterval, 30*time.Second)
	dur(&o.MetaTimeout, 2*time.Second)
	dur(&o.MetaRetry, time.Second)
	dur(&o.KeepInactive, 10*time.Minute)
	dur(&o.CheckpointInterval, 100*time.Second)
	dur(&o.CheckpointKeep, 30*time.Minute)
	dur(&o.LearnCopyTimeout, time.Hour)
	dur(&o.DiskCheckInterval, 10*time.Minute)
	num(&o.LearnCopiesMax, 5)
	num(&o.LongReadsMax, 64)
	num(&o.LongReadsQueuedMax, 10_000)
	num(&o.ReplicasOpenMax, 8)
	num(&o.DiskMinFreePercent, 10)
	if o.WriteBytesMax == 0 {
		o.WriteBytesMax = 1 << 20
	}
	if o.WriteBytesWaitingMax <= 0 {
		o.WriteBytesWaitingMax = 512 << 20
	}
	if o.FlushBehindBytes <= 0 {
		o.FlushBehindBytes = 64 << 20
	}
	if o.Core.PrepareListBytesMax <= 0 {
		o.Core.PrepareListBytesMax = 16 << 20
	}
	if o.Core.NetworkRetryMs <= 0 {
		o.Core.NetworkRetryMs = 300
	}
	if o.Host == nil {
		o.Host = host.System
	}
	if o.Net == nil {
		o.Net = rpc.TCP
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}
