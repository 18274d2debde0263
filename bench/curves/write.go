package curves

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/pegasus-go/pegasus/bench/report"
	"github.com/pegasus-go/pegasus/internal/plot"
)

// Page is the name of the page among the files of the curves.
const Page = "curves.md"

// csvColumns are those after the first, which is what the curve varies.
var csvColumns = []struct {
	name string
	of   func(report.Figures) float64
}{
	{"ops_per_second", func(f report.Figures) float64 { return f.OpsPerSecond }},
	{"p50_us", func(f report.Figures) float64 { return f.P50Us }},
	{"p99_us", func(f report.Figures) float64 { return f.P99Us }},
	{"p999_us", func(f report.Figures) float64 { return f.P999Us }},
	{"server_cpu_us_per_op", func(f report.Figures) float64 { return f.CPUMicros }},
	{"server_cpu_us_per_op_min", func(f report.Figures) float64 { return f.CPUMin }},
	{"server_cpu_us_per_op_max", func(f report.Figures) float64 { return f.CPUMax }},
	{"allocations_per_op", func(f report.Figures) float64 { return f.Allocations }},
	{"log_syncs_per_op", func(f report.Figures) float64 { return f.Syncs }},
	{"syscalls_per_op", func(f report.Figures) float64 { return f.Calls }},
	{"voluntary_switches_per_op", func(f report.Figures) float64 { return f.Switches }},
	{"servers_rss_bytes", func(f report.Figures) float64 { return f.RSSBytes }},
	{"others_cpu_share", func(f report.Figures) float64 { return f.OthersShare }},
	{"errors", func(f report.Figures) float64 { return float64(f.Errors) }},
}

// CSV writes one line per point and workload. Figures that are not known are empty.
func (m *Curve) CSV(out io.Writer) error {
	table := csv.NewWriter(out)
	head := []string{strings.ReplaceAll(m.Name, "-", "_"), "workload"}
	for _, c := range csvColumns {
		head = append(head, c.name)
	}
	_ = table.Write(head) // Flush tells of errors
	for _, r := range m.Results {
		line := []string{strconv.FormatFloat(r.X, 'f', -1, 64), r.Workload}
		for _, c := range csvColumns {
			cell := ""
			if v := c.of(r.Figures); v >= 0 {
				cell = strconv.FormatFloat(v, 'f', decimals(v), 64)
			}
			line = append(line, cell)
		}
		_ = table.Write(line)
	}
	table.Flush()
	return table.Error()
}

// decimals keeps about four digits.
func decimals(v float64) int {
	if v >= 1000 || v == float64(int64(v)) {
		return 0
	}
	return 3
}

// workload returns the results of one workload, in order.
func (m *Curve) workload(name string) []Result {
	var list []Result
	for _, r := range m.Results {
		if r.Workload == name {
			list = append(list, r)
		}
	}
	return list
}

// panelHeight is in pixels.
const panelHeight = 150

// logFrom is the ratio of largest to smallest value from which a vertical axis is logarithmic.
const logFrom = 20

// SVG draws CPU per operation, p99 and memory.
func (m *Curve) SVG(out io.Writer) error {
	f := plot.Figure{Height: panelHeight}
	x := plot.Axis{Name: m.of.xName, Log: true, Format: m.of.format}
	for _, r := range m.workload(workloads[0]) {
		x.Ticks = append(x.Ticks, r.X)
	}
	for _, y := range []struct {
		name string
		of   func(report.Figures) float64
	}{
		{"server CPU µs/op", func(f report.Figures) float64 { return f.CPUMicros }},
		{"p99 µs", func(f report.Figures) float64 { return f.P99Us }},
		{"servers' RSS MB", func(f report.Figures) float64 { return f.RSSBytes / megabyte }},
	} {
		p := plot.Panel{X: x, Y: plot.Axis{Name: y.name}, Marks: true}
		var values []float64
		for _, w := range workloads {
			line := plot.Line{Name: w}
			for _, r := range m.workload(w) {
				line.Points = append(line.Points, plot.Point{X: r.X, Y: y.of(r.Figures)})
				values = append(values, y.of(r.Figures))
			}
			p.Lines = append(p.Lines, line)
		}
		p.Y.Log = report.Min(values) > 0 && report.Max(values)/report.Min(values) > logFrom
		f.Panels = append(f.Panels, p)
	}
	return f.WriteSVG(out)
}

// quickNote marks a section that was but a try.
const quickNote = "A quick try with fewer points and rows: the figures are rough."

// megabyte of memory, in bytes.
const megabyte = 1e6

// fileName of a curve, without its ending.
func (c curve) fileName() string { return "curve-" + c.name }

