package compattests

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/pegasus-go/pegasus/compat-tests/cluster"
)

// makePython is kept between runs; its name tells the interpreter and the pins it was made from.
func makePython() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	version, err := command(buildTimeout, "", nil, "python3", "-VV")
	if err != nil {
		return "", fmt.Errorf("python3: %w", err)
	}
	pins, err := os.ReadFile(here("python", "requirements.txt"))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append(pins, version...))
	dir := filepath.Join(cache, "pegasus-compat", fmt.Sprintf("venv-%x", sum[:6]))
	interpreter, complete := filepath.Join(dir, "bin", "python"), filepath.Join(dir, "complete")
	if _, err := os.Stat(complete); err == nil {
		return interpreter, nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if out, err := command(installTimeout, "", nil, "python3", "-m", "venv", dir); err != nil {
		return "", fmt.Errorf("python3 -m venv: %w\n%s", err, out)
	}
	out, err := command(installTimeout, "", nil, interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", here("python", "requirements.txt"))
	if err != nil {
		return "", fmt.Errorf("pip install: %w\n%s", err, out)
	}
	return interpreter, os.WriteFile(complete, nil, 0o644)
}

func testPython(t *testing.T, c *cluster.Cluster) {
	c.CreateTable("python", 8)
	// The library writes its log into the directory where it runs.
	checks(t, t.TempDir(), python(t), here("python", "client.py"), "api", c.MetaList(), "python")
}

// testPythonShipped runs the tests that come with the library; they use the table temp.
func testPythonShipped(t *testing.T, c *cluster.Cluster) {
	checks(t, t.TempDir(), python(t), here("python", "upstream.py"), c.MetaList())
}
