package soak

import (
	"fmt"
	"slices"
)

// Measure is one property of a sample and what it may gain over the later half of a watch: the larger of a share of
// its median and an amount. The amounts are what comes and goes with the work of the moment; a leak that matters
// passes any of them in a watch that is long enough.
type Measure struct {
	Name   string
	Unit   float64 // of the printed figures
	Suffix string
	Of     func(Sample) float64

	GainShareMax float64
	GainMax      float64
}

const mib = 1 << 20

// Measures are all that is watched.
var Measures = []Measure{
	{"resident memory", mib, " MiB", func(s Sample) float64 { return s.RSSBytes }, 0.15, 24 * mib}, // it warms up for minutes
	{"heap after GC", mib, " MiB", func(s Sample) float64 { return s.HeapBytes }, 0.15, 4 * mib},
	{"goroutines", 1, "", func(s Sample) float64 { return s.Goroutines }, 0.15, 24},
	{"descriptors", 1, "", func(s Sample) float64 { return s.FDs }, 0.15, 32},
	{"threads", 1, "", func(s Sample) float64 { return s.Threads }, 0.15, 12}, // the runtime keeps those that a burst needed
}

// Verdict is what a measure did over the later half of a series.
type Verdict struct {
	Measure  Measure
	Median   float64
	Gain     float64 // of the fitted line from the start of the later half to its end
	GainMax  float64
	Min, Max float64 // of the samples of that half
}

// Flat says that there is no leak to be seen.
func (v Verdict) Flat() bool { return v.Gain <= v.GainMax }

func (v Verdict) String() string {
	u, s := v.Measure.Unit, v.Measure.Suffix
	word := "flat"
	if !v.Flat() {
		word = "GROWS"
	}
	return fmt.Sprintf("%-15s  median %7.1f%s  gain %+6.1f%s of at most %.1f%s  range %.1f to %.1f  %s",
		v.Measure.Name, v.Median/u, s, v.Gain/u, s, v.GainMax/u, s, v.Min/u, v.Max/u, word)
}

// Judge looks at the later half of a series, of which the first half was the warm-up.
func Judge(series []Sample, m Measure) Verdict {
	half := series[len(series)/2:]
	var x, y []float64
	for _, s := range half {
		x, y = append(x, s.At.Seconds()), append(y, m.Of(s))
	}
	v := Verdict{Measure: m, Median: median(slices.Clone(y)), Min: slices.Min(y), Max: slices.Max(y)}
	v.Gain = slope(x, y) * (x[len(x)-1] - x[0])
	v.GainMax = max(m.GainMax, m.GainShareMax*v.Median)
	return v
}

// slope is the median of the slopes between all pairs of points.
func slope(x, y []float64) float64 {
	var all []float64
	for i := range x {
		for j := range i {
			if x[i] != x[j] {
				all = append(all, (y[i]-y[j])/(x[i]-x[j]))
			}
		}
	}
	if len(all) == 0 {
		return 0
	}
	return median(all)
}

// median reorders its argument.
func median(v []float64) float64 {
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}
