package compattests

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/compat-tests/cluster"
)

const (
	installTimeout = 8 * time.Minute
	buildTimeout   = 5 * time.Minute
	programTimeout = 3 * time.Minute
)

// scratch holds built programs for the life of the test process.
var scratch string

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "pegasus-compat-"); err != nil {
		panic(err)
	}
	code := m.Run()
	cluster.RemoveBinary()
	_ = os.RemoveAll(scratch)
	os.Exit(code)
}

func inCI() bool { return os.Getenv("CI") != "" }

// skipOrFail is for what a developer may lack but CI must have.
func skipOrFail(t *testing.T, format string, args ...any) {
	t.Helper()
	if inCI() {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

func here(path ...string) string {
	return filepath.Join(append([]string{cluster.Root(), "compat-tests"}, path...)...)
}

// command runs a program to its end and returns what it printed.
func command(timeout time.Duration, dir string, env []string, name string, args ...string) (string, error) {
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

// checks runs a client program; it must end with "ok N checks".
func checks(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	out, err := command(programTimeout, dir, nil, name, args...)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	last := lines[len(lines)-1]
	if err != nil || !strings.HasPrefix(last, "ok ") {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, claimsOf(out))
	}
	t.Log(last)
}

// claimsOf shortens an output to the failed claims and its end.
func claimsOf(out string) string {
	const tailLines, claimsMax = 40, 60
	var claims []string
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for _, l := range lines {
		if strings.Contains(l, "FAIL") && len(claims) < claimsMax {
			claims = append(claims, l)
		}
	}
	if len(lines) > tailLines {
		lines = lines[len(lines)-tailLines:]
	}
	return strings.Join(claims, "\n") + "\n--- end of the output:\n" + strings.Join(lines, "\n")
}

// install runs install.sh for a part, once per test process.
var installed sync.Map

func install(t *testing.T, part string) {
	t.Helper()
	once, _ := installed.LoadOrStore(part, sync.OnceValues(func() (string, error) {
		return command(installTimeout, here(), nil, here("install.sh"), part)
	}))
	if out, err := once.(func() (string, error))(); err != nil {
		skipOrFail(t, "install.sh %s: %v\n%s", part, err, out)
	}
}

// goProgram builds a program of a nested module. modfile chooses another version of the library than go.mod does.
var goPrograms sync.Map

func goProgram(t *testing.T, module, pkg, modfile string) string {
	t.Helper()
	key := strings.NewReplacer("/", "-", ".", "").Replace(module + "-" + pkg + "-" + modfile)
	bin := filepath.Join(scratch, key)
	once, _ := goPrograms.LoadOrStore(key, sync.OnceValues(func() (string, error) {
		args := []string{"build", "-o", bin}
		if modfile != "" {
			args = append(args, "-modfile="+modfile)
		}
		// The sums of these modules are checked in; the public database does not know all of them.
		env := []string{"GOWORK=off", "GOFLAGS=-mod=readonly", "GONOSUMDB=github.com/apache/incubator-pegasus"}
		return command(buildTimeout, here(module), env, "go", append(args, pkg)...)
	}))
	if out, err := once.(func() (string, error))(); err != nil {
		t.Fatalf("build %s: %v\n%s", key, err, out)
	}
	return bin
}

// python makes a virtual environment with the client in the user's cache and returns its interpreter.
var pythonOnce sync.Once
var pythonPath string
var pythonErr error

func python(t *testing.T) string {
	t.Helper()
	install(t, "python")
	pythonOnce.Do(func() { pythonPath, pythonErr = makePython() })
	if pythonErr != nil {
		skipOrFail(t, "%v", pythonErr)
	}
	return pythonPath
}
