package trouble

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pegasus-go/pegasus/bench/report"
)

// Options of a run.
type Options struct {
	Executable string        // the pegasus program that serves
	Dir        string        // where data directories are made; "": the system's place for temporary files
	Troubles   []string      // names; none: all
	Rate       float64       // operations per second of the open loop; 0: a tenth of what a closed loop reaches, since few callers cost more each
	Rows       int64         // of the table that clients use
	ValueBytes int           // of its values
	LearnBytes int64         // of the partition that is learned and of the table that is compacted
	Quiet      time.Duration // of the quiet phase before each trouble
	Length     time.Duration // of troubles that do not end by themselves
	PlogSync   string        // always, interval or none
	Quick      bool          // for the report: this was but a try
	Build      report.Build
	Sets       []string // "section.key=value" for the configuration of all servers
	Progress   func(format string, args ...any)
}

// Defaults of figures that are kept, and of a quick try.
const (
	DefaultRows       = 100_000
	DefaultValueBytes = 1000
	DefaultLearnBytes = 5 << 30
	DefaultQuiet      = 20 * time.Second
	DefaultLength     = 20 * time.Second

	QuickRows       = 10_000
	QuickLearnBytes = 256 << 20
	QuickQuiet      = 5 * time.Second
	QuickLength     = 5 * time.Second
)

const (
	partitions    = 8   // of the table that clients use
	members       = 3   // of each partition
	servers       = 4   // replica servers: one more than members, so that a partition can move
	callers       = 128 // operations in flight at most
	timeoutMs     = 5000
	rateShare     = 10 // the rate is what a closed loop reaches divided by this
	rateMax       = 200_000
	probeCallers  = 32
	probeTime     = 3 * time.Second
	warmup        = 2 * time.Second
	after         = 5 * time.Second // measured after a trouble
	settleMax     = 30 * time.Second
	troubleMax    = 20 * time.Minute // of one that ends by itself
	bigTable      = "big"
	bigValueBytes = 100_000
	bigCopies     = 8                // on the disk at most: of three members, of what left one, of what compactions write, and logs
	learnBytesMin = 128 << 20        // less stays in memory and in one file of the log
	timeMax       = 10 * time.Minute // of one phase

	// Figures at most: the others are but counted.
	samplesMax = 16 << 20
)

// settings make a learner copy a checkpoint: the log of the big partition is not kept for it. They stand before the caller's.
var settings = []string{"replication.log_private_reserve_max_size_mb=16", "replication.log_private_reserve_max_time_seconds=5",
	"replication.checkpoint_interval_seconds=10"}

// Names of all troubles, in the order in which they are measured.
func Names() []string {
	var names []string
	for _, t := range list {
		names = append(names, t.name)
	}
	return names
}

func (o *Options) check() error {
	switch {
	case o.Rate < 0 || o.Rate > rateMax:
		return fmt.Errorf("trouble: a rate of %g operations per second, want 0 to %d", o.Rate, rateMax)
	case o.LearnBytes < learnBytesMin:
		return fmt.Errorf("trouble: a partition of %d bytes to learn, want %d or more", o.LearnBytes, learnBytesMin)
	case o.Quiet < time.Second || o.Length < time.Second || o.Quiet > timeMax || o.Length > timeMax:
		return fmt.Errorf("trouble: a phase lasts from 1s to %v", timeMax)
	case o.Rows < 1 || o.ValueBytes < 1:
		return errors.New("trouble: the table needs rows, and values of a byte or more")
	}
	_, err := choose(o.Troubles)
	return err
}

func choose(names []string) ([]trouble, error) {
	if len(names) == 0 {
		return list, nil
	}
	var chosen []trouble
	for _, t := range list {
		if slices.Contains(names, t.name) {
			chosen = append(chosen, t)
		}
	}
	for _, name := range names {
		if !slices.Contains(Names(), name) {
			return nil, fmt.Errorf("trouble: unknown trouble %q, want one of %s", name, strings.Join(Names(), ", "))
		}
	}
	return chosen, nil
}
