package plot

import (
	"strings"
	"testing"
)

func TestEventsAreMarkedWithTheirNames(t *testing.T) {
	line := []Line{{"a", []Point{{0, 0}, {100, 50}}}}
	text := svg(t, Figure{Panels: []Panel{{Lines: line, Events: []Event{{50, "<half>"}}}}})
	if !strings.Contains(text, "&lt;half&gt;") || !strings.Contains(text, `d="M580.0 24v120"`) {
		t.Errorf("no event in the middle of\n%s", text)
	}
}
