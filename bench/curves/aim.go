package curves

import (
	"fmt"
	"math"

	"github.com/pegasus-go/pegasus/bench/report"
)

// aim is the shape that CPU per operation should have.
type aim int

const (
	none    aim = iota
	flat        // within flatShare of the middle
	falling     // never rising by more than flatShare from a point to the next
	linear      // from linearFrom on, growing at most with the power linearPower of x
)

const (
	flatShare   = 0.10
	linearFrom  = 10_000 // bytes; below, an operation costs more than its value
	linearPower = 1.1
)

func (a aim) String() string {
	switch a {
	case flat:
		return "CPU per operation is flat, ± 10 %"
	case falling:
		return "CPU per operation falls with more callers, or stays"
	case linear:
		return "CPU per operation grows no faster than the size, from 10 KB on"
	}
	return "none; the curve is for information"
}

// judge says in words what the CPU per operation of one kind of operation does along a curve, and whether that is the aim.
func (a aim) judge(results []Result) string {
	if len(results) < 2 {
		return "too few points to judge"
	}
	for _, r := range results {
		if r.Figures.Errors > 0 {
			return ends(results) + ", with errors: **not judged**"
		}
	}
	text, good := "", false
	switch a {
	case flat:
		low, high := math.Inf(1), math.Inf(-1)
		for _, r := range results {
			low, high = min(low, r.Figures.CPUMicros), max(high, r.Figures.CPUMicros)
		}
		spread := (high - low) / (high + low)
		good = spread <= flatShare
		text = fmt.Sprintf("%s to %s µs/op, ± %.0f %%", report.Figure(low), report.Figure(high), 100*spread)
	case falling:
		good = true
		for i, r := range results[1:] {
			good = good && r.Figures.CPUMicros <= (1+flatShare)*results[i].Figures.CPUMicros
		}
		text = ends(results)
	case linear:
		var large []Result
		for _, r := range results {
			if r.X >= linearFrom {
				large = append(large, r)
			}
		}
		if len(large) < 2 {
			return ends(results) + ", too few large sizes to judge"
		}
		first, last := large[0], large[len(large)-1]
		power := math.Log(last.Figures.CPUMicros/first.Figures.CPUMicros) / math.Log(last.X/first.X)
		good = power <= linearPower
		text = fmt.Sprintf("%s, from 10 KB on with the power %.2f of the size", ends(results), power)
	default:
		return ends(results)
	}
	if good {
		return text + ": met"
	}
	return text + ": **missed**"
}

func ends(results []Result) string {
	return fmt.Sprintf("from %s to %s µs/op", report.Figure(results[0].Figures.CPUMicros), report.Figure(results[len(results)-1].Figures.CPUMicros))
}
