//go:build unix

package check

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pegasus-go/pegasus/replica/disk"
)

// TestRunningServerIsRefused lets another process open the data directory; then it ends, and the check is made.
func TestRunningServerIsRefused(t *testing.T) {
	if dir := os.Getenv("PEGASUS_TEST_HOLD"); dir != "" {
		hold(t, dir)
		return
	}
	dir := filepath.Join(t.TempDir(), "data")
	cmd := exec.Command(os.Args[0], "-test.run=^TestRunningServerIsRefused$")
	cmd.Env = append(os.Environ(), "PEGASUS_TEST_HOLD="+dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "holding" {
	}
	for _, d := range []string{dir, filepath.Join(dir, "replica", "reps", "1.0.pegasus")} {
		_, err = Run(context.Background(), []string{d}, Options{})
		if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "process ") {
			t.Errorf("%s while it is held: %v", d, err)
		}
	}
	_ = stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	r, err := Run(context.Background(), []string{dir}, Options{})
	if err != nil || len(r.Replicas) != 1 {
		t.Errorf("afterwards: %+v, %v", r, err)
	}
}

// hold is the other process: it keeps the directory until its input ends.
func hold(t *testing.T, dir string) {
	m, err := disk.Open(disk.Options{DataDirs: "d:" + dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "replica", "reps", "1.0.pegasus"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, _ = os.Stdout.WriteString("holding\n")
	_, _ = os.Stdin.Read(make([]byte, 1))
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
}
