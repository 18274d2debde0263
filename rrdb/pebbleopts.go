package rrdb

import (
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
)

// pebbleOptions are the options of one store. Whatever they say about the layout of files
// (comparer, WAL off) holds for the life of a directory.
func (e *Engine) pebbleOptions(s *Store, readOnly bool) *pebble.Options {
	o := &pebble.Options{
		FS:                          e.opts.FS,
		Cache:                       e.cache,
		FileCache:                   e.files,
		Comparer:                    comparer,
		DisableWAL:                  true, // the replica's private log is the WAL
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                uint64(e.opts.MemtableBytesMax),
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       60,
		LBaseMaxBytes:               256 << 20,
		CompactionConcurrencyRange:  func() (int, int) { return 1, min(3, e.opts.CompactionsMax) },
		Logger:                      &pebbleLogger{log: e.opts.Logger, store: s},
		ReadOnly:                    readOnly,
		DisableAutomaticCompactions: e.opts.Deterministic,
		DisableTableStats:           e.opts.Deterministic,
	}
	o.TargetFileSizes = [7]int64{4 << 20, 8 << 20, 16 << 20, 32 << 20, 64 << 20, 64 << 20, 64 << 20}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	// Upstream's default leaves the two youngest levels uncompressed.
	o.Levels[0].Compression = func() *sstable.CompressionProfile { return sstable.NoCompression }
	o.Levels[1].Compression = func() *sstable.CompressionProfile { return sstable.SnappyCompression }
	// Sort keys of one hash key are rows of their own, not versions of one row: their values
	// must not move to value blocks.
	o.Experimental.SpanPolicyFunc = func([]byte) (pebble.SpanPolicy, []byte, error) {
		return pebble.SpanPolicy{DisableValueSeparationBySuffix: true}, nil, nil
	}
	// An ingested table that waits in the flushable queue would live only in the WAL, which is off.
	o.Experimental.DisableIngestAsFlushable = func() bool { return true }
	if s != nil && !readOnly {
		o.FS = fence{FS: e.opts.FS, s: s}
		o.Experimental.CompactionScheduler = e.compactions.member(s)
		o.EventListener = s.listener()
	} else {
		o.EventListener = &pebble.EventListener{DataCorruption: func(pebble.DataCorruptionInfo) {}}
	}
	return o
}

// listener turns Pebble's events into counters and flags. Callbacks must not call the DB.
func (s *Store) listener() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: s.background,
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			s.fail(&Error{Op: "read", Class: ClassCorruption, Err: fmt.Errorf("%s: %w", info.Path, info.Details)})
		},
		FlushBegin: func(info pebble.FlushInfo) { s.flushBegan(int64(info.InputBytes)) },
		FlushEnd:   func(info pebble.FlushInfo) { s.flushEnded(info.Err) },
		WriteStallBegin: func(info pebble.WriteStallBeginInfo) {
			s.log.Warn("writes stalled", "reason", info.Reason)
		},
	}
}

// pebbleLogger passes what Pebble says to our logger. Where Pebble would end the process because
// one store cannot go on, only that store ends: see fence and poolMember for what that takes.
type pebbleLogger struct {
	log   *slog.Logger
	store *Store // nil while a checkpoint is inspected
}

func (l *pebbleLogger) Infof(string, ...any) {} // one line per flush and per file: too much for many stores

func (l *pebbleLogger) Errorf(format string, args ...any) {
	l.log.Warn("pebble: " + fmt.Sprintf(format, args...))
}

func (l *pebbleLogger) Fatalf(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	for _, a := range args {
		if cause, ok := a.(error); ok {
			err = &said{text: err.Error(), cause: cause}
		}
	}
	l.log.Error("pebble gave up", "err", err)
	if l.store != nil {
		class := classOf(err)
		if class == ClassOther {
			class = ClassCorruption
		}
		l.store.fail(&Error{Op: "engine", Class: class, Err: err})
	}
}

// said is a message of the engine and the error it was made from.
type said struct {
	text  string
	cause error
}

func (s *said) Error() string { return s.text }
func (s *said) Unwrap() error { return s.cause }
