package compare

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pegasus-go/pegasus/bench"
	"github.com/pegasus-go/pegasus/bench/box"
	"github.com/pegasus-go/pegasus/bench/report"
	"github.com/pegasus-go/pegasus/rpc"
)

// Defaults, and what bounds a comparison.
const (
	DefaultRounds    = 4
	DefaultWarmup    = time.Second
	DefaultDuration  = 8 * time.Second
	DefaultTableRows = 100_000

	roundsMax  = 100
	partitions = 8
	timeoutMs  = 20_000 // of one operation
	settleMax  = 10 * time.Second
)

// Side is one of the two that are compared.
type Side struct {
	Executable string   // the pegasus program that serves
	Sets       []string // "section.key=value" for the configuration of all its servers
}

// Options of a comparison.
type Options struct {
	Old, New  Side
	Workloads []string      // see bench.Workloads
	Load      bench.Options // callers, value bytes, rows, ... of all workloads, warm-up and duration included
	Rounds    int
	PlogSync  string
	Dir       string // where data directories are made; "": the system's place for temporary files
	Progress  func(format string, args ...any)
}

// Case is one workload.
type Case struct {
	Workload string  `json:"workload"`
	Rounds   []Round `json:"rounds"`
}

// Round is what both sides did in the same seconds; the old one comes first.
type Round struct {
	CPUMicros    [2]float64 `json:"cpu_us_per_op"`
	OpsPerSecond [2]float64 `json:"ops_per_second"`
}

// Ratios are those of the new side's CPU per operation to the old one's, one for each round.
func (c *Case) Ratios() []float64 {
	return c.each(func(r Round) float64 { return r.CPUMicros[1] / r.CPUMicros[0] })
}

func (c *Case) each(of func(Round) float64) []float64 {
	var values []float64
	for _, r := range c.Rounds {
		values = append(values, of(r))
	}
	return values
}

func (o *Options) check() error {
	if o.Rounds < 1 || o.Rounds > roundsMax {
		return fmt.Errorf("compare: %d rounds, want 1 to %d", o.Rounds, roundsMax)
	}
	if len(o.Workloads) == 0 {
		return errors.New("compare: no workload is named")
	}
	if o.Load.RatePerSecond != 0 {
		return errors.New("compare: a rate makes an open loop, and a comparison needs a closed one")
	}
	return nil
}

// Run compares. An error means that there are no figures.
func Run(ctx context.Context, o Options) ([]Case, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	cases := make([]Case, len(o.Workloads))
	for i, name := range o.Workloads {
		cases[i].Workload = name
	}
	for n := range o.Rounds {
		if err := o.round(ctx, n, cases); err != nil {
			return nil, fmt.Errorf("compare: round %d: %w", n+1, err)
		}
	}
	return cases, nil
}

// sides names the two in messages.
var sides = [2]string{"old", "new"}

// order is which side of a round starts first.
func order(round int) [2]int { return [2]int{round % 2, 1 - round%2} }

// round measures every workload once, on two clusters of its own.
func (o *Options) round(ctx context.Context, n int, cases []Case) (failed error) {
	var boxes [2]*box.Box
	for _, i := range order(n) {
		side := []Side{o.Old, o.New}[i]
		o.Progress("round %d of %d: starting the %s cluster", n+1, o.Rounds, sides[i])
		b, err := box.Start(ctx, box.Options{Executable: side.Executable, Dir: o.Dir, PlogSync: o.PlogSync, Partitions: partitions, Sets: side.Sets})
		if err != nil {
			return fmt.Errorf("%s: %w", sides[i], err)
		}
		defer func() { failed = b.Close(failed) }()
		boxes[i] = b
	}
	for i := range cases {
		r, err := o.measure(ctx, boxes, cases[i].Workload)
		if err != nil {
			return fmt.Errorf("%s: %w", cases[i].Workload, err)
		}
		cases[i].Rounds = append(cases[i].Rounds, r)
		o.Progress("round %d of %d: %s: %s and %s µs of CPU per operation, %.3f times", n+1, o.Rounds, cases[i].Workload,
			report.Figure(r.CPUMicros[0]), report.Figure(r.CPUMicros[1]), r.CPUMicros[1]/r.CPUMicros[0])
	}
	return nil
}

// measure runs a workload on both clusters at the same time.
func (o *Options) measure(ctx context.Context, boxes [2]*box.Box, workload string) (r Round, err error) {
	of := o.Load
	of.Workload, of.Table, of.Dialect, of.TimeoutMs, of.Seed = workload, box.Table, rpc.THFTv1, timeoutMs, 1
	load := of
	load.LoadOnly = true
	if _, err := both(ctx, boxes, load); err != nil {
		return r, fmt.Errorf("load: %w", err)
	}
	for i, b := range boxes {
		if _, err := b.Settle(ctx, settleMax); err != nil {
			return r, fmt.Errorf("%s: %w", sides[i], err)
		}
	}
	of.SkipLoad = true
	results, err := both(ctx, boxes, of)
	if err != nil {
		return r, err
	}
	for i, result := range results {
		f := report.Summarize([]*bench.Result{result})
		switch {
		case f.Errors > 0:
			return r, fmt.Errorf("%s: operations failed: %s", sides[i], f.ErrorText())
		case f.CPUMicros <= 0:
			return r, fmt.Errorf("%s: the CPU time of the servers is not known", sides[i])
		}
		r.CPUMicros[i], r.OpsPerSecond[i] = f.CPUMicros, f.OpsPerSecond
	}
	return r, nil
}

// both runs the same on each cluster and waits for both.
func both(ctx context.Context, boxes [2]*box.Box, of bench.Options) (results [2]*bench.Result, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var errs [2]error
	var wg sync.WaitGroup
	for i, b := range boxes {
		wg.Go(func() {
			of := of
			of.Metas = b.Metas
			if results[i], errs[i] = bench.Run(ctx, of); errs[i] != nil {
				stop() // the other is of no use alone
				errs[i] = fmt.Errorf("%s: %w", sides[i], errors.Join(errs[i], b.Alive()))
			}
		})
	}
	wg.Wait()
	return results, errors.Join(errs[:]...)
}
