package soak

import (
	"encoding/csv"
	"fmt"
	"io"

	"github.com/pegasus-go/pegasus/internal/plot"
)

// Watch is the samples of some processes.
type Watch struct {
	Names  []string
	Series map[string][]Sample
}

// WriteCSV writes one line per sample, memory in bytes.
func (w Watch) WriteCSV(out io.Writer) error {
	table := csv.NewWriter(out)
	_ = table.Write([]string{"server", "seconds", "rss_bytes", "heap_bytes", "goroutines", "descriptors", "threads"}) // Flush tells of errors
	for _, name := range w.Names {
		for _, s := range w.Series[name] {
			line := []string{name, fmt.Sprintf("%.1f", s.At.Seconds())}
			for _, m := range Measures {
				line = append(line, fmt.Sprintf("%.0f", m.Of(s)))
			}
			_ = table.Write(line)
		}
	}
	table.Flush()
	return table.Error()
}

// WriteSVG draws one panel per measure with one line per process; the later half, which is judged, is shaded.
func (w Watch) WriteSVG(out io.Writer) error {
	var f plot.Figure
	for _, m := range Measures {
		p := plot.Panel{
			X: plot.Axis{Format: func(s float64) string { return fmt.Sprintf("%.0f s", s) }},
			Y: plot.Axis{Name: m.Name, Format: func(v float64) string { return plot.Short(v/m.Unit) + m.Suffix }},
		}
		for _, name := range w.Names {
			line := plot.Line{Name: name}
			for _, s := range w.Series[name] {
				line.Points = append(line.Points, plot.Point{X: s.At.Seconds(), Y: m.Of(s)})
				p.ShadeFrom = max(p.ShadeFrom, s.At.Seconds()/2)
			}
			p.Lines = append(p.Lines, line)
		}
		f.Panels = append(f.Panels, p)
	}
	return f.WriteSVG(out)
}
