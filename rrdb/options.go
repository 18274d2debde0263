package rrdb

import (
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/gen-go/base"
)

// EngineOptions configure what the stores of a process share. A zero field takes its default.
// Names in parentheses are the keys of upstream's configuration, section [pegasus.server]
// unless another is named.
type EngineOptions struct {
	FS     vfs.FS       // default vfs.Default
	Logger *slog.Logger // default discards

	// Notify runs what tells a store's owner about background work, on a goroutine of its own by
	// default.
	Notify func(func())
	// Deterministic, for simulations: the engine does no work of its own, and nothing happens to the
	// files of a store but during calls of its methods.
	Deterministic bool

	BlockCacheBytes     int64 // 256 MiB; what memtables hold is taken off it (rocksdb_block_cache_capacity)
	RowCacheBytes       int64 // a fifth of BlockCacheBytes, half of it at most, and part of it; < 0 none, nor without cgo (row_cache_percent)
	MemtableBudgetBytes int64 // 256 MiB of unflushed writes over all stores; when spent, the largest store is flushed (rocksdb_total_size_across_write_buffer)
	MemtableBytesMax    int64 // 64 MiB a memtable; they start at 256 KiB and double (rocksdb_write_buffer_size)
	FilesMax            int   // 10,000 open tables (rocksdb_max_open_files)
	CompactionsMax      int   // half of the processors, at least 1, at the same time (rocksdb_max_background_compactions)
	// Written by the compactions of all stores together, 500 MiB, < 0 no bound (rocksdb_limiter_max_write_megabytes_per_sec), and by
	// those of stores that are compacted by order, 8 MiB for each processor and 64 at most, < 0 no bound
	// (manual_compact_write_megabytes_per_second).
	CompactionBytesPerSecond       int64
	ManualCompactionBytesPerSecond int64
	// Written by the other compactions of all stores together while no store is behind: 8 MiB for each processor, < 0 no bound
	// (compact_gentle_megabytes_per_second).
	GentleCompactionBytesPerSecond int64
	// Written by gentle flushes of all stores together, 4 MiB, < 0 no bound (checkpoint_flush_megabytes_per_second).
	GentleFlushBytesPerSecond int64

	ClusterID             uint8   // 1..127, 0 when not configured ([duplication-group])
	KnownClusterIDs       []uint8 // the other ids of [duplication-group]
	IgnoreOtherClusterIDs bool    // accept any id but our own (dup_ignore_other_cluster_ids)

	// ResponseBytesMax, 48 MiB, bounds the rows of one response, by less than one row. Upstream has
	// no such bound: there a batch of 1000 rows of 1 MiB is one answer. A multi_get or batch_get that
	// reaches it is incomplete, a scan goes on with the next batch.
	ResponseBytesMax          int64
	MultiGetIterationsMax     int   // 3000 (rocksdb_multi_get_max_iteration_count)
	MultiGetIterationBytesMax int64 // 30 MiB, < 0 none (rocksdb_multi_get_max_iteration_size)
	ScanIterationsMax         int   // 1000 (rocksdb_max_iteration_count)
	IterationTimeMs           int64 // 30,000, < 0 none; env replica.rocksdb_iteration_threshold_time_ms overrides (rocksdb_iteration_threshold_time_ms)

	SlowQueryMs               int64 // 100, < 0 none; env replica.slow_query_threshold overrides (rocksdb_slow_query_threshold_ns)
	AbnormalGetBytes          int   // 1,000,000, < 0 none (rocksdb_abnormal_get_size_threshold)
	AbnormalMultiGetBytes     int   // 10,000,000 (rocksdb_abnormal_multi_get_size_threshold)
	AbnormalMultiGetIterCount int   // 1000 (rocksdb_abnormal_multi_get_iterate_count_threshold)
	AbnormalBatchGetBytes     int   // 10,000,000 (rocksdb_abnormal_batch_get_bytes_threshold)
	AbnormalBatchGetCount     int   // 2000 (rocksdb_abnormal_batch_get_count_threshold)

	ScanContextsMax int           // 1000 a store; the oldest is dropped
	ScanContextLife time.Duration // 5 minutes

	SweepPeriod        time.Duration // 24 hours between passes over a store, < 0 never by itself
	SweepRowsPerSecond int           // 200,000 rows looked at
	SweepChunkRows     int           // 1000 rows looked at, or deleted, in one go
}

// orDefault replaces a zero by the default.
func orDefault[T int | int64 | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// needed replaces what cannot be, zero or less, by the default.
func needed[T int | int64 | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// memtableBytesLimit is what the engine can address in one memtable, with room to spare.
const memtableBytesLimit = 1 << 30

func (o *EngineOptions) setDefaults(processors int) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Notify == nil {
		o.Notify = func(f func()) { go f() }
	}
	needed(&o.BlockCacheBytes, 256<<20)
	orDefault(&o.RowCacheBytes, o.BlockCacheBytes/5)
	o.RowCacheBytes = min(max(o.RowCacheBytes, 0), o.BlockCacheBytes/2)
	needed(&o.MemtableBudgetBytes, 256<<20)
	needed(&o.MemtableBytesMax, 64<<20)
	o.MemtableBytesMax = min(o.MemtableBytesMax, memtableBytesLimit)
	needed(&o.FilesMax, 10_000)
	needed(&o.CompactionsMax, max(1, processors/2))
	orDefault(&o.CompactionBytesPerSecond, 500<<20)
	orDefault(&o.ManualCompactionBytesPerSecond, min(manualPaceMax, int64(processors)*paceBytesPerProcessor))
	orDefault(&o.GentleCompactionBytesPerSecond, int64(processors)*paceBytesPerProcessor)
	orDefault(&o.GentleFlushBytesPerSecond, 4<<20)
	needed(&o.ResponseBytesMax, 48<<20)
	needed(&o.MultiGetIterationsMax, 3000)
	orDefault(&o.MultiGetIterationBytesMax, 30<<20)
	needed(&o.ScanIterationsMax, 1000)
	orDefault(&o.IterationTimeMs, 30_000)
	orDefault(&o.SlowQueryMs, 100)
	orDefault(&o.AbnormalGetBytes, 1_000_000)
	orDefault(&o.AbnormalMultiGetBytes, 10_000_000)
	orDefault(&o.AbnormalMultiGetIterCount, 1000)
	orDefault(&o.AbnormalBatchGetBytes, 10_000_000)
	orDefault(&o.AbnormalBatchGetCount, 2000)
	needed(&o.ScanContextsMax, 1000)
	needed(&o.ScanContextLife, 5*time.Minute)
	orDefault(&o.SweepPeriod, 24*time.Hour)
	needed(&o.SweepRowsPerSecond, 200_000)
	needed(&o.SweepChunkRows, 1000)
}

// StoreOptions configure one store.
type StoreOptions struct {
	Gpid   base.Gpid
	Server string // "host:port" of this node as responses name it

	// MustExist refuses to create a store where none is.
	MustExist bool

	// OnError is told, on a goroutine of its own, when the store's background work failed: the
	// disk (IsIO), or the content (IsCorruption). At most once a second; may be nil.
	OnError func(error)

	// OnDurable is told, on a goroutine of its own, that LastDurable may have moved. May be nil.
	OnDurable func()
}
