package table

import (
	"fmt"
	"regexp"

	"github.com/pegasus-go/pegasus/bench"
)

// Log sync modes of a cluster.
const (
	synced    = "always"
	notSynced = "none"
)

// Target is what a row should reach; 0 and "" ask for nothing.
type Target struct {
	CPUMicros float64 `json:"cpu_us_per_op,omitempty"`  // at most
	OfRow     string  `json:"of_row,omitempty"`         // CPU at most Times that of this row in the same report
	Times     float64 `json:"times,omitempty"`          //
	Rate      float64 `json:"ops_per_second,omitempty"` // at least
	P99Us     float64 `json:"p99_us,omitempty"`         // at most
}

// Row is one case with a number of callers.
type Row struct {
	Case     string
	Sync     string // plog_sync of the cluster; reads do not depend on it
	Writes   bool
	Options  bench.Options // what makes the case; the rest is filled in when it runs
	Original *Original     // nil: not measured
	Target   Target
}

// Name tells a row from all others, and is what a regular expression chooses rows by.
func (r Row) Name() string {
	word := "callers"
	if r.Options.Callers == 1 {
		word = "caller"
	}
	return fmt.Sprintf("%s, %d %s", r.label(), r.Options.Callers, word)
}

// label is the name without the number of callers.
func (r Row) label() string {
	switch {
	case !r.Writes:
		return r.Case
	case r.Sync == synced:
		return r.Case + ", synced"
	}
	return r.Case + ", not synced"
}

// stage is rows that share a cluster.
type stage struct {
	sync string
	load bench.Options // makes the rows of the table
	rows []Row
}

const batch = 100 // rows of multi_get and scan

// stages are all rows there are.
func stages() []stage {
	list := []stage{
		{sync: synced, load: bench.Options{Workload: "get", ValueBytes: 100}, rows: gets()},
		{sync: synced, load: bench.Options{Workload: "get", ValueBytes: 1000}, rows: []Row{
			{Case: "get 1 KB", Options: bench.Options{Workload: "get", Callers: 32}, Original: originalGet1K, Target: against(originalGet1K, 15, 2.5, 4)},
		}},
		{sync: synced, load: bench.Options{Workload: "multi_get", ValueBytes: 100, Batch: batch}, rows: []Row{
			{Case: "multi_get, 100 rows of 100 B", Options: bench.Options{Workload: "multi_get", Callers: 16}, Original: originalMultiGet, Target: against(originalMultiGet, 60, 3, 0)},
			{Case: "scan, batches of 100 rows of 100 B", Options: bench.Options{Workload: "scan", Callers: 16}, Original: originalScan, Target: against(originalScan, 60, 3, 0)},
		}},
	}
	for _, sync := range []string{synced, notSynced} {
		list = append(list,
			stage{sync: sync, load: bench.Options{Workload: "set", ValueBytes: 100}, rows: writes100(sync)},
			stage{sync: sync, load: bench.Options{Workload: "set", ValueBytes: 1000}, rows: writes1K(sync)})
	}
	for i := range list {
		for j := range list[i].rows {
			row := &list[i].rows[j]
			row.Sync, row.Options.ValueBytes, row.Options.Batch = list[i].sync, list[i].load.ValueBytes, list[i].load.Batch
		}
	}
	return list
}

// against is a target made of a bound for CPU and of multiples of the original: rate at least faster times its, p99 at most its
// divided by shorter.
func against(r *Original, cpu, faster, shorter float64) Target {
	t := Target{CPUMicros: cpu, Rate: faster * r.OpsPerSecond}
	if shorter > 0 {
		t.P99Us = r.P99Us / shorter
	}
	return t
}

var callers = []int{1, 8, 32, 128, 512}

// gets and writes100 measure what is judged by the figure of another row right after that one: a machine drifts, and writes leave compactions behind.
func gets() []Row {
	var rows []Row
	for _, n := range callers {
		row := Row{Case: "get 100 B", Options: bench.Options{Workload: "get", Callers: n}, Original: originalGet100[n]}
		if n != 32 {
			rows = append(rows, row)
			continue
		}
		row.Target = against(row.Original, 15, 2.5, 4)
		absent := Row{Case: "get of absent keys", Options: bench.Options{Workload: "get", Callers: n, MissShare: 1}, Target: Target{OfRow: row.Name(), Times: 1}}
		rows = append(rows, row, absent)
	}
	return append(rows,
		Row{Case: "get 100 B, 16 in flight per connection", Options: bench.Options{Workload: "get", Callers: 48, InFlight: 16}, Target: Target{CPUMicros: 7, Rate: 120_000}})
}

func writes100(sync string) []Row {
	var rows []Row
	for _, n := range callers {
		row := Row{Case: "set 100 B", Writes: true, Sync: sync, Options: bench.Options{Workload: "set", Callers: n}, Original: originalSet100[n]}
		switch {
		case sync == notSynced && n == 32:
			row.Target = against(row.Original, 75, 5, 5)
		case sync == synced && n == 32:
			row.Target = against(row.Original, 90, 3, 0)
		case sync == synced && n == 512:
			row.Target = against(row.Original, 60, 5, 0)
		}
		rows = append(rows, row)
		if n != 32 {
			continue
		}
		for _, kind := range []string{"check_and_set", "incr"} {
			rows = append(rows, Row{Case: kind, Writes: true, Options: bench.Options{Workload: kind, Callers: n}, Target: Target{OfRow: row.Name(), Times: 1.2}})
		}
	}
	return rows
}

func writes1K(sync string) []Row {
	set := Row{Case: "set 1 KB", Writes: true, Options: bench.Options{Workload: "set", Callers: 32}, Original: originalSet1K, Target: against(originalSet1K, 75, 5, 5)}
	if sync == synced {
		set.Target = against(originalSet1K, 90, 3, 0)
	}
	mixed := Row{Case: "50/50 1 KB", Writes: true, Options: bench.Options{Workload: "mixed", ReadShare: 0.5, Callers: 32}, Original: originalMixed, Target: against(originalMixed, 50, 6, 0)}
	return []Row{set, mixed}
}

// choose keeps the rows and facts whose names match, all for an empty expression.
func choose(list []stage, facts []Fact, expression string) ([]stage, []Fact, error) {
	match, err := regexp.Compile(expression)
	if err != nil {
		return nil, nil, fmt.Errorf("table: rows to measure: %w", err)
	}
	var kept []stage
	for _, s := range list {
		var rows []Row
		for _, r := range s.rows {
			if match.MatchString(r.Name()) {
				rows = append(rows, r)
			}
		}
		if s.rows = rows; len(rows) > 0 {
			kept = append(kept, s)
		}
	}
	var keptFacts []Fact
	for _, f := range facts {
		if match.MatchString(f.Name) {
			keptFacts = append(keptFacts, f)
		}
	}
	if len(kept)+len(keptFacts) == 0 {
		return nil, nil, fmt.Errorf("table: no row matches %q: `pegasus bench table --list` prints their names", expression)
	}
	return kept, keptFacts, nil
}

// Names of all rows and facts, in order.
func Names() []string {
	var names []string
	for _, s := range stages() {
		for _, r := range s.rows {
			names = append(names, r.Name())
		}
	}
	for _, f := range factList {
		names = append(names, f.Name)
	}
	return names
}
