package plot

import (
	"encoding/xml"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
)

func svg(t *testing.T, f Figure) string {
	t.Helper()
	var out strings.Builder
	if err := f.WriteSVG(&out); err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(strings.NewReader(out.String()))
	for {
		if _, err := d.Token(); err == io.EOF {
			return out.String()
		} else if err != nil {
			t.Fatalf("not well formed: %v\n%s", err, out.String())
		}
	}
}

func TestFigureIsWellFormedWhateverItHolds(t *testing.T) {
	odd := []Point{{1, 0}, {10, -3}, {100, math.NaN()}, {1000, 5}}
	for _, log := range []bool{false, true} {
		for name, lines := range map[string][]Line{
			"nothing": nil, "no points": {{Name: "a"}}, "one point": {{"a", odd[3:]}}, "odd values": {{"<a>", odd}, {"b & c", odd[:1]}},
		} {
			text := svg(t, Figure{Panels: []Panel{{X: Axis{Name: "<x>", Log: log}, Y: Axis{Name: "y", Log: log}, Lines: lines, Marks: true, ShadeFrom: 50}}})
			if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
				t.Errorf("%s: a coordinate is no number\n%s", name, text)
			}
		}
	}
}

func TestLinesRunThroughTheirPoints(t *testing.T) {
	line := []Line{{"a", []Point{{1, 10}, {10, 1000}, {100, 100}}}}
	text := svg(t, Figure{Panels: []Panel{{X: Axis{Log: true}, Y: Axis{Log: true}, Lines: line}}})
	if want := `points="150.0,144.0 580.0,30.0 1010.0,87.0"`; !strings.Contains(text, want) {
		t.Errorf("no %s in\n%s", want, text)
	}
	if strings.Count(text, "(log)") != 1 {
		t.Errorf("nothing says that the vertical axis is logarithmic, or that the one without a name is\n%s", text)
	}
	line = []Line{{"a", []Point{{0, 0}, {50, 50}, {100, 25}}}}
	text = svg(t, Figure{Panels: []Panel{{Lines: line}}})
	if want := `points="150.0,144.0 580.0,30.0 1010.0,87.0"`; !strings.Contains(text, want) {
		t.Errorf("no %s in\n%s", want, text)
	}
}

func TestSameNameSameColour(t *testing.T) {
	p := []Point{{1, 1}, {2, 2}}
	text := svg(t, Figure{Panels: []Panel{{Lines: []Line{{"a", p}, {"b", p}}}, {Lines: []Line{{"b", p}}}}})
	if a, b := strings.Count(text, `stroke="`+colours[0]), strings.Count(text, `stroke="`+colours[1]); a != 1 || b != 2 {
		t.Errorf("line a has its colour %d times, b %d times, want 1 and 2", a, b)
	}
}

func TestTicksAreRound(t *testing.T) {
	for _, tc := range []struct {
		scale  scale
		wanted []float64
		want   []float64
	}{
		{scale{lo: 0, hi: 37}, nil, []float64{0, 10, 20, 30}},
		{scale{lo: 0, hi: 0.9}, nil, []float64{0, 0.5}},
		{scale{lo: 0, hi: 1}, nil, []float64{0, 0.5, 1}},
		{scale{log: true, lo: 3, hi: 60}, nil, []float64{5, 10, 20, 50}},
		{scale{log: true, lo: 1, hi: 1e4}, nil, []float64{1, 10, 100, 1000, 10000}},
		{scale{log: true, lo: 1, hi: 512}, []float64{1, 8, 512, 2000}, []float64{1, 8, 512}},
		{scale{}, nil, nil},
	} {
		if got := tc.scale.ticks(tc.wanted); !slices.Equal(got, tc.want) {
			t.Errorf("%+v: ticks %v, want %v", tc.scale, got, tc.want)
		}
	}
}

func TestShortNumbers(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 12.34: "12.3", 512: "512", 10_000: "10 K", 1_230_000: "1.23 M", 2.1e9: "2.1 G"} {
		if got := Short(v); got != want {
			t.Errorf("%g is written %q, want %q", v, got, want)
		}
	}
}
