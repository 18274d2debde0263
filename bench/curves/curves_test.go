package curves

import (
	"encoding/csv"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/bench/report"
)

func curveOf(t *testing.T, name string) curve {
	t.Helper()
	chosen, err := choose([]string{name})
	if err != nil || len(chosen) != 1 {
		t.Fatalf("%d curves (%v)", len(chosen), err)
	}
	return chosen[0]
}

func TestCurvesAreChosenByName(t *testing.T) {
	if all, err := choose(nil); err != nil || len(all) != len(Names()) {
		t.Errorf("%d curves (%v)", len(all), err)
	}
	if _, err := choose([]string{"callers", "nonsense"}); err == nil || !strings.Contains(err.Error(), "value-size") {
		t.Errorf("error %v does not list the curves", err)
	}
}

func TestPointsVaryOneProperty(t *testing.T) {
	o := &Options{RowsMax: 10_000_000}
	usual := setup{usualPartitions, usualServers, usualRows, 1, usualValueBytes}
	for _, c := range list {
		points := c.points(o)
		if len(points) != len(c.values) || !slices.IsSorted(c.values) || !slices.IsSorted(c.quick) {
			t.Errorf("%s: %d points of values %v", c.name, len(points), c.values)
		}
		for _, p := range points {
			same := p.setup == usual && p.callers == usualCallers
			varied := p.setup == usual && c.name == "callers" || p.setup != usual && p.callers == usualCallers
			if !same && !varied {
				t.Errorf("%s at %g: setup %+v, %d callers", c.name, p.x, p.setup, p.callers)
			}
		}
	}
	sizes := curveOf(t, "value-size").points(o)
	if last := sizes[len(sizes)-1].setup; last.valueBytes != 400_000 || last.rows != 640 {
		t.Errorf("the largest values: %+v", last)
	}
	o.RowsMax = 1_000_000
	rows := curveOf(t, "rows").points(o)
	if last := rows[len(rows)-1]; len(rows) != 3 || last.setup.rows != 1_000_000 || last.setup.rowsPerKey != rowsPerKey {
		t.Errorf("%d points, the last %+v", len(rows), last)
	}
	o.RowsMax = 5000
	if p := curveOf(t, "callers").points(o); p[0].setup.rows != 5000 {
		t.Errorf("%d rows where 5000 are allowed", p[0].setup.rows)
	}
}

func results(workload string, xAndCPU ...float64) []Result {
	var list []Result
	for i := 0; i < len(xAndCPU); i += 2 {
		cpu := xAndCPU[i+1]
		list = append(list, Result{xAndCPU[i], workload, report.Figures{CPUMicros: cpu, CPUMin: cpu, CPUMax: cpu, OpsPerSecond: 1e6 / cpu, P50Us: cpu, P99Us: 2 * cpu, RSSBytes: 300 << 20, OthersShare: 0.03, Allocations: -1, Calls: 3}})
	}
	return list
}

func TestAims(t *testing.T) {
	wrong := results("get", 8, 20, 32, 20)
	wrong[1].Figures.Errors = 1
	for _, tc := range []struct {
		aim     aim
		results []Result
		want    string
	}{
		{flat, results("get", 8, 20, 32, 22, 512, 24), "20.0 to 24.0 µs/op, ± 9 %: met"},
		{flat, results("get", 8, 20, 32, 22, 512, 25), "20.0 to 25.0 µs/op, ± 11 %: **missed**"},
		{falling, results("get", 1, 70, 8, 30, 32, 32), "from 70.0 to 32.0 µs/op: met"},
		{falling, results("get", 1, 70, 8, 30, 32, 34), "from 70.0 to 34.0 µs/op: **missed**"},
		{linear, results("get", 10, 20, 10e3, 40, 100e3, 400), "from 20.0 to 400 µs/op, from 10 KB on with the power 1.00 of the size: met"},
		{linear, results("get", 10, 20, 10e3, 40, 100e3, 800), "from 20.0 to 800 µs/op, from 10 KB on with the power 1.30 of the size: **missed**"},
		{linear, results("get", 10, 20, 10e3, 40), "from 20.0 to 40.0 µs/op, too few large sizes to judge"},
		{none, results("get", 3, 20, 6, 40), "from 20.0 to 40.0 µs/op"},
		{flat, results("get", 3, 20), "too few points to judge"},
		{flat, wrong, "from 20.0 to 20.0 µs/op, with errors: **not judged**"},
	} {
		if got := tc.aim.judge(tc.results); got != tc.want {
			t.Errorf("%v: %q, want %q", tc.aim, got, tc.want)
		}
	}
}

func sample(t *testing.T, name string) *Curve {
	return &Curve{Name: name, Date: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC), of: curveOf(t, name), options: &Options{Runs: 3, Duration: 3 * time.Second, PlogSync: "always"},
		Machine: report.Machine{CPU: "Some CPU", Cores: 2}, Results: append(results("get", 8, 20, 32, 22, 512, 24), results("set", 8, 200, 32, 300, 512, 5000)...)}
}

