package sim

import (
	"context"
	"math/rand/v2"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/replica/check"
	"github.com/pegasus-go/pegasus/sim/faultfs"
)

// dataDir of a server on its disk.
func dataDir(t *testing.T, d *faultfs.Disk) string {
	t.Helper()
	for _, f := range d.Files("/") {
		if at := strings.Index(f.Path, "/replica/reps/"); at >= 0 {
			return f.Path[:at]
		}
	}
	t.Fatal("no data directory")
	return ""
}

// checkDisk runs the check and requires that it changes nothing.
func checkDisk(t *testing.T, d *faultfs.Disk, dirs ...string) *check.Report {
	t.Helper()
	before := d.Hash("/")
	d.Fail(func(op faultfs.Op) error {
		if op.Kind.Changes() {
			t.Errorf("the check does %s", op)
		}
		return nil
	})
	defer d.Fail(nil)
	report, err := check.Run(context.Background(), dirs, check.Options{FS: d})
	if err != nil {
		t.Fatal(err)
	}
	if d.Hash("/") != before {
		t.Error("the check changed something")
	}
	return report
}

func errorsOf(r *check.Report) (all []check.Finding) {
	for _, f := range r.Findings {
		if f.Severity == check.Error {
			all = append(all, f)
		}
	}
	return all
}

// TestCheckOfDataDirectories: what a server leaves, stopped or after any loss of power, is in order; what was damaged
// is found and named; a replica may have one live directory.
func TestCheckOfDataDirectories(t *testing.T) {
	t.Parallel()
	b := newBench(t, onFaultDisks(Config{}))
	rng := rand.New(rand.NewPCG(*seed, 41))
	load := startLedger(b, b.cl, "check", 8, 30*time.Second)
	for range 8 {
		load.more(b, 60)
		d := b.Disks[0].Clone(rng, faultfs.AnyCrash(rng))
		if bad := errorsOf(checkDisk(t, d, dataDir(t, d))); len(bad) > 0 {
			t.Fatalf("after a loss of power: %+v", bad)
		}
	}
	load.end()
	b.sameEverywhere() // what was acknowledged is committed by all
	if err := b.Replicas[0].Close(); err != nil {
		t.Fatal(err)
	}
	d := b.Disks[0]
	dir := dataDir(t, d)
	report := checkDisk(t, d, dir)
	if report.Damaged() || report.Incomplete() != nil || len(report.Replicas) != testPartitions {
		t.Fatalf("a stopped server: %+v", report)
	}
	rows := int64(0)
	for _, r := range report.Replicas {
		rows += r.Rows
		if r.Verdict != "good" || r.Table != "temp" || r.StoreDecree == 0 || r.Ballot == 0 || !r.LogClean || r.LogLast < r.StoreDecree {
			t.Errorf("%+v", r)
		}
	}
	if rows < int64(len(load.acked)) {
		t.Errorf("%d rows, %d were acknowledged", rows, len(load.acked))
	}
	for kind, match := range map[string]func(name string) bool{
		"log":       func(name string) bool { return strings.HasPrefix(name, "plog.") },
		"table":     func(name string) bool { return strings.HasSuffix(name, ".sst") },
		"manifest":  func(name string) bool { return strings.HasPrefix(name, "MANIFEST") },
		"init info": func(name string) bool { return name == ".init-info" },
		"app info":  func(name string) bool { return name == ".app-info" },
	} {
		hurt := d.Clone(nil, faultfs.CrashOptions{KeepAll: true})
		file, bit, ok := hurt.RandomBit(rng, dir, func(p string) bool { return strings.Contains(p, ".pegasus/") && match(path.Base(p)) })
		if !ok {
			t.Fatalf("no %s", kind)
		}
		for i := range int64(8) { // one of them is not in a part that says nothing
			_ = hurt.FlipBit(file, bit/8*8+i)
		}
		after := checkDisk(t, hurt, dir)
		bad := errorsOf(after)
		if kind == "manifest" && len(bad) == 0 && replayed(after, report) {
			continue // the end of a manifest may be missing after a crash: the store is older then, and the log has the rest
		}
		if match(".init-info") || match(".app-info") {
			if len(bad) == 0 && reflect.DeepEqual(after.Replicas, report.Replicas) {
				continue // the name of the checksum, say: what the file tells is as it was
			}
		}
		if len(bad) != 1 || !strings.HasPrefix(file, replicaOf(bad[0].Path)) {
			t.Errorf("%s damaged: %+v", file, bad)
		}
	}
	one := report.Replicas[1].Dir
	if r := checkDisk(t, d, one); len(r.Replicas) != 1 || r.Replicas[0].Verdict != "good" {
		t.Errorf("one replica: %+v", r)
	}
	second := "/second/replica/reps/" + path.Base(one)
	if err := d.CopyTo(d, one, second); err != nil {
		t.Fatal(err)
	}
	if bad := errorsOf(checkDisk(t, d, dir, "/second")); len(bad) != 1 || bad[0].Path != second {
		t.Errorf("a second live directory: %+v", bad)
	}
	if _, err := check.Run(context.Background(), []string{"/nowhere"}, check.Options{FS: d}); err == nil {
		t.Error("a directory that is not there")
	}
}

// replayed says whether all stores are as they were, or older than that and their logs have all that follows.
func replayed(now, was *check.Report) bool {
	return slices.EqualFunc(now.Replicas, was.Replicas, func(n, w check.Replica) bool {
		return reflect.DeepEqual(n, w) || n.StoreDecree < w.StoreDecree && n.LogFirst <= n.StoreDecree+1 && n.LogLast == w.LogLast
	})
}

// replicaOf cuts a path after the replica's directory.
func replicaOf(p string) string {
	at := strings.Index(p, ".pegasus")
	if at < 0 {
		return "no replica"
	}
	return p[:at]
}
