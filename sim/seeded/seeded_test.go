package seeded

import (
	"flag"
	"os"
	"runtime/debug"
	"testing"
	"time"
)

var (
	seedFlag = flag.Uint64("seed", 0, "run this seed only")
	seeds    = flag.Int("seeds", 4, "number of seeds to run, from -first on")
	first    = flag.Uint64("first", 1, "first seed")
	trace    = flag.Bool("story", false, "print everything that happens")
	logs     = flag.Bool("logs", false, "with -trace: also what the servers log")
	hours    = flag.Float64("hours", 1, "simulated hours with faults")
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	flag.Parse()
	os.Exit(m.Run())
}

func options() Options {
	o := Options{Duration: time.Duration(*hours * float64(time.Hour)), Logs: *logs}
	if *trace {
		o.Trace = os.Stdout
	}
	return o
}

func TestOne(t *testing.T) {
	began := time.Now()
	res, err := Run(max(*seedFlag, 1), options())
	t.Logf("%+v", res.Outcomes)
	t.Logf("%+v", res.Faults)
	t.Logf("hash %s, %d messages, %d applied, %d checked, simulated %v in %v", res.Hash, res.Messages, res.Applied, res.Checked, res.Simulated, time.Since(began))
	if err != nil {
		t.Fatalf("%s\n%v", res.Trace, err)
	}
}
