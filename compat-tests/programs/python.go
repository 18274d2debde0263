package programs

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Python makes a virtual environment with the client in the user's cache and returns its interpreter. Test processes that get
// here together wait for each other.
func Python() (string, error) {
	return onlyOnce("python", func() (string, error) {
		if err := Install("python"); err != nil {
			return "", err
		}
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		cache = filepath.Join(cache, "pegasus-compat")
		if err := os.MkdirAll(cache, 0o755); err != nil {
			return "", err
		}
		lock, err := os.OpenFile(filepath.Join(cache, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
		if err != nil {
			return "", err
		}
		defer lock.Close()
		if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
			return "", fmt.Errorf("lock %s: %w", lock.Name(), err)
		}
		return makePython(cache)
	})
}

// makePython keeps the environment between runs; its name tells the interpreter and the pins it was made from.
func makePython(cache string) (string, error) {
	version, err := Run(buildTimeout, "", nil, "python3", "-VV")
	if err != nil {
		return "", fmt.Errorf("python3: %w", err)
	}
	pins, err := os.ReadFile(Here("python", "requirements.txt"))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append(pins, version...))
	dir := filepath.Join(cache, fmt.Sprintf("venv-%x", sum[:6]))
	interpreter, complete := filepath.Join(dir, "bin", "python"), filepath.Join(dir, "complete")
	if _, err := os.Stat(complete); err == nil {
		return interpreter, nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if out, err := Run(installTimeout, cache, nil, "python3", "-m", "venv", dir); err != nil {
		return "", fmt.Errorf("python3 -m venv: %w\n%s", err, out)
	}
	out, err := Run(installTimeout, cache, nil, interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", Here("python", "requirements.txt"))
	if err != nil {
		return "", fmt.Errorf("pip install: %w\n%s", err, out)
	}
	return interpreter, os.WriteFile(complete, nil, 0o644)
}
