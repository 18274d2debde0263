package table

import (
	"fmt"
	"time"

	"github.com/pegasus-go/pegasus/bench/redis"
	"github.com/pegasus-go/pegasus/bench/report"
)

// pace says how far a table is and how long it will take.
type pace struct {
	options    *Options
	rows, done int // rows to measure; runs done
	began      time.Time
	left       time.Duration // about, of what is not over
}

func newPace(o *Options, list []stage, facts []Fact) *pace {
	p := &pace{options: o, began: time.Now()}
	for _, s := range list {
		p.rows += len(s.rows)
		p.left += startTime + time.Duration(len(s.rows)*o.Runs)*o.runTime()
	}
	for _, s := range scenes {
		if of := len(s.of(facts)); of > 0 {
			p.left += s.takes + time.Duration(s.runs(o)*of)*s.perRun
		}
	}
	if o.Redis && redis.Installed() == nil {
		p.left += time.Duration(redis.Cases()) * (time.Duration(o.Runs)*o.Duration + redisStart)
		p.left += time.Duration(1+len(list)) * gaugeTime
	}
	return p
}

// runTime is about how long one run of a row takes.
func (o *Options) runTime() time.Duration { return o.Warmup + o.Duration + runOverhead }

// over tells that something is done which was planned to take so long.
func (p *pace) over(planned time.Duration) { p.left -= planned }

func (p *pace) say(format string, args ...any) {
	p.options.Progress("[%5s, %s left] %s", time.Since(p.began).Round(time.Second), max(p.left, 0).Round(time.Second), fmt.Sprintf(format, args...))
}

// ran tells of one run.
func (p *pace) ran(row Row, n int, f report.Figures) {
	p.done++
	p.over(p.options.runTime())
	p.say("%d/%d  %s, run %d of %d: %s ops/s, p99 %s µs, %s µs CPU/op%s", p.done, p.rows*p.options.Runs, row.Name(), n+1, p.options.Runs,
		report.Thousands(f.OpsPerSecond), report.Thousands(f.P99Us), report.Known(f.CPUMicros), errorsText(f))
}

func errorsText(f report.Figures) string {
	if f.Errors == 0 {
		return ""
	}
	return ", ERRORS: " + f.ErrorText()
}
