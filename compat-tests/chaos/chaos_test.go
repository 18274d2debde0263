//go:build linux

package chaos

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/compat-tests/cluster"
	"github.com/pegasus-go/pegasus/compat-tests/netlab"
	"github.com/pegasus-go/pegasus/compat-tests/programs"
)

var (
	duration = flag.Duration("chaos.duration", 0, "how long all scenarios take together; 0: one short scenario")
	seed     = flag.Uint64("chaos.seed", 0, "seed of the faults; 0: one from the clock")
	loopback = flag.Bool("chaos.loopback", false, "make no network namespaces: links and disks are not harmed")
	only     = flag.String("chaos.only", "", "regular expression: only faults that match")
	reportTo = flag.String("chaos.report", "", "directory for chaos.json and chaos.md")
)

const (
	shortFaults = 25 * time.Second
	// What a scenario takes besides its faults: starting, the rest of the last round, healing, checking.
	besides    = 20 * time.Second
	readyAfter = 120 * time.Second
)

// scenario is a cluster to harm.
type scenario struct {
	name  string
	shape shape
	share float64 // of the time
	short bool    // whether it is the one of a short run
}

var scenarios = []scenario{
	{name: "embedded", share: 0.5, short: true, shape: shape{replicas: 4, settings: settings{
		// Servers that are gone are replaced soon, stores are flushed often and little log is kept, so that learners start from
		// nothing, or need a checkpoint.
		"meta_server": {"replica_assign_delay_ms_for_dropouts": 12000},
		"replication": {"checkpoint_interval_seconds": 3, "checkpoint_flush_behind_bytes": 1 << 20, "log_private_file_size_mb": 1,
			"log_private_reserve_max_size_mb": 1, "log_private_reserve_max_time_seconds": 5},
		"pegasus.server": {"rocksdb_write_buffer_size": 1 << 20},
	}}},
	{name: "zookeeper", share: 0.5, shape: shape{replicas: 3, zooKeeper: true, settings: settings{
		"replication": {"disk_stat_interval_seconds": 2}, // a full disk is noticed before it refuses
	}}},
}

func TestMain(m *testing.M) {
	if os.Getenv(envMode) != "" {
		if err := runCaller(); err != nil {
			fmt.Fprintln(os.Stderr, "caller:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	cluster.RemoveBinary()
	programs.Remove()
	os.Exit(code)
}

// TestChaos runs the scenarios one after the other.
func TestChaos(t *testing.T) {
	if testing.Short() {
		t.Skip("a whole cluster is not for -short")
	}
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())%1_000_000 + 1
	}
	matching, err := regexp.Compile(*only)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("again with the same faults: go test ./compat-tests/chaos -run '^TestChaos$' -v -chaos.seed %d -chaos.duration %v -chaos.only '%s'", *seed, *duration, *only)
	var reports []*scenarioReport
	for _, s := range scenarios {
		faults := time.Duration(float64(*duration)*s.share) - besides
		if *duration == 0 {
			faults = shortFaults
		}
		if *duration == 0 && !s.short {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			report := &scenarioReport{Scenario: s.name, Seed: *seed, Faults: map[string]*faultReport{}}
			reports = append(reports, report)
			runScenario(t, s, max(faults, shortFaults), matching, report)
		})
	}
	if *reportTo != "" {
		if err := write(*reportTo, reports); err != nil {
			t.Error(err)
		}
	}
	for _, r := range reports {
		t.Log("\n" + r.table())
	}
}

// newLab is a lab of namespaces, or what does without where that is allowed.
func newLab(t *testing.T) *netlab.Lab {
	if *loopback {
		return netlab.Loopback()
	}
	err := netlab.Check()
	if err == nil {
		return netlab.New()
	}
	if os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	t.Logf("without network namespaces no links are harmed and no disk is filled: %v", err)
	return netlab.Loopback()
}

func needs(t *testing.T, s scenario, lab *netlab.Lab) {
	_, missing := programs.Python()
	if s.shape.zooKeeper && missing == nil {
		missing = programs.Install("zookeeper")
	}
	if missing != nil && os.Getenv("CI") != "" {
		t.Fatal(missing)
	}
	if missing != nil {
		t.Skip(missing)
	}
	if s.shape.zooKeeper && !lab.Isolated() {
		t.Skip("an ensemble needs network namespaces")
	}
}

func runScenario(t *testing.T, s scenario, faults time.Duration, matching *regexp.Regexp, report *scenarioReport) {
	lab := newLab(t)
	t.Cleanup(lab.Close) // kills whatever is left
	needs(t, s, lab)
	r := &run{t: t, binary: cluster.Binary(t), began: time.Now(), records: newRecords(), report: report}
	dir, err := os.MkdirTemp("", "pegasus-chaos-")
	if err != nil {
		t.Fatal(err)
	}
	if r.events, err = os.Create(filepath.Join(dir, "events.log")); err != nil {
		t.Fatal(err)
	}
	defer r.events.Close()
	if r.c, err = newCluster(lab, dir, r.binary, s.shape, func(text string) { r.problem("%s", text) }); err != nil {
		t.Fatal(err)
	}
	report.Servers = fmt.Sprintf("3 metas, %d replica servers", s.shape.replicas)
	if s.shape.zooKeeper {
		report.Servers += ", a ZooKeeper ensemble of 3"
	}
	plan := newPlanner(*seed, r.c, matching)
	if len(plan.menu) == 0 {
		t.Fatalf("no fault matches %q", *only)
	}
	r.play(faults, plan)
	report.WallSeconds, report.Problems, report.Packets = time.Since(r.began).Seconds(), r.problems, lab.Traffic()
	if !r.bad() {
		_ = os.RemoveAll(dir)
		return
	}
	t.Errorf("%d problems, the first: %s%s\neverything is kept in %s", len(r.problems), r.problems[0], r.tail(), dir)
}

// play is the scenario: start, harm, heal, check, stop.
func (r *run) play(faults time.Duration, plan *planner) {
	defer func() {
		if err := r.c.stop(); err != nil {
			r.problem("stop: %v", err)
		}
	}()
	if err := r.c.start(); err != nil {
		r.problem("start: %v", err)
		return
	}
	r.settle(readyAfter)
	if r.bad() {
		return
	}
	clients, err := r.startClients(*seed)
	if err != nil {
		r.problem("start the clients: %v", err)
		return
	}
	r.awaitBegin()
	harmed := time.Now()
	r.faultsUntil(harmed.Add(faults), plan)
	r.report.FaultSeconds = time.Since(harmed).Seconds()
	if !r.bad() {
		r.settle(healWithin)
	}
	if !r.bad() {
		// The Apache client does not dial an address again for a minute after it refused a connection.
		r.awaitWork("pegasus-go", "python")
	}
	for _, p := range clients {
		if err := p.stop(); err != nil {
			r.problem("%v", err)
		}
	}
	if err := r.c.start(); err != nil { // after a problem servers may be down still
		r.problem("start: %v", err)
	}
	r.verify()
	r.report.measure(r.records.all())
}
