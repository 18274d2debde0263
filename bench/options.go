package bench

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pegasus-go/pegasus/rpc"
)

// Options of a run. Zero values mean the default where one is named.
type Options struct {
	Metas   []string // "host:port" of the meta servers
	Table   string
	Dialect rpc.Dialect

	Workload     string       // a name of Workloads
	Distribution Distribution // "": the workload's own
	ReadShare    float64      // of workload mixed: the part of get; default 0.5
	MissShare    float64      // the part of get operations that ask for rows that do not exist

	Callers       int           // operations in flight; default 32
	Connections   int           // TCP connections per server, shared by the callers; default min(Callers, 32)
	InFlight      int           // instead of Connections: operations in flight on each connection
	RatePerSecond float64       // open loop at this rate; 0: closed loop
	Warmup        time.Duration // before measuring
	Duration      time.Duration // of measuring; default 10 s
	TimeoutMs     int32         // of one operation with its retries; default 5000

	Rows       int64 // default 100,000
	ValueBytes int   // default 100
	Batch      int   // rows per hash key of multi_get, multi_set and scan; default 100
	RowsPerKey int   // rows that share a hash key where the workload does not touch all of a hash key; default 1
	SkipLoad   bool  // the rows are there already
	LoadOnly   bool
	Seed       uint64 // of choices and values; the same seed makes the same requests

	Observe   func(Observation) // is told of every operation that ends, of the warm-up too, from many goroutines at once; nil: nobody
	Progress  io.Writer         // takes a line now and then; nil: silent
	Overwrite bool              // Progress is a terminal: each line goes over the last
}

// Observation is one operation that ended.
type Observation struct {
	Kind    string    // get, set, ...
	Due     time.Time // when it should have begun (open loop) or began
	Latency time.Duration
	Failure string // "": it succeeded
}

// Limits of what may be asked for.
const (
	callersMax     = 100_000
	connectionsMax = 1024
	batchMax       = 1000 // a server answers at most so many rows per scan
	valueBytesMax  = 1 << 20
)

func (o *Options) setDefaults() error {
	if o.Callers == 0 {
		o.Callers = 32
	}
	if o.Connections != 0 && o.InFlight != 0 {
		return errors.New("bench: connections and operations in flight per connection exclude each other")
	}
	if o.Connections == 0 {
		o.Connections = min(o.Callers, 32)
	}
	if o.Duration == 0 {
		o.Duration = 10 * time.Second
	}
	if o.TimeoutMs == 0 {
		o.TimeoutMs = 5000
	}
	if o.Rows == 0 {
		o.Rows = 100_000
	}
	if o.Batch == 0 {
		o.Batch = 100
	}
	if o.RowsPerKey == 0 {
		o.RowsPerKey = 1
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	return o.check()
}

func (o *Options) check() error {
	if len(o.Metas) == 0 {
		return errors.New("bench: no meta servers given")
	}
	if o.Table == "" {
		return errors.New("bench: no table given")
	}
	if o.RatePerSecond < 0 || o.Warmup < 0 || o.Duration < 0 || o.TimeoutMs < 0 {
		return errors.New("bench: a rate or time is negative")
	}
	for _, limit := range []struct {
		name          string
		value, lo, hi int64
	}{
		{"callers", int64(o.Callers), 1, callersMax},
		{"connections", int64(o.Connections), 1, connectionsMax},
		{"in flight", int64(o.InFlight), 0, callersMax},
		{"batch", int64(o.Batch), 1, batchMax},
		{"rows per hash key", int64(o.RowsPerKey), 1, batchMax},
		{"value bytes", int64(o.ValueBytes), 0, valueBytesMax},
		{"rows", o.Rows, 1, 1 << 40},
	} {
		if limit.value < limit.lo || limit.value > limit.hi {
			return fmt.Errorf("bench: %s is %d, want %d to %d", limit.name, limit.value, limit.lo, limit.hi)
		}
	}
	for _, part := range []float64{o.ReadShare, o.MissShare} {
		if part < 0 || part > 1 {
			return fmt.Errorf("bench: a share is %g, want 0 to 1", part)
		}
	}
	return nil
}

// plan resolves names: the workload with its mix and distribution as the options want them.
func (o *Options) plan() (workload, error) {
	w, err := findWorkload(o.Workload)
	if err != nil {
		return workload{}, err
	}
	if o.Distribution != "" {
		w.distribution = o.Distribution
	}
	if w.name == "mixed" {
		w.mix = []share{{kindGet, o.ReadShare}, {kindSet, 1 - o.ReadShare}}
	}
	if w.distribution == Latest || w.distribution == Zipfian {
		if o.Rows > zipfRowsMax {
			return workload{}, fmt.Errorf("bench: %s over %d rows, at most %d", w.distribution, o.Rows, int64(zipfRowsMax))
		}
	}
	return w, nil
}

// zipfRowsMax bounds the sum that prepares a zipfian distribution: 100 million terms take a few seconds.
const zipfRowsMax = 100_000_000
