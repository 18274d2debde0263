package plot

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"
)

// Point is one value at one place of the horizontal axis.
type Point struct{ X, Y float64 }

// Line is a named series of points in order of X. Lines of the same name have the same colour in all panels.
type Line struct {
	Name   string
	Points []Point
}

// Axis says how the values of one direction are drawn and written.
type Axis struct {
	Name   string
	Log    bool                       // logarithmic; values of 0 and less are drawn at the lower edge
	Ticks  []float64                  // where to write values; nil: chosen
	Format func(value float64) string // of a tick; nil: Short
}

// Panel is one diagram.
type Panel struct {
	X, Y  Axis
	Lines []Line
	Marks bool // a dot at every point

	// ShadeFrom marks everything from there on along X when it is not zero.
	ShadeFrom float64
	// Events are marked along X.
	Events []Event
}

// Figure is panels one below the other.
type Figure struct {
	Panels []Panel
	Height int // of a panel in pixels; default 120
}

// Sizes in pixels.
const (
	panelWidth, panelHeight = 860, 120
	marginLeft, marginTop   = 150, 24
	marginRight             = 30
	lineHeight              = 15
	panelGap                = 46
	legendWidth             = 110
	headroom                = 6 // between the highest value and the upper edge
)

var colours = []string{"#1f77b4", "#d62728", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b"}

// WriteSVG draws the figure.
func (f Figure) WriteSVG(out io.Writer) error {
	height := f.Height
	if height == 0 {
		height = panelHeight
	}
	colour, names := f.colours()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n",
		marginLeft+panelWidth+marginRight, marginTop+len(f.Panels)*(height+panelGap))
	fmt.Fprintln(&b, `<rect width="100%" height="100%" fill="white"/>`)
	for i, name := range names {
		fmt.Fprintf(&b, `<text x="%d" y="15" fill="%s">%s</text>`+"\n", marginLeft+i*legendWidth, colour[name], html.EscapeString(name))
	}
	for i, p := range f.Panels {
		canvas{&b, p, marginTop + i*(height+panelGap), height}.draw(colour)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(out, b.String())
	return err
}

// colours gives every name of a line a colour, in order of first use.
func (f Figure) colours() (colour map[string]string, names []string) {
	colour = map[string]string{}
	for _, p := range f.Panels {
		for _, l := range p.Lines {
			if _, known := colour[l.Name]; !known {
				colour[l.Name] = colours[len(names)%len(colours)]
				names = append(names, l.Name)
			}
		}
	}
	return colour, names
}

// canvas is the place of one panel.
type canvas struct {
	b           *strings.Builder
	panel       Panel
	top, height int
}

func (c canvas) draw(colour map[string]string) {
	x, y := c.scales()
	right, bottom := marginLeft+panelWidth, c.top+c.height
	atX := func(v float64) float64 { return marginLeft + x.share(v)*panelWidth }
	atY := func(v float64) float64 { return float64(bottom) - y.share(v)*float64(c.height-headroom) }
	if c.panel.ShadeFrom != 0 {
		from := atX(c.panel.ShadeFrom)
		fmt.Fprintf(c.b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="#f4f4f4"/>`+"\n", from, c.top, float64(right)-from, c.height)
	}
	for _, tick := range y.ticks(c.panel.Y.Ticks) {
		fmt.Fprintf(c.b, `<path d="M%d %.1fH%d" stroke="#ddd"/>`+"\n", marginLeft, atY(tick), right)
		fmt.Fprintf(c.b, `<text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n", marginLeft-6, atY(tick)+4, html.EscapeString(c.panel.Y.format(tick)))
	}
	for _, tick := range x.ticks(c.panel.X.Ticks) {
		fmt.Fprintf(c.b, `<path d="M%.1f %dv4" stroke="#888"/>`+"\n", atX(tick), bottom)
		fmt.Fprintf(c.b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", atX(tick), bottom+17, html.EscapeString(c.panel.X.format(tick)))
	}
	fmt.Fprintf(c.b, `<path d="M%d %dv%dh%d" fill="none" stroke="#888"/>`+"\n", marginLeft, c.top, c.height, panelWidth)
	fmt.Fprintf(c.b, `<text x="8" y="%d">%s</text>`+"\n", c.top+c.height/2, html.EscapeString(c.panel.Y.Name))
	if c.panel.Y.Log {
		fmt.Fprintf(c.b, `<text x="8" y="%d" fill="#666">(log)</text>`+"\n", c.top+c.height/2+lineHeight)
	}
	fmt.Fprintf(c.b, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", right, bottom+32, html.EscapeString(c.panel.X.title()))
	c.drawEvents(atX)
	for _, l := range c.panel.Lines {
		var points []string
		for _, p := range l.Points {
			points = append(points, fmt.Sprintf("%.1f,%.1f", atX(p.X), atY(p.Y)))
			if c.panel.Marks {
				fmt.Fprintf(c.b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", atX(p.X), atY(p.Y), colour[l.Name])
			}
		}
		fmt.Fprintf(c.b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="1.2"/>`+"\n", strings.Join(points, " "), colour[l.Name])
	}
}

// scales are those that hold all points of the panel. Linear axes begin at 0, logarithmic ones at the smallest positive value.
func (c canvas) scales() (x, y scale) {
	x, y = scale{log: c.panel.X.Log}, scale{log: c.panel.Y.Log}
	for _, l := range c.panel.Lines {
		for _, p := range l.Points {
			x.hold(p.X)
			y.hold(p.Y)
		}
	}
	return x, y
}

// title is the name, and that the axis is logarithmic.
func (a Axis) title() string {
	if a.Log && a.Name != "" {
		return a.Name + " (log)"
	}
	return a.Name
}

func (a Axis) format(v float64) string {
	if a.Format != nil {
		return a.Format(v)
	}
	return Short(v)
}

// Short writes a number with at most three digits and a letter for thousands: 12.5, 30 K, 1.2 M.
func Short(v float64) string {
	switch size := math.Abs(v); {
	case size >= 1e9:
		return fmt.Sprintf("%.3g G", v/1e9)
	case size >= 1e6:
		return fmt.Sprintf("%.3g M", v/1e6)
	case size >= 1e3:
		return fmt.Sprintf("%.3g K", v/1e3)
	}
	return fmt.Sprintf("%.3g", v)
}
