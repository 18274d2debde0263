package soak

import (
	"encoding/csv"
	"fmt"
	"html"
	"io"
	"strings"
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

// Sizes of the picture, in pixels.
const (
	panelWidth, panelHeight = 860, 120
	marginLeft, marginTop   = 130, 24
	panelGap                = 34
)

var colours = []string{"#1f77b4", "#d62728", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b"}

// WriteSVG draws one panel per measure with one line per process; the later half, which is judged, is shaded.
func (w Watch) WriteSVG(out io.Writer) error {
	var b strings.Builder
	height := marginTop + len(Measures)*(panelHeight+panelGap)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", marginLeft+panelWidth+20, height)
	fmt.Fprintln(&b, `<rect width="100%" height="100%" fill="white"/>`)
	for i, name := range w.Names {
		fmt.Fprintf(&b, `<text x="%d" y="15" fill="%s">%s</text>`+"\n", marginLeft+i*110, colours[i%len(colours)], html.EscapeString(name))
	}
	for i, m := range Measures {
		w.panel(&b, m, marginTop+i*(panelHeight+panelGap))
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(out, b.String())
	return err
}

func (w Watch) panel(b *strings.Builder, m Measure, top int) {
	end, peak := 1.0, 1.0
	for _, series := range w.Series {
		for _, s := range series {
			end, peak = max(end, s.At.Seconds()), max(peak, m.Of(s))
		}
	}
	fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" fill="#f4f4f4"/>`+"\n", marginLeft+panelWidth/2, top, panelWidth/2, panelHeight)
	fmt.Fprintf(b, `<path d="M%d %dv%dh%d" fill="none" stroke="#888"/>`+"\n", marginLeft, top, panelHeight, panelWidth)
	fmt.Fprintf(b, `<text x="8" y="%d">%s</text>`+"\n", top+panelHeight/2, html.EscapeString(m.Name))
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%.0f%s</text>`+"\n", marginLeft-6, top+10, peak/m.Unit, m.Suffix)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">0</text>`+"\n", marginLeft-6, top+panelHeight)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%.0f s</text>`+"\n", marginLeft+panelWidth, top+panelHeight+14, end)
	for i, name := range w.Names {
		var points strings.Builder
		for _, s := range w.Series[name] {
			fmt.Fprintf(&points, "%.1f,%.1f ", float64(marginLeft)+s.At.Seconds()/end*panelWidth, float64(top+panelHeight)-m.Of(s)/peak*(panelHeight-6))
		}
		fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="1.2"/>`+"\n", strings.TrimSpace(points.String()), colours[i%len(colours)])
	}
}
