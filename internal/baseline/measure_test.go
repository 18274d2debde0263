package baseline

import (
	"flag"
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/compat-tests/cluster"
	"go.uber.org/goleak"
)

const (
	file   = "baseline.txt"
	rounds = 3 // the least of them counts: what else goes on can only add
)

var rewrite = flag.Bool("rewrite", false, "write baseline.txt anew")

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		cluster.RemoveBinary()
		os.Exit(code)
	}))
}

// TestBaseline fails when an operation costs more than the file allows.
func TestBaseline(t *testing.T) {
	if testing.Short() || raceBuild || cluster.Race() {
		t.Skip("costs are measured in an ordinary build, and not with -short")
	}
	var now results
	t.Run("parts", func(t *testing.T) { measureParts(t, &now) })
	t.Run("servers", func(t *testing.T) { measureServers(t, &now) })
	if t.Failed() {
		return
	}
	stored, err := os.ReadFile(file)
	if err != nil && !*rewrite {
		t.Fatalf("read the baseline (`%s` writes it): %v", Update, err)
	}
	was, err := Parse(string(stored))
	if err != nil {
		t.Fatal(err)
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(Format(was, now)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	wrong, better := Compare(was, now)
	for _, line := range wrong {
		if *rewrite {
			t.Log(line)
		} else {
			t.Error(line)
		}
	}
	for _, line := range better {
		t.Log(line)
	}
}

// results are what was measured, in the order in which it was.
type results []Measure

// add keeps one cost; it may grow by a share of itself and by slack.
func (r *results) add(name string, value, share, slack float64) {
	*r = append(*r, Measure{Name: name, Value: value, Tolerance: value*share + slack})
}

// part measures n calls of f in this process, its other goroutines included. The collector rests, because it empties pools.
func (r *results) part(t *testing.T, name string, n int, f func(i int)) {
	t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	i := 0
	run := func() {
		for range n {
			f(i)
			i++
		}
	}
	run() // warms pools and buffers
	var allocs, bytes, nanos float64
	for round := range rounds {
		runtime.GC()
		f(i) // pools that were emptied
		i++
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		run()
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		per := func(total uint64) float64 { return float64(total) / float64(n) }
		least(&allocs, per(after.Mallocs-before.Mallocs), round)
		least(&bytes, per(after.TotalAlloc-before.TotalAlloc), round)
		least(&nanos, per(uint64(took)), round)
	}
	t.Logf("%-24s %10.0f ns/op %10.2f allocs/op %10.1f bytes/op", name, nanos, allocs, bytes)
	r.add(name+"_allocs", allocs, 0.03, 0.5)
	r.add(name+"_bytes", bytes, 0.10, 32)
}

func least(to *float64, value float64, round int) {
	if round == 0 || value < *to {
		*to = value
	}
}
