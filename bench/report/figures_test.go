package report

import (
	"testing"

	"github.com/pegasus-go/pegasus/bench"
)

// result is one run with the given CPU per operation.
func result(cpu float64, rate float64, p99 int64) *bench.Result {
	syncs, calls := cpu/100, cpu/10
	return &bench.Result{OpsPerSecond: rate, RowsPerSecond: rate, Errors: map[string]int64{"timeout": 1},
		Latency: map[string]bench.Latency{"all": {P50Us: p99 / 2, P99Us: p99, P999Us: 2 * p99}},
		Server:  &bench.ServerCost{CPUMicrosPerOp: &cpu, SyncsPerOp: &syncs, CallsPerOp: &calls}}
}

func TestFiguresAreMedians(t *testing.T) {
	f := Summarize([]*bench.Result{result(30, 1000, 500), result(10, 3000, 100), result(20, 2500, 900)})
	if f.CPUMicros != 20 || f.CPUMin != 10 || f.CPUMax != 30 || f.OpsPerSecond != 2500 || f.P99Us != 500 || f.P50Us != 250 || f.Calls != 2 || f.Errors != 3 {
		t.Errorf("%+v", f)
	}
	if f.Allocations != -1 || f.RSSBytes != -1 {
		t.Errorf("figures that were not measured are known: %+v", f)
	}
	if f := Summarize([]*bench.Result{{}}); f.CPUMicros != -1 || f.Switches != -1 {
		t.Errorf("figures without a server: %+v", f)
	}
}
