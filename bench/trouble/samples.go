package trouble

import (
	"slices"
	"sync"
	"time"

	"github.com/pegasus-go/pegasus/bench"
	"github.com/pegasus-go/pegasus/internal/plot"
)

// kinds are the operations of the load.
var kinds = []string{"get", "set"}

// sample is one operation.
type sample struct {
	due     time.Duration // since the load began
	latency time.Duration
	failed  bool
}

// samples are all operations of a load by kind. It may be read while it is written.
type samples struct {
	began time.Time

	mu      sync.Mutex
	of      map[string][]sample
	reasons map[string]int64 // of failures
	count   int
	lost    int // beyond samplesMax
}

func newSamples(began time.Time) *samples {
	return &samples{began: began, of: map[string][]sample{}, reasons: map[string]int64{}}
}

func (s *samples) add(o bench.Observation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.Failure != "" {
		s.reasons[o.Failure]++
	}
	if s.count++; s.count > samplesMax {
		s.lost++
		return
	}
	s.of[o.Kind] = append(s.of[o.Kind], sample{o.Due.Sub(s.began), o.Latency, o.Failure != ""})
}

// window is a span of time since the load began.
type window struct{ From, To time.Duration }

func (w window) length() time.Duration { return w.To - w.From }

// Latency of the operations of a kind that were due in some windows.
type Latency struct {
	Operations, Errors  int
	P50, P99, P999, Max time.Duration
}

// latency of operations that were due in any of the windows.
func (s *samples) latency(kind string, in ...window) Latency {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []time.Duration
	l := Latency{}
	for _, o := range s.of[kind] {
		if !slices.ContainsFunc(in, func(w window) bool { return o.due >= w.From && o.due < w.To }) {
			continue
		}
		found = append(found, o.latency)
		if o.failed {
			l.Errors++
		}
	}
	slices.Sort(found)
	l.Operations = len(found)
	if l.Operations > 0 {
		l.P50, l.P99, l.P999, l.Max = quantile(found, 0.5), quantile(found, 0.99), quantile(found, 0.999), found[len(found)-1]
	}
	return l
}

// quantile of sorted values, of which there is at least one: the smallest that so large a part is not above.
func quantile(sorted []time.Duration, part float64) time.Duration {
	at := int(part * float64(len(sorted)))
	return sorted[min(at, len(sorted)-1)]
}

// perSecond is the p99 of each second in milliseconds, by when operations were due.
func (s *samples) perSecond(kind string, end time.Duration) []plot.Point {
	var points []plot.Point
	for from := time.Duration(0); from+time.Second <= end; from += time.Second {
		if l := s.latency(kind, window{from, from + time.Second}); l.Operations > 0 {
			points = append(points, plot.Point{X: from.Seconds() + 0.5, Y: milliseconds(l.P99)})
		}
	}
	return points
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
