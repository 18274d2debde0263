package bench

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Range and precision of the latency histograms: 1 µs to 2 minutes with three significant digits.
const (
	latencyMin    = 1
	latencyMaxUs  = 120_000_000
	latencyDigits = 3
)

// recorderShards is the number of independent parts of a recorder, so that callers seldom wait for each other.
const recorderShards = 8

// recorder collects latencies and errors by kind of operation.
type recorder struct {
	shards [recorderShards]recorderShard
}

type recorderShard struct {
	mu sync.Mutex
	tally
	_ [64]byte // shards do not share a cache line
}

// tally is what was counted.
type tally struct {
	latency  [kinds]*hdrhistogram.Histogram // nil until the kind occurs
	rows     int64                          // read or written by the operations
	notFound int64                          // operations that met no row
	errors   map[string]int64               // by text
}

func (t *tally) add(k kind, latency time.Duration, o outcome) {
	if o.failure != "" {
		if t.errors == nil {
			t.errors = map[string]int64{}
		}
		t.errors[o.failure]++
		return
	}
	if t.latency[k] == nil {
		t.latency[k] = hdrhistogram.New(latencyMin, latencyMaxUs, latencyDigits)
	}
	us := min(max(latency.Microseconds(), latencyMin), latencyMaxUs)
	_ = t.latency[k].RecordValue(us) // the value is in range by the line above
	t.rows += int64(o.rows)
	if o.notFound {
		t.notFound++
	}
}

func (t *tally) merge(o *tally) {
	for k, h := range o.latency {
		if h == nil {
			continue
		}
		if t.latency[k] == nil {
			t.latency[k] = hdrhistogram.New(latencyMin, latencyMaxUs, latencyDigits)
		}
		t.latency[k].Merge(h)
	}
	t.rows += o.rows
	t.notFound += o.notFound
	for text, n := range o.errors {
		if t.errors == nil {
			t.errors = map[string]int64{}
		}
		t.errors[text] += n
	}
}

// all is one histogram of all kinds.
func (t *tally) all() *hdrhistogram.Histogram {
	sum := hdrhistogram.New(latencyMin, latencyMaxUs, latencyDigits)
	for _, h := range t.latency {
		if h != nil {
			sum.Merge(h)
		}
	}
	return sum
}

func (t *tally) errorCount() int64 {
	var n int64
	for _, c := range t.errors {
		n += c
	}
	return n
}

func (r *recorder) record(shard int, k kind, latency time.Duration, o outcome) {
	s := &r.shards[shard%recorderShards]
	s.mu.Lock()
	s.add(k, latency, o)
	s.mu.Unlock()
}

// take returns everything recorded since the last take.
func (r *recorder) take() tally {
	var sum tally
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.Lock()
		part := s.tally
		s.tally = tally{}
		s.mu.Unlock()
		sum.merge(&part)
	}
	return sum
}
