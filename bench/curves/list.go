package curves

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pegasus-go/pegasus/internal/plot"
)

// setup is what a cluster and its rows are at a point. Points with equal setups share a cluster.
type setup struct {
	partitions int
	servers    int // replica servers
	rows       int64
	rowsPerKey int
	valueBytes int
}

// point is one value of what a curve varies.
type point struct {
	x       float64
	setup   setup
	callers int
}

// curve is one property that varies.
type curve struct {
	name   string
	title  string
	xName  string
	about  string // what is held still
	aim    aim
	format func(x float64) string
	values []float64 // of a whole run
	quick  []float64 // of a quick try
	set    func(p *point, o *Options)
}

// The point that curves vary: what the rows of bench/table with 32 callers are.
const (
	usualPartitions = 8
	usualServers    = 3
	usualRows       = 100_000
	usualValueBytes = 100
	usualCallers    = 32

	quickRows   = 20_000
	rowsPerKey  = 100 // of the curve of rows, whose millions are loaded by hash key
	rowsLeast   = 500 // of the curve of sizes, whose number of rows shrinks
	kilobyte    = 1000
	sizeOfCurve = 256_000_000 // bytes of values at most in the table of the curve of sizes
)

func count(x float64) string { return strings.ReplaceAll(plot.Short(x), " ", "") }

func size(x float64) string {
	if x < kilobyte {
		return fmt.Sprintf("%.0f B", x)
	}
	return fmt.Sprintf("%.3g KB", x/kilobyte)
}

var list = []curve{
	{
		name: "partitions", title: "Partitions", xName: "partitions of the table", format: count, aim: flat,
		about:  "32 callers, 100,000 rows of 100 bytes, 3 replica servers; every partition has 3 members, so a server holds as many replicas as there are partitions.",
		values: []float64{8, 32, 128, 512}, quick: []float64{8, 64},
		set: func(p *point, _ *Options) { p.setup.partitions = int(p.x) },
	},
	{
		name: "callers", title: "Callers", xName: "callers", format: count, aim: falling,
		about:  "8 partitions, 100,000 rows of 100 bytes, 3 replica servers; callers share at most 32 connections per server.",
		values: []float64{1, 8, 32, 128, 512, 2000}, quick: []float64{1, 32, 512},
		set: func(p *point, _ *Options) { p.callers = int(p.x) },
	},
	{
		name: "rows", title: "Rows", xName: "rows in the table", format: count, aim: flat,
		about:  "32 callers, 8 partitions, values of 100 bytes, 100 rows under each hash key, 3 replica servers; all rows fit the page cache.",
		values: []float64{10e3, 100e3, 1e6, 10e6}, quick: []float64{10e3, 100e3},
		set: func(p *point, _ *Options) { p.setup.rows, p.setup.rowsPerKey = int64(p.x), rowsPerKey },
	},
	{
		name: "value-size", title: "Size of values", xName: "bytes of a value", format: size, aim: linear,
		about:  "32 callers, 8 partitions, 100,000 rows but at most 256 MB of values, 3 replica servers.",
		values: []float64{10, 100, 1e3, 10e3, 100e3, 400e3}, quick: []float64{10, 1e3, 100e3},
		set: func(p *point, _ *Options) {
			p.setup.valueBytes = int(p.x)
			p.setup.rows = max(min(p.setup.rows, sizeOfCurve/int64(p.setup.valueBytes)), rowsLeast)
		},
	},
	{
		name: "servers", title: "Replica servers on one machine", xName: "replica servers", format: count, aim: none,
		about:  "32 callers, 8 partitions, 100,000 rows of 100 bytes; all servers share the machine, so more of them means more processes on the same cores.",
		values: []float64{3, 4, 5, 6}, quick: []float64{3, 4},
		set: func(p *point, _ *Options) { p.setup.servers = int(p.x) },
	},
}

// Names of all curves, in order.
func Names() []string {
	var names []string
	for _, c := range list {
		names = append(names, c.name)
	}
	return names
}

// choose returns the curves of the given names, all for none.
func choose(names []string) ([]curve, error) {
	if len(names) == 0 {
		return list, nil
	}
	var chosen []curve
	for _, c := range list {
		if slices.Contains(names, c.name) {
			chosen = append(chosen, c)
		}
	}
	for _, name := range names {
		if !slices.Contains(Names(), name) {
			return nil, fmt.Errorf("curves: no curve %q, there are %s", name, strings.Join(Names(), ", "))
		}
	}
	return chosen, nil
}

// leftOut names the values of a curve that ask for more rows than allowed.
func (c curve) leftOut(o *Options) []string {
	values := c.values
	if o.Quick {
		values = c.quick
	}
	there := map[float64]bool{}
	for _, p := range c.points(o) {
		there[p.x] = true
	}
	var names []string
	for _, x := range values {
		if !there[x] {
			names = append(names, c.format(x))
		}
	}
	return names
}

// points of a curve, without those that ask for more rows than allowed.
func (c curve) points(o *Options) []point {
	values, rows := c.values, int64(usualRows)
	if o.Quick {
		values, rows = c.quick, quickRows
	}
	rows = min(rows, o.RowsMax)
	var points []point
	for _, x := range values {
		p := point{x: x, callers: usualCallers, setup: setup{usualPartitions, usualServers, rows, 1, usualValueBytes}}
		c.set(&p, o)
		if p.setup.rows <= o.RowsMax {
			points = append(points, p)
		}
	}
	return points
}
