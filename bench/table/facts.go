package table

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pegasus-go/pegasus/bench/report"
)

// Fact is a property of a cluster, not of an operation: memory, or a time that passes once.
type Fact struct {
	Name         string    `json:"name"`
	Unit         string    `json:"unit"`                    // MB or s
	Target       float64   `json:"target"`                  // at most
	Original     float64   `json:"original,omitempty"`      // the least of what the original does; 0: not measured
	OriginalText string    `json:"original_text,omitempty"` // as it was measured
	Values       []float64 `json:"values"`                  // one per run
	Failed       string    `json:"failed,omitempty"`        // why it was not measured
}

// Names of facts.
const (
	memory24   = "memory of 24 idle replicas: 8 partitions × 3, the three replica servers together"
	memory1000 = "memory of 1,000 idle partitions on one replica server"
	newTable   = "new table of 8 partitions × 3, until every partition has taken a write"
	startClean = "start with 300 replicas, one of three servers, stopped cleanly before: until it is a member of all partitions again"
	startKill  = "start with 300 replicas, one of three servers, killed before (`kill -9`): until it is a member of all partitions again"
)

// factList is everything there is to measure, without its values.
var factList = []Fact{
	{Name: memory24, Unit: "MB", Target: 120, Original: 1600, OriginalText: "1,600–2,100 MB, loaded"},
	{Name: memory1000, Unit: "MB", Target: 600},
	{Name: newTable, Unit: "s", Target: 1, Original: 12, OriginalText: "12–30 s"},
	{Name: startClean, Unit: "s", Target: 5, Original: 15, OriginalText: "about 15 s, 24 replicas"},
	{Name: startKill, Unit: "s", Target: 15, Original: 15, OriginalText: "about 15 s, 24 replicas"},
}

func (f Fact) median() float64 { return report.Median(f.Values) }

// Met is false where nothing was measured.
func (f Fact) Met() bool { return f.Failed == "" && len(f.Values) > 0 && f.median() <= f.Target }

func (f Fact) verdict() string {
	switch {
	case f.Failed != "":
		return "not measured: " + firstLine(f.Failed)
	case f.Met():
		return "met"
	}
	return fmt.Sprintf("missed: %.2f×", f.median()/f.Target)
}

// cells of one line of the table of facts.
func (f Fact) cells() []string {
	value, ratio := "", ""
	if len(f.Values) > 0 {
		value = fmt.Sprintf("%s %s", report.Figure(f.median()), f.Unit)
		if len(f.Values) > 1 {
			value += fmt.Sprintf(" (%s–%s)", report.Figure(slices.Min(f.Values)), report.Figure(slices.Max(f.Values)))
		}
		if f.Original > 0 && f.median() > 0 {
			ratio = fmt.Sprintf("÷ %.1f", f.Original/f.median())
		}
	}
	return []string{f.Name, value, fmt.Sprintf("≤ %g %s", f.Target, f.Unit), f.OriginalText, ratio, f.verdict()}
}

// firstLine shortens an error for a cell.
func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return strings.ReplaceAll(line, "|", "/")
}
