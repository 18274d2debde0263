package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pegasus-go/pegasus/bench/curves"
	"github.com/pegasus-go/pegasus/bench/report"
)

// The page that `make bench-curves` writes to has a place for every curve.
func TestCurvesPageTakesTheCurves(t *testing.T) {
	for _, name := range curves.Names() {
		if err := report.CheckSection("../../docs/performance/"+curves.Page, "curve-"+name); err != nil {
			t.Error(err)
		}
	}
}

// One curve on a real cluster that the command starts and stops itself.
func TestCurveOfCallers(t *testing.T) {
	binary := buildBinary(t)
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "curves")
	text, err := exec.Command(binary, "bench", "curves", "--quick", "--curve", "callers", "--duration", "100ms", "--warmup", "0s", "--rows-max", "1000",
		"--out", out, "--dir", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	table, err := os.ReadFile(filepath.Join(out, "curve-callers.csv"))
	if err != nil || strings.Count(string(table), "\n") != 7 || !strings.Contains(string(table), "\n512,set,") {
		t.Errorf("CSV (%v):\n%s", err, table)
	}
	page, err := os.ReadFile(filepath.Join(out, "curves.md"))
	if err != nil || !strings.Contains(string(page), "| 512 | set |") || !strings.Contains(string(page), "A quick try") {
		t.Errorf("page (%v):\n%s", err, page)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("%d directories are left (%v)", len(entries), err)
	}
}
