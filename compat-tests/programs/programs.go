package programs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// scratch holds built programs for the life of the test process.
var scratch = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "pegasus-programs-") })

// Remove is for TestMain, after the last test.
func Remove() {
	if dir, err := scratch(); err == nil {
		_ = os.RemoveAll(dir)
	}
}

// once keeps the result of the first call for each key.
var once sync.Map

func onlyOnce(key string, make func() (string, error)) (string, error) {
	f, _ := once.LoadOrStore(key, sync.OnceValues(make))
	return f.(func() (string, error))()
}

// Install runs install.sh for a part: python, java or zookeeper.
func Install(part string) error {
	_, err := onlyOnce("install "+part, func() (string, error) {
		out, err := Run(installTimeout, Here(), nil, Here("install.sh"), part)
		if err != nil {
			return "", fmt.Errorf("install.sh %s: %w\n%s", part, err, out)
		}
		return "", nil
	})
	return err
}

// Go builds a program of a nested module and returns its path. modfile chooses another version of the library than go.mod does.
func Go(module, pkg, modfile string) (string, error) {
	key := strings.NewReplacer("/", "-", ".", "").Replace(module + "-" + pkg + "-" + modfile)
	return onlyOnce("go "+key, func() (string, error) {
		dir, err := scratch()
		if err != nil {
			return "", err
		}
		bin := filepath.Join(dir, key)
		args := []string{"build", "-o", bin}
		if modfile != "" {
			args = append(args, "-modfile="+modfile)
		}
		// The sums of these modules are checked in; the public database does not know all of them.
		env := []string{"GOWORK=off", "GOFLAGS=-mod=readonly", "GONOSUMDB=github.com/apache/incubator-pegasus"}
		if out, err := Run(buildTimeout, Here(module), env, "go", append(args, pkg)...); err != nil {
			return "", fmt.Errorf("build %s: %w\n%s", key, err, out)
		}
		return bin, nil
	})
}
