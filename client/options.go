package client

import (
	"log/slog"
	"time"

	"github.com/pegasus-go/pegasus/rpc"
)

// Limits of a Client that are not options.
const (
	metasMax          = 16                   // configured metas plus leaders learned by hint
	hashKeyBytesMax   = 65534                // wire.md 7.1
	backoffMin        = 8 * time.Millisecond // first pause before a retry
	backoffMax        = 1000 * time.Millisecond
	batchInFlightMax  = 64 // partitions asked at once by one BatchGet
	countInFlightMax  = 8  // partitions scanned at once by one CountData
	scanBatchDefault  = 500
	dialectDefault    = rpc.THFTv1
	opTimeoutDefault  = 5 * time.Second
	attemptDefault    = 3 * time.Second
	metaAttempt       = 5 * time.Second        // one question to one meta
	metaHedgeDefault  = 500 * time.Millisecond // after this the other metas are asked as well
	refreshEveryFloor = 100 * time.Millisecond
	refreshFirst      = 8 * time.Millisecond // between the first routing queries in a row, doubled each time
	refreshRowEnds    = 10                   // intervals without a query
)

// Options of a Client. The zero value is usable.
type Options struct {
	// Dialect of the wire. The zero value of this field means THFTv1; see DialectSet.
	Dialect rpc.Dialect
	// DialectSet says that Dialect is meant as it stands (rpc.Native is its zero value).
	DialectSet bool
	// OpTimeout bounds an operation whose context has no deadline. Default 5 s.
	OpTimeout time.Duration
	// AttemptTimeout bounds one attempt of an idempotent operation, so that a server that died
	// without a word leaves time for another try. Default 3 s.
	AttemptTimeout time.Duration
	// MetaHedge is how long the leading meta may stay silent before the others are asked too.
	// Default 500 ms.
	MetaHedge time.Duration
	// RefreshInterval is the least time between two routing queries of a table; the first ones in a row come faster.
	// Default 100 ms.
	RefreshInterval time.Duration
	// NoRetry hands the first error of an attempt to the caller (routing is still refreshed behind
	// it). Checkers of histories want this: every error then means "may or may not have happened".
	NoRetry bool
	// ConnsPerPeer is how many connections to open to each server. Default 1.
	ConnsPerPeer int
	// Pool to use instead of an own one; it must speak Dialect and is not closed by Close.
	Pool *rpc.Pool
	// Logger for what happens behind the scenes (leader changes, refreshes). Default: silent.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if !o.DialectSet {
		o.Dialect = dialectDefault
	}
	orDuration(&o.OpTimeout, opTimeoutDefault)
	orDuration(&o.AttemptTimeout, attemptDefault)
	orDuration(&o.MetaHedge, metaHedgeDefault)
	orDuration(&o.RefreshInterval, refreshEveryFloor)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func orDuration(d *time.Duration, def time.Duration) {
	if *d <= 0 {
		*d = def
	}
}
