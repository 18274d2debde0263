package table

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/pegasus-go/pegasus/bench"
	"github.com/pegasus-go/pegasus/bench/box"
	"github.com/pegasus-go/pegasus/bench/redis"
	"github.com/pegasus-go/pegasus/bench/report"
	"github.com/pegasus-go/pegasus/rpc"
)

// Options of a table.
type Options struct {
	Executable string        // the pegasus program that serves
	Dir        string        // where data directories are made; "": the system's place for temporary files
	Rows       string        // regular expression over the names of rows and facts; "": all
	Runs       int           // of each row, at least 1
	Warmup     time.Duration // before each run
	Duration   time.Duration // of each run
	TableRows  int64         // rows loaded into the table
	Quick      bool          // for the report: this was but a try
	Redis      bool          // measure Redis too, if it is installed
	Build      report.Build
	Sets       []string // "section.key=value" for the configuration of all servers
	Progress   func(format string, args ...any)
}

// Defaults of a table whose figures are kept, and of a quick try.
const (
	DefaultRuns      = 3
	DefaultWarmup    = 500 * time.Millisecond
	DefaultDuration  = 4 * time.Second
	DefaultTableRows = 100_000

	QuickRuns      = 1
	QuickDuration  = time.Second
	QuickTableRows = 20_000
)

const (
	partitions  = 8
	members     = 3
	timeoutMs   = 20_000 // of one operation
	settleMax   = 10 * time.Second
	runsMax     = 100
	runOverhead = 800 * time.Millisecond // of a run besides warm-up and measuring: connections, settling
	startTime   = 10 * time.Second       // about, of starting, loading and stopping a cluster
	redisStart  = 6 * time.Second        // about, of starting, loading and stopping Redis
)

// Report is everything that was measured.
type Report struct {
	Machine      report.Machine `json:"machine"`
	Build        report.Build   `json:"build"`
	Date         time.Time      `json:"date"`
	Seconds      float64        `json:"seconds"` // the whole took
	Runs         int            `json:"runs"`
	RunSeconds   float64        `json:"run_seconds"`
	Quick        bool           `json:"quick"`
	All          bool           `json:"all"` // everything was measured
	TableRows    int64          `json:"table_rows"`
	Partitions   int            `json:"partitions"`
	Settings     []string       `json:"settings,omitempty"` // that differ from the defaults
	OriginalFrom string         `json:"original_from"`
	Rows         []Measured     `json:"rows"`
	Facts        []Fact         `json:"facts"`
	Redis        *redis.Result  `json:"redis,omitempty"`
	RedisNote    string         `json:"redis_note,omitempty"` // why there is none
}

// Measured is one row of a report.
type Measured struct {
	Name     string          `json:"name"`
	Case     string          `json:"case"`
	Callers  int             `json:"callers"`
	Sync     string          `json:"plog_sync"`
	Figures  report.Figures  `json:"figures"`
	Original *Original       `json:"original,omitempty"`
	Target   Target          `json:"target"`
	CPUMax   float64         `json:"target_cpu_us_per_op,omitempty"` // the bound in µs, also where the target is a multiple of another row
	Slowness float64         `json:"slowness,omitempty"`             // of the machine against the original's, by what Redis takes; 0: not known
	Ratios   ratios          `json:"ratios"`
	Verdict  Verdict         `json:"verdict"`
	Scaled   Verdict         `json:"verdict_scaled"` // the same with the target set for a machine of this slowness
	Runs     []*bench.Result `json:"runs"`
	Failed   string          `json:"failed,omitempty"` // why it was not measured
}

func (o *Options) check() error {
	if o.Runs < 1 || o.Runs > runsMax {
		return fmt.Errorf("table: %d runs, want 1 to %d", o.Runs, runsMax)
	}
	if o.Duration <= 0 || o.Warmup < 0 {
		return errors.New("table: a run needs a positive duration, and a warm-up that is not negative")
	}
	return nil
}

// Run measures the chosen rows and facts and judges them. Where a cluster fails, what was to be measured on it says why, and the
// rest is measured all the same; All is false then. An error means that there is no report.
func Run(ctx context.Context, o Options) (*Report, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	list, facts, err := choose(stages(), factList, o.Rows)
	if err != nil {
		return nil, err
	}
	dir := o.Dir
	if dir == "" {
		dir = os.TempDir()
	}
	began := time.Now()
	r := &Report{Machine: report.LookAtMachine(dir), Build: o.Build, Date: began, Runs: o.Runs, RunSeconds: o.Duration.Seconds(), Quick: o.Quick,
		TableRows: o.TableRows, Partitions: partitions, Settings: o.Sets, OriginalFrom: OriginalSource, Facts: facts}
	p := newPace(&o, list, facts)
	o.Progress("%d rows, each measured %d times, and %d facts of whole clusters, on clusters of processes with data in %s: about %s", p.rows, o.Runs, len(facts), dir, p.left.Round(time.Second))
	speed := startSpeed(ctx, &o, p)
	defer speed.stop()
	before := speed.slowness(ctx)
	for i, s := range list {
		measured, err := runStage(ctx, &o, s, p)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("table: %w", err)
		}
		if err != nil {
			err = fmt.Errorf("cluster %d of %d: %w", i+1, len(list), err)
			p.say("**failed**, and with it %d rows from %s on: %v", len(s.rows), s.rows[0].Name(), err)
			measured = s.failed(err)
		}
		p.over(startTime)
		after := speed.slowness(ctx)
		for j := range measured {
			measured[j].Slowness = between(before, after)
		}
		before = after
		r.Rows = append(r.Rows, measured...)
	}
	speed.stop()
	if err := measureFacts(ctx, &o, r.Facts, p); err != nil {
		return nil, fmt.Errorf("table: %w", err)
	}
	r.judge()
	if r.Redis, r.RedisNote = yardstick(ctx, &o, p); ctx.Err() != nil {
		return nil, fmt.Errorf("table: %w", context.Cause(ctx))
	}
	r.All = o.Rows == "" && r.Failures() == nil
	r.Seconds = time.Since(began).Seconds()
	return r, nil
}

