package seeded

import (
	"flag"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	seedFlag = flag.Uint64("seed", 0, "run this seed only")
	seeds    = flag.Int("seeds", 4, "number of seeds to run, from -first on")
	first    = flag.Uint64("first", 1, "first seed")
	trace    = flag.Bool("story", false, "print everything that happens")
	logs     = flag.Bool("logs", false, "with -trace: also what the servers log")
	only     = flag.String("only", "", "kinds of faults to draw from, separated by commas; empty: all")
	hours    = flag.Float64("hours", 1, "simulated hours with faults")
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(1600)
	debug.SetMemoryLimit(6 << 30)
	flag.Parse()
	os.Exit(m.Run())
}

func parseSeed(s string) (uint64, error) { return strconv.ParseUint(s, 10, 64) }

func options() Options {
	o := Options{Duration: time.Duration(*hours * float64(time.Hour)), Logs: *logs}
	if *only != "" {
		o.Only = strings.Split(*only, ",")
	}
	if *trace {
		o.Trace = os.Stdout
	}
	return o
}

// TestSeeds runs many seeds; -seed N runs one of them again, -story tells it.
func TestSeeds(t *testing.T) {
	if *seedFlag != 0 {
		res, err := Run(*seedFlag, options())
		report(t, res, err)
		t.Logf("hash %s, %d messages, faults %v, outcomes %v", res.Hash, res.Messages, res.Faults, res.Outcomes)
		return
	}
	var next atomic.Uint64
	var mu sync.Mutex
	var sum Sum
	var workers sync.WaitGroup
	next.Store(*first)
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for seed := next.Add(1) - 1; seed < *first+uint64(*seeds) && !t.Failed(); seed = next.Add(1) - 1 {
				res, err := Run(seed, options())
				mu.Lock()
				sum.Add(res)
				report(t, res, err)
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	t.Logf("\n%s", sum.String())
}

func report(t *testing.T, res Result, err error) {
	if err != nil {
		t.Errorf("%s\nseed %d: %v\nagain: go test ./sim/seeded -run TestSeeds -seed %d -hours %g -story -logs", res.Trace, res.Seed, err, res.Seed, *hours)
	}
}

// TestSameSeedSameRun: everything that happens depends on the seed alone.
func TestSameSeedSameRun(t *testing.T) {
	for seed := uint64(1); seed <= 2; seed++ {
		one, err := Run(seed, options())
		if err != nil {
			t.Fatalf("%s\nseed %d: %v", one.Trace, seed, err)
		}
		two, _ := Run(seed, options())
		if one.Hash != two.Hash {
			t.Errorf("seed %d ran as %s and as %s", seed, one.Hash, two.Hash)
		}
	}
}
