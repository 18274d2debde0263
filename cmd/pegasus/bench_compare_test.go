package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"github.com/pegasus-go/pegasus/bench/compare"
)

// Two real clusters that the command starts and stops itself.
func TestCompareRealClusters(t *testing.T) {
	if testing.Short() {
		t.Skip("two loaded clusters")
	}
	binary, dir := buildBinary(t), t.TempDir()
	cmd := exec.Command(binary, "bench", "compare", "--rounds", "1", "--rows", "500", "--warmup", "100ms", "--duration", "500ms", "--callers", "4", "--plog-sync", "none",
		"--new-set", "pegasus.server.row_cache_percent=0", "--dir", dir, "--json")
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var cases []compare.Case
	if err := json.Unmarshal(text, &cases); err != nil || len(cases) != 2 {
		t.Fatalf("%d cases (%v):\n%s", len(cases), err, text)
	}
	for _, c := range cases {
		if r := c.Ratios(); len(r) != 1 || !(r[0] > 0) || !(c.Rounds[0].OpsPerSecond[1] > 0) {
			t.Errorf("%s: %+v", c.Workload, c.Rounds)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("%d directories are left (%v)", len(entries), err)
	}
}
