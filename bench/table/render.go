package table

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/pegasus-go/pegasus/bench/report"
)

// Section is the name of the markers around the table in a page.
const Section = "bench-table"

// columns of the table.
var columns = []string{"case", "callers", "ops/s", "p50 / p99 / p999 µs", "server CPU µs/op (min–max)", "allocs/op", "log syncs/op", "syscalls/op",
	"target CPU", "rival CPU", "rival ops/s", "against the rival", "verdict"}

// Markdown is the report as a section of a page.
func (r *Report) Markdown() string {
	var b strings.Builder
	kind := ""
	if r.Quick {
		kind = " A quick try: the figures are rough."
	}
	runs := "Medians of %d runs"
	if r.Runs == 1 {
		runs = "%d run"
	}
	fmt.Fprintf(&b, "Taken on %s, %s, by `make bench-table`: %s; load average %s before. "+runs+" of %.3g s; %d partitions × %d replicas, %s rows.%s",
		r.Date.UTC().Format("2006-01-02"), r.Build, r.Machine, r.Machine.Load, r.Runs, r.RunSeconds, r.Partitions, members, report.Thousands(float64(r.TableRows)), kind)
	if len(r.Settings) > 0 {
		fmt.Fprintf(&b, " Settings other than the defaults: `%s`.", strings.Join(r.Settings, "`, `"))
	}
	figures := make([]report.Figures, len(r.Rows))
	for i, row := range r.Rows {
		figures[i] = row.Figures
	}
	b.WriteString(report.Others(figures))
	fmt.Fprintf(&b, "\nThe rival is %s.\n\n", r.RivalFrom)
	fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
	for _, row := range r.Rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row.cells(), " | "))
	}
	b.WriteString("\n" + r.summary() + "\n")
	r.redis(&b)
	return b.String()
}

// cells of one row. What is not known is empty.
func (m Measured) cells() []string {
	f := m.Figures
	rate := report.Thousands(f.OpsPerSecond)
	if f.RowsPerSecond > 1.5*f.OpsPerSecond {
		rate += fmt.Sprintf(" (%s rows)", report.Thousands(f.RowsPerSecond))
	}
	if f.Errors > 0 {
		rate += fmt.Sprintf(", **%d errors**", f.Errors)
	}
	rivalCPU, rivalRate := "", ""
	if m.Rival != nil {
		rivalCPU, rivalRate = report.Figure(m.Rival.CPUMicros), report.Thousands(m.Rival.OpsPerSecond)
	}
	cpu := ""
	if f.CPUMicros > 0 {
		cpu = fmt.Sprintf("%s (%s–%s)", report.Figure(f.CPUMicros), report.Figure(f.CPUMin), report.Figure(f.CPUMax))
	}
	return []string{m.Case, fmt.Sprint(m.Callers), rate,
		fmt.Sprintf("%s / %s / %s", report.Thousands(f.P50Us), report.Thousands(f.P99Us), report.Thousands(f.P999Us)), cpu, report.Known(f.Allocations), m.syncs(), report.Known(f.Calls),
		m.targetText(), rivalCPU, rivalRate, m.Ratios.String(), m.Verdict.String()}
}

// syncs of the log are of interest where something is written.
func (m Measured) syncs() string {
	if m.Figures.Syncs <= 0 {
		return ""
	}
	return report.Known(m.Figures.Syncs)
}

func (m Measured) targetText() string {
	switch {
	case m.CPUMax <= 0 && m.Target.OfRow == "":
		return ""
	case m.Target.OfRow == "":
		return report.Figure(m.CPUMax)
	case m.CPUMax <= 0:
		return fmt.Sprintf("%.3g × %s", m.Target.Times, m.Target.OfRow)
	}
	return fmt.Sprintf("%s (%.3g × %s)", report.Figure(m.CPUMax), m.Target.Times, m.Target.OfRow)
}

func (r *Report) summary() string {
	judged, met := 0, 0
	for _, row := range r.Rows {
		if row.Verdict.Aims > 0 {
			judged++
			if len(row.Verdict.Missed) == 0 {
				met++
			}
		}
	}
	return fmt.Sprintf("%d of %d rows with a target meet it. Server CPU is that of all six processes; a set counts all three members. Syscalls are calls of the read and "+
		"write families only. Targets of rows for synced sets are multiples of the rival's rate with its log *not* synced.", met, judged)
}

func (r *Report) redis(b *strings.Builder) {
	if r.Redis == nil {
		fmt.Fprintf(b, "\nNo yardstick: %s.\n", r.RedisNote)
		return
	}
	fmt.Fprintf(b, "\nYardstick in the same run: Redis %s, one process, nothing replicated, loaded by redis-benchmark.\n\n", r.Redis.Version)
	b.WriteString("| case | callers | ops/s | p50 / p99 µs | server CPU µs/op (min–max) | syscalls/op |\n|---|---|---|---|---|---|\n")
	for _, row := range r.Redis.Rows {
		fmt.Fprintf(b, "| %s | %d | %s | %s / %s | %s (%s–%s) | %s |\n", row.Case, row.Callers, report.Thousands(row.OpsPerSecond), report.Thousands(row.P50Us), report.Thousands(row.P99Us),
			report.Figure(row.CPUMicros), report.Figure(row.CPUMin), report.Figure(row.CPUMax), report.Known(row.CallsPerOp))
	}
}

// JSON writes the report with every run.
func (r *Report) JSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}
