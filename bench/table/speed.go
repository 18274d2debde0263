package table

import (
	"context"
	"time"

	"github.com/pegasus-go/pegasus/bench/redis"
)

// originalRedisMicros is what a get of 1 KB cost Redis in µs of CPU on the original's machine: 8 to 10.
const originalRedisMicros = 9

const gaugeTime = 1500 * time.Millisecond

// speed tells how much slower this machine is at the moment than the original's, by what a get costs Redis.
type speed struct {
	gauge *redis.Gauge // nil: there is none
	pace  *pace
}

func startSpeed(ctx context.Context, o *Options, p *pace) *speed {
	s := &speed{pace: p}
	if !o.Redis || redis.Installed() != nil {
		return s
	}
	gauge, err := redis.StartGauge(ctx, redis.Options{Dir: o.Dir, Duration: gaugeTime, Callers: 32, ValueBytes: 1000, Keys: gaugeKeys})
	if err != nil {
		p.say("nothing tells how fast the machine is: %v", err)
		return s
	}
	s.gauge = gauge
	return s
}

const gaugeKeys = 20_000

// slowness is 1 on a machine like the original's, 2 on one that takes twice its time; 0: not known.
func (s *speed) slowness(ctx context.Context) float64 {
	if s.gauge == nil {
		return 0
	}
	s.pace.over(gaugeTime)
	cpu, err := s.gauge.CPUMicros(ctx)
	if err != nil {
		s.pace.say("nothing tells how fast the machine is now: %v", err)
		return 0
	}
	s.pace.say("a get of Redis costs %.3g µs, %.2f times what it cost on the original's machine", cpu, cpu/originalRedisMicros)
	return cpu / originalRedisMicros
}

func (s *speed) stop() {
	if s.gauge == nil {
		return
	}
	if err := s.gauge.Close(); err != nil {
		s.pace.say("%v", err)
	}
	s.gauge = nil
}

// between is the slowness of what ran between two looks at it.
func between(before, after float64) float64 {
	switch {
	case before <= 0:
		return after
	case after <= 0:
		return before
	}
	return (before + after) / 2
}

// on is the target on a machine that much slower. What is relative to another row stays.
func (t Target) on(slowness float64) Target {
	t.CPUMicros *= slowness
	t.Rate /= slowness
	t.P99Us *= slowness
	return t
}