// Markdown is the section of the page.
func (m *Curve) Markdown() string {
	o := m.options
	var b strings.Builder
	quick, runs := "", fmt.Sprintf("medians of %d runs", o.Runs)
	if o.Quick {
		quick = " " + quickNote
	}
	if o.Runs == 1 {
		runs = "one run"
	}
	figures := make([]report.Figures, len(m.Results))
	for i, r := range m.Results {
		figures[i] = r.Figures
	}
	fmt.Fprintf(&b, "Taken on %s, %s: %s; load average %s before. At each point %s of %s, `plog_sync = %s`.%s%s\n\n", m.Date.UTC().Format("2006-01-02"), o.Build, m.Machine,
		m.Machine.Load, runs, o.Duration, o.PlogSync, report.Others(figures), quick)
	fmt.Fprintf(&b, "![CPU per operation, p99 and memory by %s](%s.svg)\n\n", m.of.xName, m.of.fileName())
	for _, w := range workloads {
		fmt.Fprintf(&b, "- %s: %s.\n", w, m.of.aim.judge(m.workload(w)))
	}
	fmt.Fprintf(&b, "\n| %s | operation | ops/s | p50 / p99 µs | server CPU µs/op | syscalls/op | log syncs/op | servers' RSS MB |\n|%s\n", m.of.xName, strings.Repeat("---|", 8))
	for _, r := range m.Results {
		f, failed, syncs := r.Figures, "", ""
		if f.Errors > 0 {
			failed = fmt.Sprintf(", **%d errors**", f.Errors)
		}
		if f.Syncs != 0 {
			syncs = report.Known(f.Syncs)
		}
		fmt.Fprintf(&b, "| %s | %s | %s%s | %s / %s | %s | %s | %s | %s |\n", m.of.format(r.X), r.Workload, report.Thousands(f.OpsPerSecond), failed, report.Thousands(f.P50Us),
			report.Thousands(f.P99Us), report.Spread(f.CPUMicros, f.CPUMin, f.CPUMax), report.Known(f.Calls), syncs, report.Thousands(f.RSSBytes/megabyte))
	}
	for _, r := range m.Results {
		if r.Figures.Errors > 0 {
			fmt.Fprintf(&b, "\nErrors of %s at %s: %s.\n", r.Workload, m.of.format(r.X), r.Figures.ErrorText())
		}
	}
	if left := m.of.leftOut(o); len(left) > 0 {
		fmt.Fprintf(&b, "\nNot measured: %s (`--rows-max`).\n", strings.Join(left, ", "))
	}
	fmt.Fprintf(&b, "\nAll figures: [%s.csv](%s.csv).\n", m.of.fileName(), m.of.fileName())
	return b.String()
}

// Prepare makes the directory and the page where they are missing, and fails when a section has no place in the page. A quick try
// gets no place in a page that was not begun by one.
func Prepare(dir string, names []string, quick bool) error {
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("curves: %w", err)
	}
	page := filepath.Join(dir, Page)
	text, err := os.ReadFile(page)
	if errors.Is(err, os.ErrNotExist) {
		text = []byte(emptyPage(quick))
		err = report.WriteFile(page, text)
	}
	if err != nil {
		return err
	}
	if quick && !strings.Contains(string(text), quickNote) {
		return fmt.Errorf("curves: %s holds figures that a quick try must not replace: choose another directory with --out", page)
	}
	for _, c := range chosen {
		if err := report.CheckSection(page, c.fileName()); err != nil {
			return err
		}
	}
	return nil
}

// emptyPage has a place for every curve.
func emptyPage(quick bool) string {
	var b strings.Builder
	b.WriteString(`# How cost grows

` + "`make bench-curves`" + ` measures these curves on clusters of processes that it starts and stops itself (` + "`pegasus bench curves --help`" + `), and writes this page, the
pictures and the CSV files. Each curve varies one property and holds everything else still. Server CPU and memory are sums over all server processes: the
replica servers and three meta servers, which together with the client share the machine. Gets come before sets, on rows as they were loaded.
`)
	if quick {
		b.WriteString("\n" + quickNote + "\n")
	}
	for _, c := range list {
		fmt.Fprintf(&b, "\n## %s\n\n%s Aim: %s.\n\n<!-- %s:begin -->\nNot measured yet.\n<!-- %s:end -->\n", c.title, c.about, c.aim, c.fileName(), c.fileName())
	}
	return b.String()
}

// Write stores a curve: its CSV file, its picture and its section of the page.
func (m *Curve) Write(dir string) error {
	for _, file := range []struct {
		ending string
		write  func(io.Writer) error
	}{{".csv", m.CSV}, {".svg", m.SVG}} {
		var text bytes.Buffer
		if err := file.write(&text); err != nil {
			return fmt.Errorf("curves: %s: %w", m.Name, err)
		}
		if err := report.WriteFile(filepath.Join(dir, m.of.fileName()+file.ending), text.Bytes()); err != nil {
			return err
		}
	}
	return report.WriteSection(filepath.Join(dir, Page), m.of.fileName(), m.Markdown())
}
