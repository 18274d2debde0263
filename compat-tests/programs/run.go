package programs

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/pegasus-go/pegasus/compat-tests/cluster"
)

const (
	installTimeout = 8 * time.Minute
	buildTimeout   = 5 * time.Minute
)

// Here is a path below the directory of the compat tests.
func Here(path ...string) string {
	return filepath.Join(append([]string{cluster.Root(), "compat-tests"}, path...)...)
}

// Run runs a program to its end and returns what it printed.
func Run(timeout time.Duration, dir string, env []string, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if ctx.Err() != nil {
		err = errors.Join(err, ctx.Err())
	}
	return out.String(), err
}