// Failures joins the reasons, in a line each, of all that was to be measured and was not; nil: there are none.
func (r *Report) Failures() error {
	var all []error
	last := ""
	add := func(reason string) {
		if reason != "" && reason != last { // the rows of a stage share theirs
			all = append(all, errors.New(box.Brief(reason)))
		}
		last = reason
	}
	for _, row := range r.Rows {
		add(row.Failed)
	}
	for _, f := range r.Facts {
		add(f.Failed)
	}
	return errors.Join(all...)
}

// judge sets every row beside the original and its target.
func (r *Report) judge() {
	cpuOf := func(name string) (float64, bool) {
		for _, row := range r.Rows {
			if row.Name == name && row.Figures.CPUMicros > 0 && row.Figures.Errors == 0 {
				return row.Figures.CPUMicros, true
			}
		}
		return 0, false
	}
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.Failed != "" {
			continue
		}
		row.CPUMax = row.Target.cpuMax(cpuOf)
		row.Ratios = compare(row.Original, row.Figures)
		row.Verdict = judge(row.Target, row.CPUMax, row.Figures)
		if row.Slowness > 0 {
			target := row.Target.on(row.Slowness)
			row.Scaled = judge(target, target.cpuMax(cpuOf), row.Figures)
		}
	}
}

// runStage measures the rows of one stage on a cluster of their own.
func runStage(ctx context.Context, o *Options, s stage, p *pace) (measured []Measured, failed error) {
	p.say("starting a cluster, plog_sync = %s, %d rows of %d bytes", s.sync, o.TableRows, s.load.ValueBytes)
	b, err := box.Start(ctx, box.Options{Executable: o.Executable, Dir: o.Dir, PlogSync: s.sync, Partitions: partitions, Sets: o.Sets})
	if err != nil {
		return nil, err
	}
	defer func() { failed = b.Close(failed) }()
	load := s.load
	load.LoadOnly = true
	if _, err := bench.Run(ctx, o.fill(b, load)); err != nil {
		return nil, errors.Join(fmt.Errorf("load: %w", err), b.Alive())
	}
	runs := make([][]*bench.Result, len(s.rows))
	for n := range o.Runs {
		for i, row := range s.rows {
			if _, err := b.Settle(ctx, settleMax); err != nil {
				return nil, err
			}
			options := row.Options
			options.SkipLoad = true
			result, err := bench.Run(ctx, o.fill(b, options))
			if err := errors.Join(err, b.Alive()); err != nil {
				return nil, fmt.Errorf("%s: %w", row.Name(), err)
			}
			checkFound(row, result)
			runs[i] = append(runs[i], result)
			p.ran(row, n, report.Summarize([]*bench.Result{result}))
		}
	}
	for i, row := range s.rows {
		measured = append(measured, Measured{Name: row.Name(), Case: row.label(), Callers: row.Options.Callers, Sync: row.Sync, Figures: report.Summarize(runs[i]),
			Original: row.Original, Target: row.Target, Runs: runs[i]})
	}
	return measured, nil
}

// failed is the rows of a stage that could not be measured.
func (s stage) failed(err error) []Measured {
	var list []Measured
	for _, row := range s.rows {
		list = append(list, Measured{Name: row.Name(), Case: row.label(), Callers: row.Options.Callers, Sync: row.Sync, Original: row.Original, Target: row.Target, Failed: err.Error()})
	}
	return list
}

// checkFound counts operations as errors that met a row where there is none, or none where there is one: they are answered
// well, but they are not the case.
func checkFound(row Row, r *bench.Result) {
	wrong, reason := r.NotFound, "met no row"
	if row.Options.MissShare == 1 {
		wrong, reason = r.Operations-r.NotFound, "met a row"
	}
	if wrong > 0 {
		r.Errors[reason] += wrong
	}
}

// fill completes the options of one run against a box.
func (o *Options) fill(b *box.Box, of bench.Options) bench.Options {
	of.Metas, of.Table, of.Dialect = b.Metas, box.Table, rpc.THFTv1
	of.Rows, of.TimeoutMs, of.Seed = o.TableRows, timeoutMs, 1
	of.Warmup, of.Duration = o.Warmup, o.Duration
	return of
}

// yardstick measures Redis, or says why not.
func yardstick(ctx context.Context, o *Options, p *pace) (*redis.Result, string) {
	if !o.Redis {
		return nil, "not asked for"
	}
	if err := redis.Installed(); err != nil {
		p.say("skipped the yardstick: %v", err)
		return nil, err.Error()
	}
	result, err := redis.Measure(ctx, redis.Options{Dir: o.Dir, Runs: o.Runs, Duration: o.Duration, Callers: 32, ValueBytes: 1000, Keys: int(o.TableRows), Progress: p.say})
	if err != nil {
		p.say("**the yardstick failed**: %v", err)
		return nil, "it failed: " + firstLine(err.Error())
	}
	return result, ""
}
