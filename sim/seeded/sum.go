package seeded

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Sum is what several runs saw together.
type Sum struct {
	Runs                                  int
	Simulated                             time.Duration
	Operations, Checked, Messages, Unsure int
	Applied                               int64
	Faults                                map[string]int
}

// Add counts a run.
func (s *Sum) Add(r Result) {
	s.Runs++
	s.Simulated += r.Simulated
	s.Operations += r.Operations
	s.Checked += r.Checked
	s.Messages += r.Messages
	s.Applied += r.Applied
	s.Unsure += r.Outcomes["ERR_TIMEOUT"] + r.Outcomes["ERR_NETWORK_FAILURE"]
	if s.Faults == nil {
		s.Faults = map[string]int{}
	}
	for k, n := range r.Faults {
		s.Faults[k] += n
	}
}

// String is a table for people.
func (s *Sum) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d runs, %.1f simulated hours, %d messages, %d mutations applied\n", s.Runs, s.Simulated.Hours(), s.Messages, s.Applied)
	fmt.Fprintf(&b, "%d operations of clients, %d of them with an unknown outcome, %d in checked histories\n", s.Operations, s.Unsure, s.Checked)
	sum := 0
	kinds := slices.SortedFunc(maps.Keys(s.Faults), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.Faults[b], s.Faults[a]), cmp.Compare(a, b))
	})
	for _, k := range kinds {
		sum += s.Faults[k]
		fmt.Fprintf(&b, "  %-20s %6d\n", k, s.Faults[k])
	}
	fmt.Fprintf(&b, "  %-20s %6d\n", "faults", sum)
	return b.String()
}
