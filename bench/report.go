package bench

import (
	"fmt"
	"io"
	"sort"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Result is what a run measured. Its JSON form is `pegasus bench --json`.
type Result struct {
	Workload      string       `json:"workload"`
	Distribution  Distribution `json:"distribution"`
	Table         string       `json:"table"`
	Partitions    int32        `json:"partitions"`
	Dialect       string       `json:"dialect"`
	Callers       int          `json:"callers"`
	Connections   int          `json:"connections_per_server"`
	RatePerSecond float64      `json:"rate_per_second,omitempty"` // 0: closed loop
	Rows          int64        `json:"rows"`
	ValueBytes    int          `json:"value_bytes"`
	Batch         int          `json:"batch,omitempty"`

	Load *Loaded `json:"load,omitempty"`

	Seconds       float64            `json:"seconds"`
	Operations    int64              `json:"operations"` // that succeeded
	OpsPerSecond  float64            `json:"ops_per_second"`
	RowsPerSecond float64            `json:"rows_per_second"`
	NotFound      int64              `json:"not_found"` // operations that met no row
	Errors        map[string]int64   `json:"errors"`    // failed operations by reason
	Latency       map[string]Latency `json:"latency"`   // by kind of operation; "all" for all of them

	Server *ServerCost `json:"server,omitempty"`
}

// Latency is a distribution in microseconds.
type Latency struct {
	Operations int64   `json:"operations"`
	MeanUs     float64 `json:"mean_us"`
	P50Us      int64   `json:"p50_us"`
	P90Us      int64   `json:"p90_us"`
	P99Us      int64   `json:"p99_us"`
	P999Us     int64   `json:"p999_us"`
	MaxUs      int64   `json:"max_us"`
}

func newResult(o *Options, w *workload, partitions int32) *Result {
	r := &Result{
		Workload: w.name, Distribution: w.distribution, Table: o.Table, Partitions: partitions, Dialect: dialectName(o.Dialect),
		Callers: o.Callers, Connections: o.Connections, RatePerSecond: o.RatePerSecond, Rows: o.Rows, ValueBytes: o.ValueBytes,
		Errors: map[string]int64{}, Latency: map[string]Latency{},
	}
	if w.any(kind.grouped) {
		r.Batch = o.Batch
	}
	return r
}

func latencyOf(h *hdrhistogram.Histogram) Latency {
	return Latency{
		Operations: h.TotalCount(), MeanUs: h.Mean(), P50Us: h.ValueAtQuantile(50), P90Us: h.ValueAtQuantile(90),
		P99Us: h.ValueAtQuantile(99), P999Us: h.ValueAtQuantile(99.9), MaxUs: h.Max(),
	}
}

func (r *Result) fill(t *tally, took time.Duration) {
	all := t.all()
	r.Seconds, r.Operations, r.NotFound = took.Seconds(), all.TotalCount(), t.notFound
	r.OpsPerSecond = float64(r.Operations) / r.Seconds
	r.RowsPerSecond = float64(t.rows) / r.Seconds
	for text, n := range t.errors {
		r.Errors[text] = n
	}
	r.Latency["all"] = latencyOf(all)
	for k, h := range t.latency {
		if h != nil {
			r.Latency[kind(k).String()] = latencyOf(h)
		}
	}
}

// Text writes the result for people.
func (r *Result) Text(out io.Writer) error {
	fmt.Fprintf(out, "%s on table %s (%d partitions), %s, %d rows of %d bytes\n", r.Workload, r.Table, r.Partitions, r.Distribution, r.Rows, r.ValueBytes)
	if r.Load != nil {
		fmt.Fprintf(out, "loaded       %d rows in %.1f s, %.0f rows/s\n", r.Load.Rows, r.Load.Seconds, r.Load.RowsPerSecond)
	}
	if r.Seconds == 0 {
		return nil
	}
	loop := "closed loop"
	if r.RatePerSecond > 0 {
		loop = fmt.Sprintf("open loop at %.0f ops/s", r.RatePerSecond)
	}
	fmt.Fprintf(out, "measured     %.1f s, %s, %d callers on %d connections per server, %s\n", r.Seconds, loop, r.Callers, r.Connections, r.Dialect)
	fmt.Fprintf(out, "throughput   %.0f ops/s, %.0f rows/s\n", r.OpsPerSecond, r.RowsPerSecond)
	if r.NotFound > 0 {
		fmt.Fprintf(out, "not found    %d operations met no row\n", r.NotFound)
	}
	var reasons []string
	for text, n := range r.Errors {
		reasons = append(reasons, fmt.Sprintf("%d × %s", n, text))
	}
	sort.Strings(reasons)
	if len(reasons) > 0 {
		fmt.Fprintf(out, "errors       %s\n", strings.Join(reasons, ", "))
	}
	if r.Server != nil {
		r.Server.text(out)
	}
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\noperation\tcount\tmean\tp50\tp90\tp99\tp999\tmax\t")
	for _, name := range sortedKinds(r.Latency) {
		l := r.Latency[name]
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t\n", name, l.Operations, microseconds(int64(l.MeanUs)), microseconds(l.P50Us),
			microseconds(l.P90Us), microseconds(l.P99Us), microseconds(l.P999Us), microseconds(l.MaxUs))
	}
	return table.Flush()
}

// sortedKinds lists the kinds by name, without the sum when there is only one.
func sortedKinds(latency map[string]Latency) []string {
	var names []string
	for name := range latency {
		if name != "all" {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	if len(names) != 1 {
		names = append(names, "all")
	}
	return names
}

// othersShareMax is how much of the machine other programs may take before a report mentions it.
const othersShareMax = 0.1

func (c *ServerCost) text(out io.Writer) {
	var parts []string
	add := func(value *float64, format string) {
		if value != nil {
			parts = append(parts, fmt.Sprintf(format, *value))
		}
	}
	add(c.CPUMicrosPerOp, "%.1f µs CPU/op")
	if c.SharedWithClient {
		parts = append(parts, "shared with this client in one process")
	} else {
		add(c.ClientMicrosPerOp, "(client %.1f)")
	}
	add(c.AllocationsPerOp, "%.1f allocations/op")
	add(c.AllocatedByteOp, "%.0f bytes allocated/op")
	add(c.SyncsPerOp, "%.3f log syncs/op")
	add(c.CallsPerOp, "%.2f system calls/op")
	add(c.SwitchesPerOp, "%.2f voluntary switches/op")
	if c.OthersShare != nil && *c.OthersShare > othersShareMax {
		parts = append(parts, fmt.Sprintf("other programs took %.0f %% of the machine's CPU", 100**c.OthersShare))
	}
	if c.RSSBytes != nil {
		parts = append(parts, fmt.Sprintf("%d MB resident in %d processes", *c.RSSBytes>>20, c.Processes))
	}
	if c.Note != "" {
		parts = append(parts, c.Note)
	}
	if len(parts) > 0 {
		fmt.Fprintf(out, "servers      %s\n", strings.Join(parts, ", "))
	}
}

// microseconds writes a latency with three digits and a unit.
func microseconds(us int64) string {
	switch {
	case us < 1000:
		return fmt.Sprintf("%d µs", us)
	case us < 10_000:
		return fmt.Sprintf("%.2f ms", float64(us)/1e3)
	case us < 100_000:
		return fmt.Sprintf("%.1f ms", float64(us)/1e3)
	case us < 1_000_000:
		return fmt.Sprintf("%d ms", us/1e3)
	}
	return fmt.Sprintf("%.2f s", float64(us)/1e6)
}
