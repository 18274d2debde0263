package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pegasus-go/pegasus/bench/report"
	"github.com/pegasus-go/pegasus/bench/table"
)

// One row of the table on a real cluster that the command starts and stops itself.
func TestTableOfOneRow(t *testing.T) {
	binary := buildBinary(t)
	dir := t.TempDir()
	file := filepath.Join(t.TempDir(), "table.json")
	cmd := exec.Command(binary, "bench", "table", "--quick", "--rows", "^get 100 B, 1 caller$", "--redis=false", "--duration", "200ms", "--load-rows", "2000",
		"--dir", dir, "--json", file)
	var out, say bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &say
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, out.String(), say.String())
	}
	for _, want := range []string{"| get 100 B | 1 |", "A quick try", "No yardstick: not asked for", "1 run of 0.2 s", "no target |"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in the table:\n%s", want, out.String())
		}
	}
	if !strings.Contains(say.String(), "1/1  get 100 B, 1 caller, run 1 of 1") {
		t.Errorf("progress does not tell of the run:\n%s", say.String())
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r table.Report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 1 || r.All || r.Build.Go == "" {
		t.Fatalf("%d rows, all %v, build %+v", len(r.Rows), r.All, r.Build)
	}
	f := r.Rows[0].Figures
	if f.OpsPerSecond <= 0 || f.P50Us <= 0 || f.Errors != 0 || f.CPUMicros <= 0 || f.Calls <= 0 || f.Switches <= 0 || f.RSSBytes <= 0 {
		t.Errorf("figures %+v", f)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("%d directories are left (%v)", len(entries), err)
	}
}

// Ctrl-C, while the cluster starts and while it is measured, leaves neither processes nor data.
func TestInterruptedTableLeavesNothing(t *testing.T) {
	binary := buildBinary(t)
	for _, after := range []string{"starting a cluster", "1/200"} {
		dir := t.TempDir()
		cmd := exec.Command(binary, "bench", "table", "--quick", "--rows", "^get 100 B, (1|8) caller", "--runs", "100", "--redis=false", "--duration", "100ms", "--warmup", "0s", "--load-rows", "200", "--dir", dir)
		say, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		lines := bufio.NewScanner(say)
		for lines.Scan() {
			fmt.Fprintln(&text, lines.Text())
			if strings.Contains(lines.Text(), after) {
				_ = cmd.Process.Signal(os.Interrupt) // the line was written by a process that goes on
				after = "\x00"
			}
		}
		if err := cmd.Wait(); err == nil || after != "\x00" {
			t.Errorf("the table was not interrupted (%v):\n%s", err, text.String())
		}
		if left := processesOf(t, dir); len(left) > 0 {
			t.Errorf("processes are left: %q", left)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
			t.Errorf("%d directories are left (%v):\n%s", len(entries), err, text.String())
		}
	}
}

// processesOf lists the command lines that hold a text.
func processesOf(t *testing.T, text string) (found []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if line, err := os.ReadFile(file); err == nil && strings.Contains(string(line), text) {
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}

func TestTableIsWrittenOnlyWhole(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(page, []byte("no markers here\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var out, say bytes.Buffer
	for _, part := range []table.Options{{Rows: "^get"}, {Quick: true}} {
		err := runBenchTable(t.Context(), part, tableFlags{write: page}, &out, &say)
		if err == nil || !strings.Contains(err.Error(), "only a whole table is written") {
			t.Errorf("%+v was taken for a whole table: %v", part, err)
		}
	}
	err := runBenchTable(t.Context(), table.Options{}, tableFlags{write: page}, &out, &say)
	if err == nil || !strings.Contains(err.Error(), "<!-- bench-table:begin -->") {
		t.Errorf("error %v does not name the markers", err)
	}
	if err := runBenchTable(t.Context(), table.Options{}, tableFlags{list: true}, &out, &say); err != nil || strings.Count(out.String(), "\n") != len(table.Names()) {
		t.Errorf("list (%v):\n%s", err, out.String())
	}
}

// The page that `make bench-table` writes to has its markers.
func TestPerformancePageTakesTheTable(t *testing.T) {
	if err := report.CheckSection("../../docs/performance.md", table.Section); err != nil {
		t.Error(err)
	}
}
