package table

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/bench"
	"github.com/pegasus-go/pegasus/bench/redis"
	"github.com/pegasus-go/pegasus/bench/report"
)

func allRows() []Row {
	var rows []Row
	for _, s := range stages() {
		rows = append(rows, s.rows...)
	}
	return rows
}

func find(t *testing.T, name string) Row {
	t.Helper()
	for _, r := range allRows() {
		if r.Name() == name {
			return r
		}
	}
	t.Fatalf("no row %q among %q", name, Names())
	return Row{}
}

func TestNamesTellRowsApart(t *testing.T) {
	names := Names()
	sorted := slices.Compact(slices.Sorted(slices.Values(names)))
	if len(sorted) != len(names) {
		t.Errorf("%d names for %d rows", len(sorted), len(names))
	}
	for _, want := range []string{"get 100 B, 1 caller", "get 1 KB, 32 callers", "set 100 B, synced, 512 callers", "set 100 B, not synced, 1 caller", "incr, not synced, 32 callers",
		"multi_get, 100 rows of 100 B, 16 callers", "get of absent keys, 32 callers", "50/50 1 KB, synced, 32 callers"} {
		find(t, want)
	}
}

func TestRowsReferToRowsOfTheirStage(t *testing.T) {
	for _, s := range stages() {
		for _, r := range s.rows {
			if of := r.Target.OfRow; of != "" && !slices.ContainsFunc(s.rows, func(o Row) bool { return o.Name() == of }) {
				t.Errorf("%s is measured against %q, which no row of its stage is", r.Name(), of)
			}
			if r.Sync != s.sync || r.Options.ValueBytes != s.load.ValueBytes || r.Options.Workload == "" || r.Options.Callers == 0 {
				t.Errorf("%s is not filled in: %+v", r.Name(), r)
			}
		}
	}
}

func TestTargetsFollowTheOriginal(t *testing.T) {
	for name, want := range map[string]Target{
		"get 100 B, 32 callers":                              {CPUMicros: 15, Rate: 46057.5, P99Us: 1355.25},
		"get 1 KB, 32 callers":                               {CPUMicros: 15, Rate: 44397.5, P99Us: 1350},
		"get 100 B, 512 callers":                             {},
		"set 100 B, not synced, 32 callers":                  {CPUMicros: 75, Rate: 14165, P99Us: 7576},
		"set 100 B, synced, 32 callers":                      {CPUMicros: 90, Rate: 8499},
		"set 100 B, synced, 512 callers":                     {CPUMicros: 60, Rate: 26355},
		"set 1 KB, synced, 32 callers":                       {CPUMicros: 90, Rate: 7863},
		"50/50 1 KB, not synced, 32 callers":                 {CPUMicros: 50, Rate: 25008},
		"scan, batches of 100 rows of 100 B, 16 callers":     {CPUMicros: 60, Rate: 15327},
		"check_and_set, synced, 32 callers":                  {OfRow: "set 100 B, synced, 32 callers", Times: 1.2},
		"get 100 B, 16 in flight per connection, 48 callers": {CPUMicros: 7, Rate: 120000},
	} {
		if got := find(t, name).Target; got != want {
			t.Errorf("%s: target %+v, want %+v", name, got, want)
		}
	}
}

func TestRowsAreChosenByName(t *testing.T) {
	list, facts, err := choose(stages(), factList, `^get 100 B, (1|8) caller|not synced, 32|idle`)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range list {
		for _, r := range s.rows {
			names = append(names, r.Name())
		}
	}
	want := []string{"get 100 B, 1 caller", "get 100 B, 8 callers", "set 100 B, not synced, 32 callers", "check_and_set, not synced, 32 callers", "incr, not synced, 32 callers",
		"set 1 KB, not synced, 32 callers", "50/50 1 KB, not synced, 32 callers"}
	if !slices.Equal(names, want) || len(list) != 3 || len(facts) != 2 {
		t.Errorf("%d stages, rows %q, facts %v", len(list), names, facts)
	}
	for _, bad := range []string{"(", "no such row"} {
		if _, _, err := choose(stages(), factList, bad); err == nil {
			t.Errorf("%q chose rows", bad)
		}
	}
	if all, facts, err := choose(stages(), factList, ""); err != nil || len(all) != len(stages()) || len(facts) != len(factList) {
		t.Errorf("%d stages and %d facts of all (%v)", len(all), len(facts), err)
	}
}

