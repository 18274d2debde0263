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
var columns = []string{"case", "callers", "ops/s", "p50 / p99 / p999 µs", "server CPU µs/op", "allocs/op", "log syncs/op", "syscalls/op",
	"target", "original: CPU, rate, p50 / p99", "against the original", "machine", "met?", "met, scaled?"}

var factColumns = []string{"memory and times", "measured", "target", "original", "against the original", "met?"}

// quickNote marks a report that was but a try.
const quickNote = "A quick try: the figures are rough."

// Markdown is the report as a section of a page.
func (r *Report) Markdown() string {
	var b strings.Builder
	runs := "Medians of %d runs"
	if r.Runs == 1 {
		runs = "%d run"
	}
	fmt.Fprintf(&b, "Taken on %s by `pegasus bench table`: %s; %s; load average %s before. "+runs+" of %.3g s; %d partitions × %d replicas, %s rows.",
		r.Date.UTC().Format("2006-01-02"), r.Build, r.Machine, r.Machine.Load, r.Runs, r.RunSeconds, r.Partitions, members, report.Thousands(float64(r.TableRows)))
	if r.Quick {
		b.WriteString(" " + quickNote)
	}
	if r.Machine.Filesystem == "tmpfs" {
		b.WriteString(" **The data lay in memory (tmpfs), where a sync costs nothing: figures of synced rows are not to be compared.**")
	}
	if len(r.Settings) > 0 {
		fmt.Fprintf(&b, " Settings other than the defaults: `%s`.", strings.Join(r.Settings, "`, `"))
	}
	var figures []report.Figures
	for _, row := range r.Rows {
		if row.Failed == "" {
			figures = append(figures, row.Figures)
		}
	}
	b.WriteString(report.Others(figures))
	b.WriteString("\n\n" + r.summary() + "\n")
	if len(r.Rows) > 0 {
		tableOf(&b, columns, r.Rows, Measured.cells)
	}
	for _, row := range r.Rows {
		if row.Figures.Errors > 0 {
			fmt.Fprintf(&b, "\nErrors of %s: %s.\n", row.Name, row.Figures.ErrorText())
		}
	}
	if len(r.Facts) > 0 {
		tableOf(&b, factColumns, r.Facts, Fact.cells)
	}
	b.WriteString("\n" + r.legend() + "\n")
	r.redis(&b)
	return b.String()
}

