package trouble

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pegasus-go/pegasus/bench"
	"github.com/pegasus-go/pegasus/bench/box"
	"github.com/pegasus-go/pegasus/bench/report"
	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/internal/plot"
	"github.com/pegasus-go/pegasus/rpc"
)

// Measured is one trouble and what clients saw.
type Measured struct {
	Name    string
	Date    time.Time
	Rate    float64 // operations per second
	Length  time.Duration
	Note    string
	Quiet   map[string]Latency // by kind of operation
	During  map[string]Latency
	Reasons map[string]int64 // of failed operations
	Machine report.Machine

	// CPU of all cores, 0 to 1: what other programs took, and what servers and client took.
	QuietOthers, DuringOthers, QuietOurs, DuringOurs float64

	of      trouble
	o       *Options
	seconds map[string][]plot.Point
	events  []plot.Event
}

// Ratio of the p99 during the trouble to the quiet one.
func (m *Measured) Ratio(kind string) float64 {
	return float64(m.During[kind].P99) / math.Max(1, float64(m.Quiet[kind].P99))
}

// stage is a cluster under load, for one trouble.
type stage struct {
	*cluster
	say     func(string, ...any)
	began   time.Time // of the load
	windows []window
	events  []plot.Event
	notes   string
}

// begin opens a window, in which operations count as being in trouble.
func (s *stage) begin(name string) {
	at := time.Since(s.began)
	s.windows = append(s.windows, window{From: at, To: math.MaxInt64})
	s.event(at, name)
}

// end closes the window; with no name the picture does not show it.
func (s *stage) end(name string) {
	at := time.Since(s.began)
	s.windows[len(s.windows)-1].To = at
	s.event(at, name)
}

func (s *stage) event(at time.Duration, name string) {
	if name != "" {
		s.events = append(s.events, plot.Event{X: at.Seconds(), Name: name})
		s.say("%s", name)
	}
}

func (s *stage) note(format string, args ...any) {
	if s.notes != "" {
		s.notes += "; "
	}
	s.notes += fmt.Sprintf(format, args...)
}

// Run measures the chosen troubles on one cluster and hands each to done. The context ends it early; the cluster is stopped in any case.
func Run(ctx context.Context, o Options, done func(*Measured) error) (failed error) {
	if err := o.check(); err != nil {
		return err
	}
	chosen, err := choose(o.Troubles)
	if err != nil {
		return err
	}
	dir := o.Dir
	if dir == "" {
		dir = os.TempDir()
	}
	machine := report.LookAtMachine(dir)
	o.Progress("starting %d replica servers with data in %s", servers, dir)
	b, err := box.Start(ctx, box.Options{Executable: o.Executable, Dir: o.Dir, PlogSync: o.PlogSync, Partitions: partitions, Replicas: servers, Copies: members,
		Sets: append(append([]string(nil), settings...), o.Sets...)})
	if err != nil {
		return err
	}
	defer func() { failed = b.Close(failed) }()
	c := &cluster{o: &o, box: b}
	if c.client, err = client.New(b.Metas, client.Options{Logger: slog.New(slog.DiscardHandler)}); err != nil {
		return err
	}
	defer func() { failed = errors.Join(failed, c.client.Close()) }()
	if err := c.fill(ctx); err != nil {
		return err
	}
	for _, t := range chosen {
		m := &Measured{Name: t.name, Date: time.Now(), Rate: o.Rate, of: t, o: &o, Machine: machine}
		if err := c.measure(ctx, m); err != nil {
			return errors.Join(fmt.Errorf("trouble: %s: %w", t.name, err), b.Alive())
		}
		if err := done(m); err != nil {
			return err
		}
	}
	return nil
}

// fill loads the table and finds the rate.
func (c *cluster) fill(ctx context.Context) error {
	c.o.Progress("loading %d rows of %d bytes", c.o.Rows, c.o.ValueBytes)
	load := c.load()
	load.LoadOnly, load.SkipLoad = true, false
	if _, err := bench.Run(ctx, load); err != nil {
		return err
	}
	if c.o.Rate > 0 {
		return nil
	}
	probe := c.load()
	probe.Callers, probe.RatePerSecond, probe.Duration, probe.Warmup = probeCallers, 0, probeTime, time.Second
	r, err := bench.Run(ctx, probe)
	if err != nil {
		return err
	}
	if c.o.Rate = math.Max(1, math.Floor(r.OpsPerSecond/rateShare/100)*100); c.o.Rate > rateMax {
		c.o.Rate = rateMax
	}
	c.o.Progress("a closed loop reaches %s ops/s: the rate is %s", report.Thousands(r.OpsPerSecond), report.Thousands(c.o.Rate))
	return nil
}

func (c *cluster) load() bench.Options {
	return bench.Options{Metas: c.box.Metas, Table: box.Table, Dialect: rpc.THFTv1, Workload: "mixed", ReadShare: 0.5, SkipLoad: true, Callers: callers,
		RatePerSecond: c.o.Rate, TimeoutMs: timeoutMs, Rows: c.o.Rows, ValueBytes: c.o.ValueBytes, Seed: 1, Duration: troubleMax + 2*timeMax}
}

