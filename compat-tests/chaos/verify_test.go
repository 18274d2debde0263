//go:build linux

package chaos

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pegasus-go/pegasus/compat-tests/thft"
)

const (
	checkEach        = 3 * time.Minute // of one history
	sameDecreeWithin = 60 * time.Second
	problemsShown    = 10
)

// verify checks what must hold when the faults are over and the clients have stopped.
func (r *run) verify() {
	list := r.records.all()
	byKey := histories(list)
	found, err := r.readBack(byKey)
	if err != nil {
		r.problem("read back: %v", err)
		return
	}
	var lost []string
	r.report.RowsAcknowledged, lost = lostRows(list, found)
	r.several("rows", lost)
	dir := filepath.Join(r.c.dir, "histories")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		r.problem("%v", err)
	}
	r.report.Checked = check(byKey, dir, checkEach)
	r.several("histories", r.report.Checked.Problems)
	r.logf("checked %d histories of %d operations in %.1f s, and %d rows", r.report.Checked.Keys, r.report.Checked.Operations, r.report.Checked.Took.Seconds(), r.report.RowsAcknowledged)
	r.sameEverywhere()
	r.somethingWasTested(list)
	r.noPanics()
}

func (r *run) several(what string, problems []string) {
	if n := len(problems); n > 0 {
		r.problem("%d %s:\n%s", n, what, strings.Join(problems[:min(n, problemsShown)], "\n"))
	}
}

// readBack reads every key once more, which ends its history, and all rows.
func (r *run) readBack(byKey map[string][]record) (rows map[string]string, err error) {
	var keys strings.Builder
	for key := range byKey {
		fmt.Fprintln(&keys, key)
	}
	cmd, err := callerCommand("read", r.c, "")
	if err != nil {
		return nil, err
	}
	out, err := r.runCommand(strings.NewReader(keys.String()), cmd)
	if err != nil {
		return nil, err
	}
	final := newRecords()
	final.read("read back", strings.NewReader(out))
	rows = map[string]string{}
	for _, one := range final.list {
		if one.Op == "row" {
			rows[one.Key] = one.Output
		} else {
			byKey[one.Key] = append(byKey[one.Key], one)
		}
	}
	r.several("lines read back", final.broken)
	return rows, nil
}

// sameEverywhere claims that the three members of each partition hold the same rows at the same decree.
func (r *run) sameEverywhere() {
	cfg, err := r.c.awaitHealthy(healWithin)
	if err != nil {
		r.problem("not healthy for the digests: %v", err)
		return
	}
	var seen map[string]map[string]string
	for end := time.Now().Add(sameDecreeWithin); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		err := r.c.clients.Do(func() (err error) {
			seen, err = thft.Digests(r.c.addresses(roleReplica), cfg.AppID)
			return err
		})
		if err != nil {
			r.problem("digests: %v", err)
			return
		}
		if same(seen, cfg) {
			r.report.DigestsEqual = len(cfg.Partitions)
			return
		}
	}
	r.problem("the members of a partition differ: %v", seen)
}

// same compares members only: a server that was a member once may still hold a replica, with older rows.
func same(seen map[string]map[string]string, cfg thft.Config) bool {
	for i, p := range cfg.Partitions {
		digests := seen[fmt.Sprintf("%d.%d", cfg.AppID, i)]
		for _, member := range p.Secondaries {
			if digests[member] == "" || digests[member] != digests[p.Primary] {
				return false
			}
		}
	}
	return true
}

// operationsMin are the successes of each client that a run must have. The Apache client does not dial an address again for a
// minute after it refused a connection; a short run that begins with kills leaves it little to do.
var operationsMin = map[string]int{"pegasus-go": 200, "apache-go": beginWith, "python": 200}

func (r *run) somethingWasTested(list []record) {
	r.report.countOperations(list)
	for client, enough := range operationsMin {
		if n := r.report.succeeded(client); n < enough {
			r.problem("client %s succeeded with %d operations only: nothing was tested", client, n)
		}
	}
	r.several("lines of clients that are no records", r.records.broken)
}

// noPanics looks for crashes in what the servers printed, and for panics that they survived.
func (r *run) noPanics() {
	files, _ := filepath.Glob(filepath.Join(r.c.dir, "*", "*.log"))
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			r.problem("%v", err)
			continue
		}
		for _, line := range strings.Split(string(text), "\n") {
			if strings.Contains(line, "panic") || strings.Contains(line, "DATA RACE") || strings.HasPrefix(line, "fatal error:") {
				r.problem("%s: %s", f, line)
				break
			}
		}
	}
}