func tableOf[T any](b *strings.Builder, columns []string, lines []T, cells func(T) []string) {
	fmt.Fprintf(b, "\n| %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
	for _, line := range lines {
		fmt.Fprintf(b, "| %s |\n", strings.Join(cells(line), " | "))
	}
}

// cells of one row.
func (m Measured) cells() []string {
	original := ""
	if o := m.Original; o != nil {
		p99 := "?"
		if o.P99Us > 0 {
			p99 = report.Thousands(o.P99Us)
		}
		original = fmt.Sprintf("%s µs, %s/s, %s / %s µs", report.Figure(o.CPUMicros), report.Thousands(o.OpsPerSecond), report.Thousands(o.P50Us), p99)
	}
	if m.Failed != "" {
		return []string{m.Case, fmt.Sprint(m.Callers), "", "", "", "", "", "", m.targetText(), original, "", "", "not measured: " + firstLine(m.Failed), ""}
	}
	f := m.Figures
	rate := report.Thousands(f.OpsPerSecond)
	if f.RowsPerSecond > 1.5*f.OpsPerSecond {
		rate += fmt.Sprintf(" (%s rows)", report.Thousands(f.RowsPerSecond))
	}
	if f.Errors > 0 {
		rate += fmt.Sprintf(", **%d errors**", f.Errors)
	}
	cpu := "unknown"
	if f.CPUMicros > 0 {
		cpu = report.Spread(f.CPUMicros, f.CPUMin, f.CPUMax)
	}
	return []string{m.Case, fmt.Sprint(m.Callers), rate,
		fmt.Sprintf("%s / %s / %s", report.Thousands(f.P50Us), report.Thousands(f.P99Us), report.Thousands(f.P999Us)), cpu, report.Known(f.Allocations), m.syncs(), report.Known(f.Calls),
		m.targetText(), original, m.Ratios.String(), m.slowness(), m.Verdict.String(), m.scaled()}
}

func (m Measured) slowness() string {
	if m.Slowness <= 0 {
		return "?"
	}
	return fmt.Sprintf("÷ %.2f", m.Slowness)
}

func (m Measured) scaled() string {
	if m.Slowness <= 0 || m.Target.none() {
		return ""
	}
	return m.Scaled.String()
}

// syncs of the log are of interest where something is written.
func (m Measured) syncs() string {
	if m.Figures.Syncs == 0 {
		return ""
	}
	return report.Known(m.Figures.Syncs)
}

func (m Measured) targetText() string {
	var parts []string
	switch {
	case m.Target.OfRow != "" && m.CPUMax > 0:
		parts = append(parts, fmt.Sprintf("≤ %s µs (%.3g × %s)", report.Figure(m.CPUMax), m.Target.Times, m.Target.OfRow))
	case m.Target.OfRow != "":
		parts = append(parts, fmt.Sprintf("≤ %.3g × %s", m.Target.Times, m.Target.OfRow))
	case m.Target.CPUMicros > 0:
		parts = append(parts, fmt.Sprintf("≤ %g µs", m.Target.CPUMicros))
	}
	if m.Target.Rate > 0 {
		parts = append(parts, fmt.Sprintf("≥ %s/s", report.Thousands(m.Target.Rate)))
	}
	if m.Target.P99Us > 0 {
		parts = append(parts, fmt.Sprintf("p99 ≤ %s µs", report.Thousands(m.Target.P99Us)))
	}
	return strings.Join(parts, ", ")
}

// summary counts. A row with errors, or without a figure that its target asks for, is not met.
func (r *Report) summary() string {
	aimed, met, scaled, failed, wrong := 0, 0, 0, 0, 0
	for _, row := range r.Rows {
		if row.Failed != "" {
			failed++
		}
		if row.Figures.Errors > 0 {
			wrong++
		}
		if row.Target.none() {
			continue
		}
		aimed++
		if row.Failed == "" && row.Verdict.Met() {
			met++
		}
		if row.Failed == "" && row.Scaled.Met() {
			scaled++
		}
	}
	for _, f := range r.Facts {
		aimed++
		if f.Met() {
			met++
			scaled++
		}
		if f.Failed != "" {
			failed++
		}
	}
	text := fmt.Sprintf("%d of %d rows with a target meet all parts of it.", met, aimed)
	if scaled > met {
		text += fmt.Sprintf(" With the targets scaled to the speed that the machine had, %d do.", scaled)
	}
	if wrong > 0 {
		text += fmt.Sprintf(" **%d rows had errors.**", wrong)
	}
	if failed > 0 {
		text += fmt.Sprintf(" **%d rows could not be measured.**", failed)
	}
	return text
}

func (r *Report) legend() string {
	return "*Original*: " + r.OriginalFrom + ". Its figures were measured on another run of the same kind of machine, so ratios to it hold roughly; ? is what was not measured. " +
		"*Server CPU* is that of all six processes; a set counts all three members; in brackets the least and the most of the runs. *Syscalls* are calls of the read and " +
		"write families only. *Allocations* and *log syncs* are those of the replica servers. Targets of synced sets are multiples of the original's rate with its log *not* synced, " +
		"because that is its default. *Machine* is its speed against the original's while the row was measured: what a get of 1 KB costs Redis there (9 µs, between 8 and 10) and here. " +
		"*Scaled* are targets with CPU and p99 times, and rates divided by, that factor. Memory is resident memory, 1 MB = 10⁶ bytes."
}

func (r *Report) redis(b *strings.Builder) {
	if r.Redis == nil {
		fmt.Fprintf(b, "\nNo yardstick: %s.\n", r.RedisNote)
		return
	}
	fmt.Fprintf(b, "\nYardstick in the same run: Redis %s, one process, nothing replicated, loaded by redis-benchmark. %s\n\n", r.Redis.Version, redisBesideOriginal)
	b.WriteString("| case | callers | ops/s | p50 / p99 µs | server CPU µs/op | syscalls/op |\n|---|---|---|---|---|---|\n")
	for _, row := range r.Redis.Rows {
		fmt.Fprintf(b, "| %s | %d | %s | %s / %s | %s | %s |\n", row.Case, row.Callers, report.Thousands(row.OpsPerSecond), report.Thousands(row.P50Us), report.Thousands(row.P99Us),
			report.Spread(row.CPUMicros, row.CPUMin, row.CPUMax), report.Known(row.CallsPerOp))
	}
}

// JSON writes the report with every run.
func (r *Report) JSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}