// measure prepares one trouble, offers the load, waits through a quiet phase, has the trouble happen and looks at what was seen.
func (c *cluster) measure(ctx context.Context, m *Measured) error {
	s := &stage{cluster: c, say: func(format string, args ...any) { c.o.Progress(m.Name+": "+format, args...) }}
	if m.of.prepare != nil {
		if err := m.of.prepare(ctx, s); err != nil {
			return err
		}
	}
	if quiet, err := c.box.Settle(ctx, settleMax); err != nil {
		return err
	} else if !quiet {
		s.say("the servers are still at work after %v", settleMax)
	}
	unix.Sync() // what was loaded must not be written out during the quiet phase
	s.say("%s ops/s, quiet for %v", report.Thousands(c.o.Rate), c.o.Quiet)
	s.began = time.Now()
	seen := newSamples(s.began)
	loadCtx, stop := context.WithCancel(ctx)
	defer stop()
	load := c.load()
	load.Observe = seen.add
	ended := make(chan error, 1)
	go func() {
		_, err := bench.Run(loadCtx, load)
		ended <- err
	}()
	quiet, err := c.act(ctx, m, s, seen)
	over := time.Since(s.began)
	stop()
	if loadErr := <-ended; !errors.Is(loadErr, context.Canceled) {
		return errors.Join(err, fmt.Errorf("the load ended by itself: %w", loadErr))
	}
	if err != nil {
		return err
	}
	if seen.lost > 0 {
		return fmt.Errorf("%d operations beyond the %d that are kept: choose a lower --rate or shorter phases", seen.lost, samplesMax)
	}
	m.seen(s, seen, quiet, over)
	for _, kind := range kinds {
		if m.Quiet[kind].Operations == 0 || m.During[kind].Operations == 0 {
			return fmt.Errorf("no %s was answered in the quiet phase, or none during the trouble", kind)
		}
		s.say("%s p99 %s ms quiet, %s ms during %.1f s: %.1f times, %d errors", kind, ms(m.Quiet[kind].P99), ms(m.During[kind].P99), m.Length.Seconds(), m.Ratio(kind), m.During[kind].Errors)
	}
	return nil
}

// seen takes the figures of a load that is over.
func (m *Measured) seen(s *stage, seen *samples, quiet window, over time.Duration) {
	m.Note, m.events, m.Reasons = s.notes, s.events, seen.reasons
	m.Quiet, m.During, m.seconds = map[string]Latency{}, map[string]Latency{}, map[string][]plot.Point{}
	for _, w := range s.windows {
		m.Length += w.length()
	}
	for _, kind := range kinds {
		m.Quiet[kind], m.During[kind] = seen.latency(kind, quiet), seen.latency(kind, s.windows...)
		m.seconds[kind] = seen.perSecond(kind, over)
	}
}

// act is the script of one measurement while the load runs. It returns the quiet window.
func (c *cluster) act(ctx context.Context, m *Measured, s *stage, seen *samples) (window, error) {
	if err := sleep(ctx, warmup); err != nil {
		return window{}, err
	}
	first, err := c.look()
	if err != nil {
		return window{}, err
	}
	quiet := window{From: time.Since(s.began)}
	if err := sleep(ctx, c.o.Quiet); err != nil {
		return quiet, err
	}
	quiet.To = time.Since(s.began)
	second, err := c.look()
	if err != nil {
		return quiet, err
	}
	shown := c.watch(s, seen)
	defer shown()
	bounded, cancel := context.WithTimeoutCause(ctx, troubleMax, fmt.Errorf("not over after %v", troubleMax))
	defer cancel()
	if err := m.of.run(bounded, s); err != nil {
		return quiet, err
	}
	third, err := c.look()
	if err != nil {
		return quiet, err
	}
	m.QuietOthers, m.QuietOurs = second.shares(first)
	m.DuringOthers, m.DuringOurs = third.shares(second)
	s.say("CPU of the machine: quiet %.0f %% ours, %.0f %% others; during %.0f %% ours, %.0f %% others", 100*m.QuietOurs, 100*m.QuietOthers, 100*m.DuringOurs, 100*m.DuringOthers)
	return quiet, sleep(ctx, after)
}

// watchEvery is the time between two lines of progress.
const watchEvery = 5 * time.Second

// watch tells the p99 of the last seconds now and then, until the function it returns is called.
func (c *cluster) watch(s *stage, seen *samples) (end func()) {
	stop, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				now := time.Since(s.began)
				last := window{now - watchEvery, now}
				s.say("%3.0f s: p99 of get %s ms, of set %s ms", now.Seconds(), ms(seen.latency("get", last).P99), ms(seen.latency("set", last).P99))
			}
		}
	}()
	return func() {
		close(stop)
		<-gone
	}
}

func ms(d time.Duration) string { return report.Figure(milliseconds(d)) }
