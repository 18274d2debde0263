package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

const (
	buildTimeout   = 5 * time.Minute
	commandTimeout = time.Minute
)

var built struct {
	sync.Once
	path string
	err  error
}

// Root is the top of the checkout.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// Race tells whether the servers are built with the race detector (PEGASUS_RACE=1). What it finds fails the test.
func Race() bool { return os.Getenv("PEGASUS_RACE") != "" }

// Binary builds the server once per test process. PEGASUS_BIN names one that is built already.
func Binary(t testing.TB) string {
	t.Helper()
	built.Do(func() {
		if built.path = os.Getenv("PEGASUS_BIN"); built.path != "" {
			return
		}
		dir, err := os.MkdirTemp("", "pegasus-bin-")
		if err != nil {
			built.err = err
			return
		}
		built.path = filepath.Join(dir, "pegasus")
		ctx, cancel := context.WithTimeout(context.Background(), buildTimeout)
		defer cancel()
		args := []string{"build", "-o", built.path}
		if Race() {
			args = append(args, "-race")
		}
		cmd := exec.CommandContext(ctx, "go", append(args, "./cmd/pegasus")...)
		cmd.Dir = Root()
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("build the server: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

// RemoveBinary is for TestMain, after the last test.
func RemoveBinary() {
	if built.path != "" && os.Getenv("PEGASUS_BIN") == "" {
		_ = os.RemoveAll(filepath.Dir(built.path))
	}
}