func TestFilesOfACurve(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	if err := Prepare(dir, nil, false); err != nil {
		t.Fatal(err)
	}
	if err := sample(t, "partitions").Write(dir); err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	lines, err := csv.NewReader(strings.NewReader(read("curve-partitions.csv"))).ReadAll()
	if err != nil || len(lines) != 7 || lines[0][0] != "partitions" || !slices.Equal(lines[6][:3], []string{"512", "set", "200"}) || lines[6][8+1] != "" {
		t.Errorf("CSV (%v): %q", err, lines)
	}
	d := xml.NewDecoder(strings.NewReader(read("curve-partitions.svg")))
	texts := 0
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "polyline" {
			texts++
		}
	}
	if texts != 6 {
		t.Errorf("%d lines in the picture, want get and set in three panels", texts)
	}
	page := read(Page)
	for _, want := range []string{"(curve-partitions.svg)", "(curve-partitions.csv)", "- get: 20.0 to 24.0 µs/op, ± 9 %: met.", "**missed**", "| 512 | set | 200 |", "medians of 3 runs of 3s", "Other programs took 3 %"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
	if strings.Count(page, "Not measured yet.") != len(list)-1 {
		t.Error("other sections of the page were touched")
	}
	if err := Prepare(dir, []string{"callers"}, false); err != nil || read(Page) != page {
		t.Errorf("a page that is there was made again (%v)", err)
	}
	if err := Prepare(dir, nil, true); err == nil {
		t.Error("a quick try may replace figures")
	}
	other := filepath.Join(t.TempDir(), "quick")
	if err := errors.Join(Prepare(other, nil, true), Prepare(other, nil, true)); err != nil {
		t.Errorf("a quick try has no place of its own: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, Page), []byte("mine\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Prepare(dir, nil, false); err == nil {
		t.Error("a page without places for the curves was accepted")
	}
}

func TestBadOptionsAreNamed(t *testing.T) {
	good := Options{Runs: 1, Duration: time.Second, RowsMax: 1000}
	for want, change := range map[string]func(*Options){
		"runs": func(o *Options) { o.Runs = 0 }, "duration": func(o *Options) { o.Duration = 0 }, "rows": func(o *Options) { o.RowsMax = 1 },
		"no curve": func(o *Options) { o.Curves = []string{"x"} },
	} {
		o := good
		change(&o)
		if err := Run(t.Context(), o, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not name the %s", err, want)
		}
	}
}

func TestDefaultCurvesFitAQuarterOfAnHour(t *testing.T) {
	o := &Options{Runs: DefaultRuns, Warmup: DefaultWarmup, Duration: DefaultDuration, RowsMax: DefaultRowsMax}
	p := newPace(o, list)
	if p.left() > 15*time.Minute {
		t.Errorf("all curves take about %v", p.left())
	}
	plan := p.plan("/data")
	for _, want := range []string{"in /data", "callers: 1, 8, 32, 128, 512, 2K", "(not 10M: --rows-max allows them)", p.left().String()} {
		if !strings.Contains(plan, want) {
			t.Errorf("no %q in the plan:\n%s", want, plan)
		}
	}
	for _, c := range list {
		points := c.points(o)
		for len(points) > 0 {
			same := slices.IndexFunc(points, func(at point) bool { return at.setup != points[0].setup })
			if same < 0 {
				same = len(points)
			}
			p.done += same * len(workloads)
			p.over(points[:same])
			points = points[same:]
		}
	}
	if p.left() != 0 || p.done != p.points {
		t.Errorf("%v are left after all of it, %d of %d done", p.left(), p.done, p.points)
	}
}

// A curve that fails does not keep the others from being measured.
func TestAllFailuresAreTold(t *testing.T) {
	program := filepath.Join(t.TempDir(), "pegasus")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho the disk is full\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	err := Run(t.Context(), Options{Executable: program, Dir: t.TempDir(), Curves: []string{"callers", "servers"}, Runs: 1, Duration: 1, RowsMax: 1000, Progress: t.Logf}, nil)
	if err == nil || strings.Count(err.Error(), "the disk is full") != 2 || strings.Count(err.Error(), "was not measured") != 2 {
		t.Errorf("error %v", err)
	}
}

func TestLoadProgressIsPassedOnNowAndThen(t *testing.T) {
	var got []string
	p := &loadProgress{say: func(_ string, args ...any) { got = append(got, args[0].(string)) }}
	for range 3 {
		if n, err := p.Write([]byte("loading\n")); n != 8 || err != nil {
			t.Errorf("%d bytes (%v)", n, err)
		}
	}
	p.last = p.last.Add(-loadEvery)
	_, _ = p.Write([]byte("more\n"))
	if !slices.Equal(got, []string{"loading", "more"}) {
		t.Errorf("lines %q", got)
	}
}
