package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// All troubles on a real cluster that the command starts and stops itself.
func TestEveryTrouble(t *testing.T) {
	if testing.Short() {
		t.Skip("a minute and a half of a loaded cluster")
	}
	binary := buildBinary(t)
	dir := t.TempDir()
	text, err := exec.Command(binary, "bench", "trouble", "--quick", "--rate", "100", "--rows", "500", "--learn-bytes", "134217728", "--quiet", "1s", "--duration", "1s",
		"--plog-sync", "none", "--dir", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if n := strings.Count(string(text), "\n| set |"); n != 5 {
		t.Errorf("%d tables, want 5:\n%s", n, text)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("%d directories are left (%v)", len(entries), err)
	}
}
