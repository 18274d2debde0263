package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pegasus-go/pegasus/bench"
)

// Figures of a case: medians over its runs, each figure by itself. Those of the servers are negative where they are not known.
type Figures struct {
	OpsPerSecond  float64 `json:"ops_per_second"`
	RowsPerSecond float64 `json:"rows_per_second"`
	P50Us         float64 `json:"p50_us"`
	P99Us         float64 `json:"p99_us"`
	P999Us        float64 `json:"p999_us"`
	CPUMicros     float64 `json:"cpu_us_per_op"` // user and system time of all server processes
	CPUMin        float64 `json:"cpu_us_per_op_min"`
	CPUMax        float64 `json:"cpu_us_per_op_max"`
	ClientMicros  float64 `json:"client_cpu_us_per_op"`
	Allocations   float64 `json:"allocations_per_op"`
	Allocated     float64 `json:"allocated_bytes_per_op"`
	Syncs         float64 `json:"syncs_per_op"`
	Calls         float64 `json:"syscalls_per_op"` // reads and writes, see bench.Usage
	Switches      float64 `json:"voluntary_switches_per_op"`
	RSSBytes      float64 `json:"rss_bytes"`        // of all server processes
	OthersShare   float64 `json:"others_cpu_share"` // of the machine's CPU time, see bench.ServerCost
	Errors        int64   `json:"errors"`           // failed operations, of all runs

	Reasons map[string]int64 `json:"error_reasons,omitempty"` // of the errors
}

// Summarize takes the medians of at least one run.
func Summarize(runs []*bench.Result) Figures {
	over := func(of func(*bench.Result) *float64) []float64 {
		var values []float64
		for _, r := range runs {
			if v := of(r); v != nil {
				values = append(values, *v)
			}
		}
		return values
	}
	median := func(of func(*bench.Result) *float64) float64 {
		values := over(of)
		if len(values) == 0 {
			return -1
		}
		return Median(values)
	}
	server := func(of func(*bench.ServerCost) *float64) func(*bench.Result) *float64 {
		return func(r *bench.Result) *float64 {
			if r.Server == nil {
				return nil
			}
			return of(r.Server)
		}
	}
	latency := func(of func(bench.Latency) int64) float64 {
		return median(func(r *bench.Result) *float64 { v := float64(of(r.Latency["all"])); return &v })
	}
	cpu := server(func(c *bench.ServerCost) *float64 { return c.CPUMicrosPerOp })
	f := Figures{
		OpsPerSecond:  median(func(r *bench.Result) *float64 { return &r.OpsPerSecond }),
		RowsPerSecond: median(func(r *bench.Result) *float64 { return &r.RowsPerSecond }),
		P50Us:         latency(func(l bench.Latency) int64 { return l.P50Us }),
		P99Us:         latency(func(l bench.Latency) int64 { return l.P99Us }),
		P999Us:        latency(func(l bench.Latency) int64 { return l.P999Us }),
		CPUMicros:     median(cpu), CPUMin: Min(over(cpu)), CPUMax: Max(over(cpu)),
		ClientMicros: median(server(func(c *bench.ServerCost) *float64 { return c.ClientMicrosPerOp })),
		Allocations:  median(server(func(c *bench.ServerCost) *float64 { return c.AllocationsPerOp })),
		Allocated:    median(server(func(c *bench.ServerCost) *float64 { return c.AllocatedByteOp })),
		Syncs:        median(server(func(c *bench.ServerCost) *float64 { return c.SyncsPerOp })),
		Calls:        median(server(func(c *bench.ServerCost) *float64 { return c.CallsPerOp })),
		Switches:     median(server(func(c *bench.ServerCost) *float64 { return c.SwitchesPerOp })),
		OthersShare:  median(server(func(c *bench.ServerCost) *float64 { return c.OthersShare })),
		RSSBytes: median(server(func(c *bench.ServerCost) *float64 {
			if c.RSSBytes == nil {
				return nil
			}
			v := float64(*c.RSSBytes)
			return &v
		})),
	}
	for _, r := range runs {
		for reason, n := range r.Errors {
			if f.Reasons == nil {
				f.Reasons = map[string]int64{}
			}
			f.Reasons[reason] += n
			f.Errors += n
		}
	}
	return f
}

// ErrorText lists the reasons of errors, "" when there were none.
func (f Figures) ErrorText() string {
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(f.Reasons)) {
		parts = append(parts, fmt.Sprintf("%d × %s", f.Reasons[reason], reason))
	}
	return strings.Join(parts, ", ")
}

// busyShare is how much of the machine other programs may take while the figures still hold.
const busyShare = 0.1

// Others is a sentence on how much other programs disturbed a measurement, "" when it is not known.
func Others(list []Figures) string {
	var shares []float64
	for _, f := range list {
		if f.OthersShare >= 0 {
			shares = append(shares, f.OthersShare)
		}
	}
	if len(shares) == 0 {
		return ""
	}
	median, most := Median(shares), Max(shares)
	text := fmt.Sprintf(" Other programs took %.0f %% of the machine's CPU time in the median case, %.0f %% in the worst", 100*median, 100*most)
	if median > busyShare {
		return text + ": **the machine was busy, rates and latencies are not to be trusted**."
	}
	return text + "."
}