func TestVerdicts(t *testing.T) {
	target := Target{CPUMicros: 15, Rate: 46000, P99Us: 1355}
	for _, tc := range []struct {
		target Target
		f      report.Figures
		want   string
	}{
		{target, report.Figures{CPUMicros: 15, OpsPerSecond: 46000, P99Us: 1355}, "met"},
		{target, report.Figures{CPUMicros: 30, OpsPerSecond: 50000, P99Us: 1000}, "missed: CPU 2.00×"},
		{target, report.Figures{CPUMicros: 10, OpsPerSecond: 45999, P99Us: 1356}, "missed: rate 45,999 of 46,000, p99 1,356 of 1,355 µs"},
		{target, report.Figures{CPUMicros: -1, OpsPerSecond: 46000, P99Us: 1}, "not judged: server CPU unknown"},
		{target, report.Figures{CPUMicros: -1, OpsPerSecond: 45999, P99Us: 1}, "missed: rate 45,999 of 46,000, server CPU unknown"},
		{target, report.Figures{CPUMicros: 15, OpsPerSecond: 46000, P99Us: 1355, Errors: 1}, "missed: 1 errors"},
		{Target{CPUMicros: 15}, report.Figures{CPUMicros: -1, OpsPerSecond: 1}, "not judged: server CPU unknown"},
		{Target{CPUMicros: 15}, report.Figures{CPUMicros: 1}, "missed: no operation succeeded"},
		{Target{OfRow: "a", Times: 1}, report.Figures{CPUMicros: 1, OpsPerSecond: 1}, "not judged: no figure of a"},
		{Target{}, report.Figures{CPUMicros: 1000, OpsPerSecond: 1, Errors: 3}, "no target"},
	} {
		v := judge(tc.target, tc.target.CPUMicros, tc.f)
		if got := v.String(); got != tc.want || v.Met() != (tc.want == "met") {
			t.Errorf("%+v against %+v: %q (met: %v), want %q", tc.f, tc.target, got, v.Met(), tc.want)
		}
	}
	relative := Target{OfRow: "a", Times: 1.2}
	if max := relative.cpuMax(func(row string) (float64, bool) { return 10, row == "a" }); max != 12 {
		t.Errorf("1.2 times 10 is %g", max)
	}
	if max := relative.cpuMax(func(string) (float64, bool) { return 0, false }); max != 0 {
		t.Errorf("a bound of %g from a row that was not measured", max)
	}
}

func TestRatiosSayHowManyTimesBetter(t *testing.T) {
	got := compare(originalGet100[32], report.Figures{CPUMicros: 15, OpsPerSecond: 36846, P99Us: 542.1}).String()
	if want := "CPU ÷ 4.0, rate × 2.0, p99 ÷ 10.0"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := compare(originalGet100[512], report.Figures{CPUMicros: -1, OpsPerSecond: 23400, P99Us: 1}).String(); got != "rate × 1.0" {
		t.Errorf("with unknown parts: %q", got)
	}
	if got := compare(nil, report.Figures{OpsPerSecond: 1}).String(); got != "" {
		t.Errorf("against nothing: %q", got)
	}
}

func sampleReport() *Report {
	measured := func(name string, f report.Figures) Measured {
		for _, r := range allRows() {
			if r.Name() == name {
				return Measured{Name: name, Case: r.label(), Callers: r.Options.Callers, Original: r.Original, Target: r.Target, Figures: f}
			}
		}
		panic("no row " + name)
	}
	r := &Report{
		Machine: report.Machine{CPU: "Some CPU", Cores: 2, MemoryGB: 8, Kernel: "Linux 6", Filesystem: "ext4", Load: "0.10"},
		Build:   report.Build{Version: "0.1.0", Commit: "0123456789abcdef", Go: "go1.26"}, Date: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC),
		Runs: 3, RunSeconds: 5, TableRows: 100000, Partitions: 8, OriginalFrom: "somebody",
		Facts: []Fact{{Name: "idle", Unit: "MB", Target: 120, Original: 1600, OriginalText: "1,600–2,100 MB", Values: []float64{100}}, {Name: "start", Unit: "s", Target: 5, Values: []float64{4, 9, 10}}},
		Rows: []Measured{
			measured("get 100 B, 32 callers", report.Figures{OpsPerSecond: 50000, RowsPerSecond: 50000, P50Us: 500, P99Us: 2000, P999Us: 3000, CPUMicros: 14.2, CPUMin: 14, CPUMax: 15.5, Allocations: 0.04, OthersShare: 0.05, Syncs: 0, Calls: 2.5}),
			measured("get of absent keys, 32 callers", report.Figures{OpsPerSecond: 60000, P50Us: 400, P99Us: 1500, P999Us: 2500, CPUMicros: 12, CPUMin: 12, CPUMax: 12, Allocations: -1, OthersShare: -1, Syncs: -1, Calls: -1}),
			measured("set 100 B, synced, 8 callers", report.Figures{OpsPerSecond: 2600, RowsPerSecond: 2600, P50Us: 2783, P99Us: 7959, P999Us: 12247, CPUMicros: 548, CPUMin: 500, CPUMax: 600, Allocations: 72, OthersShare: 0.02, Syncs: 2.63, Calls: 30,
				Errors: 4, Reasons: map[string]int64{"ERR_TIMEOUT": 3, "ERR_BUSY": 1}}),
			measured("multi_get, 100 rows of 100 B, 16 callers", report.Figures{OpsPerSecond: 20000, RowsPerSecond: 2000000, P50Us: 700, P99Us: 2000, P999Us: 4000, CPUMicros: -1, OthersShare: 0.01, Allocations: 10, Calls: 3}),
		},
		Redis: &redis.Result{Version: "7.0.15", Rows: []redis.Row{{Case: "get 1000 B, not kept on disk", Callers: 32, OpsPerSecond: 85000, P50Us: 200, P99Us: 500, CPUMicros: 9, CPUMin: 8.5, CPUMax: 9.5, CallsPerOp: 2}}},
	}
	r.Rows[0].Slowness = between(1.5, 1.7)
	r.judge()
	return r
}

