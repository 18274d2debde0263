package curves

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/pegasus-go/pegasus/bench"
	"github.com/pegasus-go/pegasus/bench/box"
	"github.com/pegasus-go/pegasus/bench/report"
	"github.com/pegasus-go/pegasus/rpc"
)

// Options of curves.
type Options struct {
	Executable string        // the pegasus program that serves
	Dir        string        // where data directories are made; "": the system's place for temporary files
	Curves     []string      // names; none: all
	Runs       int           // of each point and kind of operation, at least 1
	Warmup     time.Duration // before each run
	Duration   time.Duration // of each run
	RowsMax    int64         // points with more rows are left out
	PlogSync   string        // of the clusters
	Quick      bool          // fewer points and rows
	Build      report.Build
	Sets       []string // "section.key=value" for the configuration of all servers
	Progress   func(format string, args ...any)
}

// Defaults of curves whose figures are kept, and of a quick try.
const (
	DefaultRuns     = 3
	DefaultWarmup   = 500 * time.Millisecond
	DefaultDuration = 2 * time.Second
	DefaultRowsMax  = 1_000_000 // ten million take three minutes and 10 GB more

	QuickRuns     = 1
	QuickDuration = time.Second
)

const (
	timeoutMs     = 20_000           // of one operation
	loadSettleMax = 60 * time.Second // millions of rows leave compactions behind
	runSettleMax  = 10 * time.Second
	runsMax       = 100
)

// workloads of every point.
var workloads = []string{"get", "set"}

// Curve is a measured curve.
type Curve struct {
	Name    string
	Machine report.Machine
	Date    time.Time
	Seconds float64 // the whole took
	Results []Result

	of      curve
	options *Options
}

// Result is one point with one workload.
type Result struct {
	X        float64
	Workload string
	Figures  report.Figures
}

func (o *Options) check() error {
	if o.Runs < 1 || o.Runs > runsMax {
		return fmt.Errorf("curves: %d runs, want 1 to %d", o.Runs, runsMax)
	}
	if o.Duration <= 0 || o.Warmup < 0 {
		return errors.New("curves: a run needs a positive duration, and a warm-up that is not negative")
	}
	if o.RowsMax < rowsLeast {
		return fmt.Errorf("curves: at most %d rows, want %d or more", o.RowsMax, rowsLeast)
	}
	return nil
}

// Run measures the chosen curves and hands over each when it is done. A curve that fails is told of at the end, the others are
// measured all the same.
func Run(ctx context.Context, o Options, done func(*Curve) error) error {
	if err := o.check(); err != nil {
		return err
	}
	chosen, err := choose(o.Curves)
	if err != nil {
		return err
	}
	dir := o.Dir
	if dir == "" {
		dir = os.TempDir()
	}
	p := newPace(&o, chosen)
	o.Progress("%s", p.plan(dir))
	var failed error
	for _, c := range chosen {
		m := &Curve{Name: c.name, Machine: report.LookAtMachine(dir), Date: time.Now(), of: c, options: &o}
		say := func(format string, args ...any) { p.say(c.name+": "+format, args...) }
		err := m.measure(ctx, p, say)
		if ctx.Err() != nil {
			return fmt.Errorf("curves: %s: %w", c.name, err)
		}
		if err != nil {
			say("**failed**: %v", err)
			failed = errors.Join(failed, fmt.Errorf("curves: %s was not measured: %s", c.name, box.Brief(err.Error())))
			continue
		}
		m.Seconds = time.Since(m.Date).Seconds()
		if err := done(m); err != nil {
			return err
		}
	}
	return failed
}

// measure takes all points, those that share a cluster together.
func (m *Curve) measure(ctx context.Context, p *pace, say func(string, ...any)) error {
	points := m.of.points(m.options)
	if len(points) == 0 {
		return errors.New("no point is left: allow more rows")
	}
	for len(points) > 0 {
		same := slices.IndexFunc(points, func(p point) bool { return p.setup != points[0].setup })
		if same < 0 {
			same = len(points)
		}
		results, err := m.options.measureSetup(ctx, m.of, points[:same], p, say)
		if err != nil {
			return err
		}
		m.Results = append(m.Results, results...)
		p.over(points[:same])
		points = points[same:]
	}
	return nil
}

// measureSetup takes points on one cluster: all reads first, so that they find the rows as they were loaded.
func (o *Options) measureSetup(ctx context.Context, c curve, points []point, pace *pace, say func(string, ...any)) (results []Result, failed error) {
	s := points[0].setup
	say("starting %d replica servers with %d partitions, loading %d rows of %d bytes", s.servers, s.partitions, s.rows, s.valueBytes)
	b, err := box.Start(ctx, box.Options{Executable: o.Executable, Dir: o.Dir, PlogSync: o.PlogSync, Partitions: s.partitions, Replicas: s.servers, Sets: o.Sets})
	if err != nil {
		return nil, err
	}
	defer func() { failed = b.Close(failed) }()
	load := o.fill(b, s)
	load.Workload, load.LoadOnly, load.Progress = "set", true, &loadProgress{say: say, last: time.Now()}
	if _, err := bench.Run(ctx, load); err != nil {
		return nil, errors.Join(fmt.Errorf("load: %w", err), b.Alive())
	}
	if _, err := b.Settle(ctx, loadSettleMax); err != nil {
		return nil, err
	}
	for _, workload := range workloads {
		for _, p := range points {
			f, err := o.measurePoint(ctx, b, p, workload)
			if err != nil {
				return nil, fmt.Errorf("%s at %s: %w", workload, c.format(p.x), err)
			}
			pace.done++
			say("%s at %s: %s ops/s, p99 %s µs, %s µs CPU/op, %.0f MB resident%s", workload, c.format(p.x), report.Thousands(f.OpsPerSecond),
				report.Thousands(f.P99Us), report.Figure(f.CPUMicros), f.RSSBytes/megabyte, errorsText(f))
			results = append(results, Result{p.x, workload, f})
		}
	}
	return results, nil
}

func (o *Options) measurePoint(ctx context.Context, b *box.Box, p point, workload string) (report.Figures, error) {
	var runs []*bench.Result
	for range o.Runs {
		if _, err := b.Settle(ctx, runSettleMax); err != nil {
			return report.Figures{}, err
		}
		options := o.fill(b, p.setup)
		options.Workload, options.Callers, options.SkipLoad = workload, p.callers, true
		result, err := bench.Run(ctx, options)
		if err := errors.Join(err, b.Alive()); err != nil {
			return report.Figures{}, err
		}
		if result.NotFound > 0 {
			return report.Figures{}, fmt.Errorf("%d of %d operations met no row: the table was not loaded as the points want it", result.NotFound, result.Operations)
		}
		runs = append(runs, result)
	}
	f := report.Summarize(runs)
	if f.CPUMicros < 0 {
		return f, errors.New("the CPU time of the servers is not known here: /proc is needed")
	}
	return f, nil
}

func errorsText(f report.Figures) string {
	if f.Errors == 0 {
		return ""
	}
	return ", ERRORS: " + f.ErrorText()
}

func (o *Options) fill(b *box.Box, s setup) bench.Options {
	return bench.Options{Metas: b.Metas, Table: box.Table, Dialect: rpc.THFTv1, Warmup: o.Warmup, Duration: o.Duration, TimeoutMs: timeoutMs, Seed: 1,
		Rows: s.rows, RowsPerKey: s.rowsPerKey, ValueBytes: s.valueBytes}
}
