package plot

import (
	"fmt"
	"html"
)

// Event is a named moment, drawn as a dashed line with its name at the upper edge.
type Event struct {
	X    float64
	Name string
}

// eventRows is the number of heights at which names are written in turn, so that neighbours can be read.
const eventRows = 3

func (c canvas) drawEvents(atX func(float64) float64) {
	for i, e := range c.panel.Events {
		x := atX(e.X)
		fmt.Fprintf(c.b, `<path d="M%.1f %dv%d" stroke="#555" stroke-dasharray="3 3"/>`+"\n", x, c.top, c.height)
		fmt.Fprintf(c.b, `<text x="%.1f" y="%d" font-size="10" fill="#555">%s</text>`+"\n", x+3, c.top+10+i%eventRows*11, html.EscapeString(e.Name))
	}
}
