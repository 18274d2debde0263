package table

import (
	"fmt"
	"slices"
	"time"

	"github.com/pegasus-go/pegasus/bench/redis"
	"github.com/pegasus-go/pegasus/bench/report"
)

// pace says how far a table is and how long it will take.
type pace struct {
	options    *Options
	rows, done int // rows to measure; runs done
	stages     int
	facts      []Fact
	began      time.Time
}

func newPace(o *Options, list []stage, facts []Fact) *pace {
	p := &pace{options: o, stages: len(list), facts: facts, began: time.Now()}
	for _, s := range list {
		p.rows += len(s.rows)
	}
	return p
}

// left is about what the table still takes when some of it is over.
func (p *pace) left(passed time.Duration) time.Duration {
	o := p.options
	all := time.Duration(p.rows*o.Runs)*(o.Warmup+o.Duration+runOverhead) + time.Duration(p.stages)*startTime
	for _, s := range scenes {
		of := 0
		for _, f := range p.facts {
			if slices.Contains(s.facts, f.Name) {
				of++
			}
		}
		if of > 0 {
			all += s.takes + time.Duration(o.Runs*of)*s.perRun
		}
	}
	if o.Redis && redis.Installed() == nil {
		all += time.Duration(redis.Cases()) * (time.Duration(o.Runs)*o.Duration + redisStart)
	}
	return max(all-passed, 0).Round(time.Second)
}

func (p *pace) say(format string, args ...any) {
	passed := time.Since(p.began)
	p.options.Progress("[%5s, %s left] %s", passed.Round(time.Second), p.left(passed), fmt.Sprintf(format, args...))
}

// ran tells of one run.
func (p *pace) ran(row Row, n int, f report.Figures) {
	p.done++
	p.say("%d/%d  %s, run %d of %d: %s ops/s, p99 %s µs, %s µs CPU/op%s", p.done, p.rows*p.options.Runs, row.Name(), n+1, p.options.Runs,
		report.Thousands(f.OpsPerSecond), report.Thousands(f.P99Us), report.Known(f.CPUMicros), errorsText(f))
}

func errorsText(f report.Figures) string {
	if f.Errors == 0 {
		return ""
	}
	return ", ERRORS: " + f.ErrorText()
}
