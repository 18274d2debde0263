package trouble

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pegasus-go/pegasus/bench/report"
	"github.com/pegasus-go/pegasus/internal/plot"
)

// aim is how many times the quiet p99 is allowed.
const aim = 2

// Section is the marker of a trouble's place in the page, and the name of its picture without the ending.
func Section(name string) string { return "trouble-" + name }

// Markdown is the section of the page.
func (m *Measured) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s Taken on %s, %s: %s; load average %s before. %s operations/s, half of them gets, on %d rows of %d bytes in %d partitions on %d servers; `plog_sync = %s`.",
		m.of.about, m.Date.UTC().Format("2006-01-02"), m.o.Build, m.Machine, m.Machine.Load, report.Thousands(m.Rate), m.o.Rows, m.o.ValueBytes, partitions, servers, m.o.PlogSync)
	if m.Note != "" {
		fmt.Fprintf(&b, " This time: %s.", m.Note)
	}
	fmt.Fprintf(&b, " Servers and client used %.0f %% of the machine's CPU in the quiet phase and %.0f %% during the trouble.", 100*m.QuietOurs, 100*m.DuringOurs)
	if m.QuietOthers > othersMax || m.DuringOthers > othersMax {
		fmt.Fprintf(&b, " **Other programs used %.0f %% and %.0f %%.**", 100*m.QuietOthers, 100*m.DuringOthers)
	}
	if len(m.o.Sets) > 0 {
		fmt.Fprintf(&b, " Settings: `%s`.", strings.Join(m.o.Sets, "`, `"))
	}
	if m.o.Quick {
		b.WriteString(" A quick try: the figures are rough.")
	}
	fmt.Fprintf(&b, "\n\n![p99 by second](%s.svg)\n\n", Section(m.Name))
	b.WriteString(m.table())
	for _, text := range slices.Sorted(maps.Keys(m.Reasons)) {
		fmt.Fprintf(&b, "\n%d operations failed over all phases: %s.\n", m.Reasons[text], text)
	}
	return b.String()
}

func (m *Measured) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| operation | quiet p50 / p99 / p999 ms | during p50 / p99 / p999 ms | p99 ratio | at most %d times | length s | errors |\n|%s\n", aim, strings.Repeat("---|", 7))
	for _, kind := range kinds {
		quiet, during := m.Quiet[kind], m.During[kind]
		verdict := "yes"
		if m.Ratio(kind) > aim {
			verdict = "**no**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %.2f | %s | %.1f | %d |\n", kind, three(quiet), three(during), m.Ratio(kind), verdict, m.Length.Seconds(), during.Errors)
	}
	return b.String()
}

func three(l Latency) string { return fmt.Sprintf("%s / %s / %s", ms(l.P50), ms(l.P99), ms(l.P999)) }

// Text is for a terminal.
func (m *Measured) Text() string {
	text := m.of.title
	if m.Note != "" {
		text += ": " + m.Note
	}
	return text + "\n\n" + m.table()
}

// SVG draws the p99 of every second.
func (m *Measured) SVG(out io.Writer) error {
	p := plot.Panel{X: plot.Axis{Name: "seconds"}, Y: plot.Axis{Name: "p99 ms", Log: true}, Events: m.events}
	for _, kind := range kinds {
		p.Lines = append(p.Lines, plot.Line{Name: kind, Points: m.seconds[kind]})
	}
	return plot.Figure{Panels: []plot.Panel{p}, Height: pictureHeight}.WriteSVG(out)
}

const pictureHeight = 200 // pixels

// Check fails when the page has no place for one of the troubles, before a measurement takes its time.
func Check(page string, names []string) error {
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	for _, t := range chosen {
		if err := report.CheckSection(page, Section(t.name)); err != nil {
			return err
		}
	}
	return nil
}

// Write puts the trouble into its section of the page, and its picture beside it.
func (m *Measured) Write(page string) error {
	var picture bytes.Buffer
	if err := m.SVG(&picture); err != nil {
		return err
	}
	if err := report.WriteFile(filepath.Join(filepath.Dir(page), Section(m.Name)+".svg"), picture.Bytes()); err != nil {
		return err
	}
	return report.WriteSection(page, Section(m.Name), m.Markdown())
}