// On a slower machine more CPU, fewer operations and a longer p99 are as good; what is relative to another row is not.
func TestTargetsAreScaled(t *testing.T) {
	got := Target{CPUMicros: 10, Rate: 100, P99Us: 7, OfRow: "a", Times: 1.2}.on(2)
	if want := (Target{CPUMicros: 20, Rate: 50, P99Us: 14, OfRow: "a", Times: 1.2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if between(0, 2) != 2 || between(2, 0) != 2 || between(1, 3) != 2 || between(0, 0) != 0 {
		t.Error("the slowness between two looks")
	}
}

func TestMarkdown(t *testing.T) {
	text := sampleReport().Markdown()
	for _, want := range []string{
		"Taken on 2026-11-26 by `pegasus bench table`: Pegasus-Go 0.1.0, commit `0123456789ab`, go1.26; Some CPU, 2 cores, 8 GB of memory, Linux 6, data on ext4; load average 0.10 before. Medians of 3 runs of 5 s; 8 partitions × 3 replicas, 100,000 rows. Other programs took 2 % of the machine's CPU time in the median case, 5 % in the worst.\n",
		"\n2 of 5 rows with a target meet all parts of it. **1 rows had errors.**\n",
		"\n| get 100 B | 32 | 50,000 | 500 / 2,000 / 3,000 | 14.2 (14.0–15.5) | 0.04 |  | 2.50 | ≤ 15 µs, ≥ 46,058/s, p99 ≤ 1,355 µs | 60.0 µs, 18,423/s, 1,534 / 5,421 µs | CPU ÷ 4.2, rate × 2.7, p99 ÷ 2.7 | ÷ 1.60 | missed: p99 2,000 of 1,355 µs | met |\n",
		"\n| get of absent keys | 32 | 60,000 | 400 / 1,500 / 2,500 | 12.0 | unknown | unknown | unknown | ≤ 14.2 µs (1 × get 100 B, 32 callers) |  |  | ? | met |  |\n",
		"\n| set 100 B, synced | 8 | 2,600, **4 errors** | 2,783 / 7,959 / 12,247 | 548 (500–600) | 72.0 | 2.63 | 30.0 |  | 651 µs, 2,482/s, 2,957 / 7,600 µs | CPU ÷ 1.2, rate × 1.0, p99 ÷ 1.0 | ? | no target |  |\n",
		"\n| multi_get, 100 rows of 100 B | 16 | 20,000 (2,000,000 rows) | 700 / 2,000 / 4,000 | unknown | 10.0 |",
		" | ? | not judged: server CPU unknown |  |\n",
		"\nErrors of set 100 B, synced, 8 callers: 1 × ERR_BUSY, 3 × ERR_TIMEOUT.\n",
		"\n| idle | 100 MB | ≤ 120 MB | 1,600–2,100 MB | ÷ 16.0 | met |\n",
		"\n| start | 9.00 s (4.00–10.0) | ≤ 5 s |  |  | missed: 1.80× |\n",
		"\n*Original*: somebody. Its figures were measured on another run",
		"\n| get 1000 B, not kept on disk | 32 | 85,000 | 200 / 500 | 9.00 (8.50–9.50) | 2.00 |\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, line := range strings.Split(text, "\n") {
		if cells := strings.Count(line, "|") - 1; strings.HasPrefix(line, "|") && cells != len(columns) && cells != len(factColumns) {
			t.Errorf("%d cells in %s", cells, line)
		}
	}
	r := sampleReport()
	r.Runs = 1
	for i := range r.Rows {
		r.Rows[i].Figures.OthersShare = 0.3
	}
	r.Quick, r.Redis, r.RedisNote, r.Settings = true, nil, "not asked for", []string{"a.b=1"}
	for _, want := range []string{"A quick try", "before. 1 run of 5 s", "**the machine was busy", "No yardstick: not asked for.", "`a.b=1`"} {
		if text := r.Markdown(); !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestJSONHoldsTheVerdicts(t *testing.T) {
	var out bytes.Buffer
	if err := sampleReport().JSON(&out); err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(out.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if len(back.Rows) != 4 || back.Rows[0].Verdict.Aims != 3 || len(back.Facts) != 2 || back.Rows[1].CPUMax != 14.2 || back.Rows[0].Ratios.CPU < 4 || back.Redis.Rows[0].CPUMicros != 9 {
		t.Errorf("%+v", back)
	}
}

func TestPaceCountsWhatIsLeft(t *testing.T) {
	o := &Options{Runs: 3, Warmup: 200 * time.Millisecond, Duration: 5 * time.Second, Progress: t.Logf}
	rows := len(Names()) - len(factList)
	p := newPace(o, stages(), nil)
	if want := time.Duration(rows*3)*6*time.Second + time.Duration(len(stages()))*startTime; p.left != want {
		t.Errorf("%v, want %v", p.left, want)
	}
	if newPace(o, stages(), factList).left <= p.left {
		t.Error("facts take no time")
	}
	before := p.left
	if p.ran(allRows()[0], 0, report.Figures{}); p.left != before-6*time.Second || p.done != 1 {
		t.Errorf("%v are left of %v after one of %d runs", p.left, before, p.done)
	}
}

func TestDefaultTableFitsTwelveMinutes(t *testing.T) {
	o := &Options{Runs: DefaultRuns, Warmup: DefaultWarmup, Duration: DefaultDuration, Redis: true}
	if left := newPace(o, stages(), factList).left; left > 12*time.Minute {
		t.Errorf("the whole table takes about %v", left)
	}
}

func TestEveryFactHasAScene(t *testing.T) {
	for _, f := range factList {
		if f.Target <= 0 || f.Unit == "" || !slices.ContainsFunc(scenes, func(s scene) bool { return slices.Contains(s.facts, f.Name) }) {
			t.Errorf("nothing measures %+v", f)
		}
	}
	if (Fact{Target: 1}).Met() || (Fact{Target: 1, Values: []float64{1}, Failed: "x"}).Met() {
		t.Error("a fact that was not measured is met")
	}
}

func TestOperationsThatMissTheirCaseAreErrors(t *testing.T) {
	hit, miss := find(t, "get 100 B, 8 callers"), find(t, "get of absent keys, 32 callers")
	for _, tc := range []struct {
		row                  Row
		operations, notFound int64
		want                 int64
	}{{hit, 1000, 0, 0}, {hit, 1000, 1, 1}, {miss, 1000, 1000, 0}, {miss, 1000, 970, 30}, {miss, 1000, 0, 1000}} {
		r := &bench.Result{Operations: tc.operations, NotFound: tc.notFound, Errors: map[string]int64{}}
		checkFound(tc.row, r)
		if f := report.Summarize([]*bench.Result{r}); f.Errors != tc.want {
			t.Errorf("%s, %d of %d found nothing: %d errors, want %d", tc.row.Name(), tc.notFound, tc.operations, f.Errors, tc.want)
		}
	}
}

// A cluster that does not start leaves its rows unmeasured, with the reason.
func TestClustersThatDoNotStartAreToldOf(t *testing.T) {
	program := filepath.Join(t.TempDir(), "pegasus")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho the disk is full\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), Options{Executable: program, Dir: t.TempDir(), Rows: "^get 100 B, 1 caller$|new table", Runs: 1, Duration: 1, TableRows: 1000, Progress: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	failed := r.Failures()
	if failed == nil || strings.Count(failed.Error(), "the disk is full") != 2 || r.All || r.Rows[0].Verdict.Met() || r.Facts[0].Met() {
		t.Errorf("failures %v of %+v", failed, r)
	}
	if text := r.Markdown(); strings.Count(text, "not measured: ") != 2 || !strings.Contains(text, "**2 rows could not be measured.**") {
		t.Errorf("the page does not say so:\n%s", text)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, Options{Executable: program, Dir: t.TempDir(), Runs: 1, Duration: 1, Progress: t.Logf}); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted table ended with %v", err)
	}
}

func TestBadOptionsAreNamed(t *testing.T) {
	for want, o := range map[string]Options{"runs": {Runs: 0, Duration: 1}, "duration": {Runs: 1}, "row": {Runs: 1, Duration: 1, Rows: "nothing"}} {
		if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not name the %s", err, want)
		}
	}
}
