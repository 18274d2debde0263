package compattests

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/compat-tests/cluster"
	"github.com/pegasus-go/pegasus/compat-tests/programs"
)

const (
	buildTimeout   = 5 * time.Minute
	resolveTimeout = 8 * time.Minute
	programTimeout = 3 * time.Minute
)

func TestMain(m *testing.M) {
	code := m.Run()
	cluster.RemoveBinary()
	programs.Remove()
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

func here(path ...string) string { return programs.Here(path...) }

// command runs a program to its end and returns what it printed.
func command(timeout time.Duration, dir string, env []string, name string, args ...string) (string, error) {
	return programs.Run(timeout, dir, env, name, args...)
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

// install runs install.sh for a part.
func install(t *testing.T, part string) {
	t.Helper()
	if err := programs.Install(part); err != nil {
		skipOrFail(t, "%v", err)
	}
}

// goProgram builds a program of a nested module. modfile chooses another version of the library than go.mod does.
func goProgram(t *testing.T, module, pkg, modfile string) string {
	t.Helper()
	bin, err := programs.Go(module, pkg, modfile)
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// python returns the interpreter of an environment that has the client.
func python(t *testing.T) string {
	t.Helper()
	interpreter, err := programs.Python()
	if err != nil {
		skipOrFail(t, "%v", err)
	}
	return interpreter
}
