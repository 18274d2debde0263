package redis

import (
	"context"
	"errors"
	"fmt"

	"github.com/pegasus-go/pegasus/bench"
)

// Gauge is a server that stays beside other measurements, idle, and tells now and then how fast the machine is: virtual
// machines change their speed within minutes.
type Gauge struct {
	server   *server
	options  Options
	requests int
}

// StartGauge starts and loads a server that keeps nothing. Of the options, Runs and Progress are not used.
func StartGauge(ctx context.Context, o Options) (*Gauge, error) {
	if err := Installed(); err != nil {
		return nil, err
	}
	s, err := start(ctx, o.Dir, false)
	if err != nil {
		return nil, err
	}
	requests, err := s.prepare(ctx, o, "get")
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return &Gauge{server: s, options: o, requests: requests}, nil
}

// CPUMicros measures for about Options.Duration what a get costs the server in µs of CPU.
func (g *Gauge) CPUMicros(ctx context.Context) (float64, error) {
	before, err := bench.ProcessUsage([]int{g.server.pid})
	if err != nil {
		return 0, err
	}
	if _, err := g.server.run(ctx, g.options, "get", g.requests, 1); err != nil {
		return 0, err
	}
	after, err := bench.ProcessUsage([]int{g.server.pid})
	if err != nil {
		return 0, err
	}
	return float64(after.Difference(before).CPU.Microseconds()) / float64(g.requests), nil
}

// Close stops the server.
func (g *Gauge) Close() error {
	if err := g.server.stop(); err != nil {
		return fmt.Errorf("redis: gauge: %w", err)
	}
	return nil
}
