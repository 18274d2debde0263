package curves

import (
	"fmt"
	"strings"
	"time"
)

// About how long things take, for the plan and the time left.
const (
	runOverhead   = time.Second            // of a run besides warm-up and measuring: connections, settling
	clusterTime   = 5 * time.Second        // starting and stopping a cluster of few partitions
	replicaTime   = 12 * time.Millisecond  // making one replica
	rowTime       = 100 * time.Microsecond // loading a row by itself
	groupedTime   = 10 * time.Microsecond  // loading a row with others of its hash key
	loadBytesRate = 25e6                   // bytes of values per second
)

// takes is about how long starting and loading a cluster takes.
func (s setup) takes() time.Duration {
	row := rowTime
	if s.rowsPerKey > 1 {
		row = groupedTime
	}
	bytes := float64(s.rows) * float64(s.valueBytes) / loadBytesRate
	return clusterTime + time.Duration(s.partitions*usualServers)*replicaTime + max(time.Duration(s.rows)*row, time.Duration(bytes*float64(time.Second)))
}

// pace says how far the curves are and how long they will take.
type pace struct {
	options      *Options
	chosen       []curve
	points, done int           // times workloads
	clusters     int           //
	loading      time.Duration // of the clusters that are not over
	began        time.Time
}

func newPace(o *Options, chosen []curve) *pace {
	p := &pace{options: o, chosen: chosen, began: time.Now()}
	for _, c := range chosen {
		var last setup
		for _, at := range c.points(o) {
			p.points += len(workloads)
			if at.setup != last {
				p.clusters++
				p.loading += at.setup.takes()
			}
			last = at.setup
		}
	}
	return p
}

// over tells that the points of one cluster are done.
func (p *pace) over(points []point) { p.loading -= points[0].setup.takes() }

// left is about what the curves still take.
func (p *pace) left() time.Duration {
	o := p.options
	run := o.Warmup + o.Duration + runOverhead
	return (time.Duration((p.points-p.done)*o.Runs)*run + p.loading).Round(time.Second)
}

func (p *pace) say(format string, args ...any) {
	p.options.Progress("[%5s, %s left, %d/%d] %s", time.Since(p.began).Round(time.Second), p.left(), p.done, p.points, fmt.Sprintf(format, args...))
}

// plan is what will be done, one line per curve.
func (p *pace) plan(dir string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Plan: %d measurements of %d runs, on %d clusters of processes with data in %s, one after the other: about %s.", p.points, p.options.Runs, p.clusters, dir, p.left())
	for _, c := range p.chosen {
		var values []string
		for _, at := range c.points(p.options) {
			values = append(values, c.format(at.x))
		}
		fmt.Fprintf(&b, "\n  %-10s %s: %s", c.name, c.xName, strings.Join(values, ", "))
		if left := p.leftOut(c); left != "" {
			fmt.Fprintf(&b, " (not %s: --rows-max allows them)", left)
		}
	}
	return b.String()
}

// leftOut names the points of a whole run that ask for more rows than allowed.
func (p *pace) leftOut(c curve) string { return strings.Join(c.leftOut(p.options), ", ") }
