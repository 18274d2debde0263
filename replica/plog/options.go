package plog

import (
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/internal/host"
)

// SyncMode says when an append counts as done.
type SyncMode int

const (
	// SyncAlways: after the sync that covers it. Survives power loss.
	SyncAlways SyncMode = iota
	// SyncInterval: after the write; the file is synced every SyncIntervalMs. Survives the death of
	// the process; a power loss takes at most the last interval.
	SyncInterval
	// SyncNone: after the write; a file is synced only when the next one begins.
	SyncNone
)

// Defaults of Options.
const (
	DefaultFileBytesMax      = 32 << 20
	DefaultPreallocBytes     = 1 << 20
	DefaultSyncIntervalMs    = 100
	DefaultReserveBytesMax   = 1000 << 20
	DefaultReserveSecondsMax = 36000
	DefaultPendingBytesMax   = 256 << 20
	DefaultRecycleFilesMax   = 1
)

const (
	// EntryBytesMax bounds the encoded entries of one Append.
	EntryBytesMax = 512 << 20
	// groupBytesMax is the size after which a waiting group takes no further append.
	groupBytesMax = 4 << 20
	// keptBufferBytesMax is the largest buffer that is kept for the next group.
	keptBufferBytesMax = 1 << 20
	// segmentBytes is the grain of the index that Read uses to skip what it does not need.
	segmentBytes = 1 << 20
	// scanBytes is how much a scan reads at once.
	scanBytes = 256 << 10
	// reserveFilesMax bounds the files that the reserve may keep (restarts leave small files).
	reserveFilesMax = 128
	// fileBytesLimit bounds FileBytesMax: offsets are 32 bits, and one block may follow the limit.
	fileBytesLimit = 1 << 30
)

// Options of a log. The zero value of a field means its default.
type Options struct {
	FS vfs.FS // default vfs.Default
	// FileBytesMax: a file that has reached it gets a successor.
	FileBytesMax int64
	// PreallocBytes is the step in which space is reserved ahead of the end of a new file; negative: never.
	PreallocBytes  int64
	Sync           SyncMode
	SyncIntervalMs int
	// Syncer is shared by the logs of one disk; nil: the log has its own.
	Syncer *Syncer
	// ReserveBytesMax and ReserveSecondsMax: GC keeps a file that is not needed any more while the whole
	// log is not larger and the file not older than that, for learners. A negative value in either: no reserve.
	ReserveBytesMax   int64
	ReserveSecondsMax int64
	// PendingBytesMax bounds the bytes that wait to be written; an append beyond it fails with ErrFull.
	PendingBytesMax int64
	// RecycleFilesMax: collected files kept for being overwritten; negative: none.
	RecycleFilesMax int
	Logger          *slog.Logger
	// Now is the clock for the age of files; default that of Host.
	Now  func() time.Time
	Host host.Host // default host.System
}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	o.FileBytesMax = min(orDefault(o.FileBytesMax, DefaultFileBytesMax), fileBytesLimit)
	o.PreallocBytes = orDefault(o.PreallocBytes, DefaultPreallocBytes)
	o.SyncIntervalMs = int(orDefault(int64(o.SyncIntervalMs), DefaultSyncIntervalMs))
	o.ReserveBytesMax = orDefault(o.ReserveBytesMax, DefaultReserveBytesMax)
	o.ReserveSecondsMax = orDefault(o.ReserveSecondsMax, DefaultReserveSecondsMax)
	o.PendingBytesMax = orDefault(o.PendingBytesMax, DefaultPendingBytesMax)
	o.RecycleFilesMax = int(orDefault(int64(o.RecycleFilesMax), DefaultRecycleFilesMax))
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Host == nil {
		o.Host = host.System
	}
	if o.Syncer == nil {
		o.Syncer = NewSyncer(1, o.Host)
	}
	if o.Now == nil {
		o.Now = o.Host.Now
	}
	return o
}

func orDefault(v, def int64) int64 {
	if v == 0 {
		return def
	}
	return v
}
