package redis

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"time"

	"github.com/pegasus-go/pegasus/bench"
	"github.com/pegasus-go/pegasus/bench/report"
)

// Options of a measurement.
type Options struct {
	Dir        string // where data directories are made; "": the system's place for temporary files
	Runs       int
	Duration   time.Duration // of a run, about
	Callers    int
	ValueBytes int
	Keys       int
	Progress   func(format string, args ...any)
}

// Row is one case, medians over the runs.
type Row struct {
	Case         string  `json:"case"`
	Callers      int     `json:"callers"`
	OpsPerSecond float64 `json:"ops_per_second"`
	P50Us        float64 `json:"p50_us"`
	P99Us        float64 `json:"p99_us"`
	CPUMicros    float64 `json:"cpu_us_per_op"` // user and system time of the server
	CPUMin       float64 `json:"cpu_us_per_op_min"`
	CPUMax       float64 `json:"cpu_us_per_op_max"`
	CallsPerOp   float64 `json:"syscalls_per_op"` // reads and writes, see bench.Usage; -1: not known
}

// Result is the yardstick.
type Result struct {
	Version string `json:"version"`
	Rows    []Row  `json:"rows"`
}

// cases are what is measured. A get does not touch the append-only file.
var cases = []struct {
	test, about string
	durable     bool
}{
	{"get", "not kept on disk", false},
	{"set", "not kept on disk", false},
	{"set", "append-only file, synced before each answer", true},
}

// Cases is the number of rows of a result.
func Cases() int { return len(cases) }

// Measure runs all cases one after the other, each on a fresh server.
func Measure(ctx context.Context, o Options) (*Result, error) {
	if err := Installed(); err != nil {
		return nil, err
	}
	result := &Result{Version: version(ctx)}
	for _, c := range cases {
		name := fmt.Sprintf("%s %d B, %s", c.test, o.ValueBytes, c.about)
		s, err := start(ctx, o.Dir, c.durable)
		if err != nil {
			return nil, err
		}
		row, err := s.measure(ctx, o, c.test, name)
		if err := errors.Join(err, s.stop()); err != nil {
			return nil, err
		}
		result.Rows = append(result.Rows, row)
	}
	return result, nil
}

// Requests of redis-benchmark are counted, not timed: a first run tells how many fill the wanted time.
const (
	firstRequests = 5_000
	requestsMin   = 1000
	loadPerKey    = 6  // random writes per key: all but 0.3 % of the keys are met
	loadPipeline  = 32 // writes in flight per connection while loading
)

// prepare loads the keys and tells how many requests fill the wanted time.
func (s *server) prepare(ctx context.Context, o Options, test string) (requests int, err error) {
	if _, err := s.run(ctx, o, "set", loadPerKey*o.Keys, loadPipeline); err != nil {
		return 0, fmt.Errorf("load: %w", err)
	}
	f, err := s.run(ctx, o, test, firstRequests, 1)
	if err != nil {
		return 0, err
	}
	return max(int(f.rate*o.Duration.Seconds()), requestsMin), nil
}

func (s *server) measure(ctx context.Context, o Options, test, name string) (Row, error) {
	requests, err := s.prepare(ctx, o, test)
	if err != nil {
		return Row{}, err
	}
	var rates, p50s, p99s, cpus, calls []float64
	for n := range o.Runs {
		before, err := bench.ProcessUsage([]int{s.pid})
		if err != nil {
			return Row{}, err
		}
		f, err := s.run(ctx, o, test, requests, 1)
		if err != nil {
			return Row{}, err
		}
		after, err := bench.ProcessUsage([]int{s.pid})
		if err != nil {
			return Row{}, err
		}
		used := after.Difference(before)
		cpu := float64(used.CPU.Microseconds()) / float64(requests)
		o.Progress("redis %s, run %d of %d: %s ops/s, %s µs CPU/op", name, n+1, o.Runs, report.Thousands(f.rate), report.Figure(cpu))
		rates, p50s, p99s, cpus = append(rates, f.rate), append(p50s, f.p50us), append(p99s, f.p99us), append(cpus, cpu)
		if used.Calls >= 0 {
			calls = append(calls, float64(used.Calls)/float64(requests))
		}
	}
	row := Row{Case: name, Callers: o.Callers, OpsPerSecond: report.Median(rates), P50Us: report.Median(p50s), P99Us: report.Median(p99s),
		CPUMicros: report.Median(cpus), CPUMin: report.Min(cpus), CPUMax: report.Max(cpus), CallsPerOp: -1}
	if len(calls) > 0 {
		row.CallsPerOp = report.Median(calls)
	}
	return row, nil
}

// run lets redis-benchmark make requests.
func (s *server) run(ctx context.Context, o Options, test string, requests, pipeline int) (figures, error) {
	text, err := exec.CommandContext(ctx, benchProgram, "-h", "127.0.0.1", "-p", strconv.Itoa(s.port), "-c", strconv.Itoa(o.Callers), "-d", strconv.Itoa(o.ValueBytes),
		"-r", strconv.Itoa(o.Keys), "-n", strconv.Itoa(requests), "-P", strconv.Itoa(pipeline), "-t", test, "--csv").CombinedOutput()
	if err != nil {
		return figures{}, fmt.Errorf("redis: redis-benchmark: %w: %.300s", err, text)
	}
	return parseCSV(string(text))
}
