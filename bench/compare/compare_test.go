package compare

import (
	"context"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/pegasus-go/pegasus/bench"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOptionsAreChecked(t *testing.T) {
	for want, o := range map[string]Options{
		"0 rounds":    {Workloads: []string{"get"}},
		"101 rounds":  {Workloads: []string{"get"}, Rounds: 101},
		"no workload": {Rounds: 1},
		"open loop":   {Workloads: []string{"get"}, Rounds: 1, Load: bench.Options{RatePerSecond: 1}},
	} {
		if _, err := Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not speak of %q", err, want)
		}
	}
}

func TestSideThatDoesNotStartIsNamed(t *testing.T) {
	o := Options{Old: Side{Executable: "/bin/true"}, New: Side{Executable: "/bin/true"}, Workloads: []string{"get"}, Rounds: 1, PlogSync: "none", Dir: t.TempDir(),
		Progress: func(string, ...any) {}}
	if _, err := Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), "round 1: old: ") {
		t.Errorf("error %v does not name the round and the side", err)
	}
}

func TestSidesStartByTurns(t *testing.T) {
	if order(0) != [2]int{0, 1} || order(1) != [2]int{1, 0} || order(2) != order(0) {
		t.Errorf("orders %v, %v, %v", order(0), order(1), order(2))
	}
}

// Ratios are taken within a round; the medians of the sides may tell something else.
func TestTextShowsMediansOverRounds(t *testing.T) {
	cases := []Case{{Workload: "set", Rounds: []Round{
		{CPUMicros: [2]float64{100, 90}, OpsPerSecond: [2]float64{1000, 1100}},
		{CPUMicros: [2]float64{200, 190}, OpsPerSecond: [2]float64{500, 500}},
		{CPUMicros: [2]float64{50, 55}, OpsPerSecond: [2]float64{2000, 1800}},
	}}}
	var out strings.Builder
	if err := Text(&out, cases); err != nil {
		t.Fatal(err)
	}
	line := strings.Split(out.String(), "\n")[1]
	if got, want := strings.Join(strings.Fields(line), " "), "set 100 90.0 0.950 0.900 1.100 1.000"; got != want {
		t.Errorf("line %q, want %q", got, want)
	}
}
