package table

import (
	"fmt"
	"strings"

	"github.com/pegasus-go/pegasus/bench/report"
)

// ratios compares with the original: how many times less CPU, more operations, shorter p99. 0: not known.
type ratios struct {
	CPU  float64 `json:"cpu,omitempty"`
	Rate float64 `json:"rate,omitempty"`
	P99  float64 `json:"p99,omitempty"`
}

func compare(r *Original, f report.Figures) ratios {
	if r == nil {
		return ratios{}
	}
	var c ratios
	if f.CPUMicros > 0 {
		c.CPU = r.CPUMicros / f.CPUMicros
	}
	c.Rate = f.OpsPerSecond / r.OpsPerSecond
	if f.P99Us > 0 {
		c.P99 = r.P99Us / f.P99Us
	}
	return c
}

func (c ratios) String() string {
	var parts []string
	for _, one := range []struct {
		format string
		value  float64
	}{{"CPU ÷ %.1f", c.CPU}, {"rate × %.1f", c.Rate}, {"p99 ÷ %.1f", c.P99}} {
		if one.value > 0 {
			parts = append(parts, fmt.Sprintf(one.format, one.value))
		}
	}
	return strings.Join(parts, ", ")
}

// cpuMax is the bound for CPU in µs/op; 0: there is none, or the row it refers to was not measured.
func (t Target) cpuMax(cpuOf func(row string) (float64, bool)) float64 {
	if t.OfRow == "" {
		return t.CPUMicros
	}
	cpu, known := cpuOf(t.OfRow)
	if !known {
		return 0
	}
	return t.Times * cpu
}

// none tells whether nothing is asked for.
func (t Target) none() bool { return t == Target{} }

// Verdict tells which parts of a target are met. A target is met when nothing is missed and nothing unknown.
type Verdict struct {
	Aims    int      `json:"aims"`              // parts of the target
	Missed  []string `json:"missed,omitempty"`  // with figures
	Unknown []string `json:"unknown,omitempty"` // parts that could not be judged
}

// Met is false where nothing was aimed at.
func (v Verdict) Met() bool { return v.Aims > 0 && len(v.Missed) == 0 && len(v.Unknown) == 0 }

// judge compares figures with a target. Failed operations count as a miss whatever the figures say: what failed did not cost
// what it should have.
func judge(t Target, cpuMax float64, f report.Figures) Verdict {
	var v Verdict
	if t.none() {
		return v
	}
	if f.Errors > 0 {
		v.Missed = append(v.Missed, fmt.Sprintf("%d errors", f.Errors))
	}
	if f.OpsPerSecond <= 0 {
		v.Missed = append(v.Missed, "no operation succeeded")
	}
	if t.CPUMicros > 0 || t.OfRow != "" {
		v.Aims++
		switch {
		case f.CPUMicros <= 0:
			v.Unknown = append(v.Unknown, "server CPU unknown")
		case cpuMax <= 0:
			v.Unknown = append(v.Unknown, "no figure of "+t.OfRow)
		case f.CPUMicros > cpuMax:
			v.Missed = append(v.Missed, fmt.Sprintf("CPU %.2f×", f.CPUMicros/cpuMax))
		}
	}
	if t.Rate > 0 {
		v.Aims++
		if f.OpsPerSecond < t.Rate {
			v.Missed = append(v.Missed, fmt.Sprintf("rate %s of %s", report.Thousands(f.OpsPerSecond), report.Thousands(t.Rate)))
		}
	}
	if t.P99Us > 0 {
		v.Aims++
		if f.P99Us > t.P99Us {
			v.Missed = append(v.Missed, fmt.Sprintf("p99 %s of %s µs", report.Thousands(f.P99Us), report.Thousands(t.P99Us)))
		}
	}
	return v
}

func (v Verdict) String() string {
	switch {
	case v.Aims == 0:
		return "no target"
	case v.Met():
		return "met"
	case len(v.Missed) == 0:
		return "not judged: " + strings.Join(v.Unknown, ", ")
	}
	return "missed: " + strings.Join(append(append([]string(nil), v.Missed...), v.Unknown...), ", ")
}
