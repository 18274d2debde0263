package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/shell"
)

// freePorts finds a run of free ports.
func freePorts(t *testing.T, count int) int {
	t.Helper()
	for range 50 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		first := l.Addr().(*net.TCPAddr).Port
		l.Close()
		p := &plan{}
		p.add(roleMeta, count, first)
		if first+count < 65536 && checkPorts(p, time.Second) == nil {
			return first
		}
	}
	t.Fatal("no run of free ports found")
	return 0
}

// output is a bytes.Buffer that may be read while it is written.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func testOnebox(t *testing.T, dir string) oneboxOptions {
	o := oneboxDefaults(dir)
	o.metaPort = freePorts(t, 6)
	o.replicaPort = o.metaPort + 3
	o.readyTimeout = time.Minute
	o.log = logFlags{level: "info", format: "text"}
	return o
}

// runUntilReady runs a onebox in this process; the returned function stops it and returns what it printed.
func runUntilReady(t *testing.T, o oneboxOptions) (stop func() string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, ended := &output{}, make(chan error, 1)
	go func() { ended <- runOnebox(ctx, o, out) }()
	for !strings.Contains(out.String(), "Ctrl-C stops it") {
		select {
		case err := <-ended:
			cancel()
			t.Fatalf("the onebox ended: %v\n%s", err, out)
		case <-time.After(10 * time.Millisecond):
		}
	}
	return func() string {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("stop: %v", err)
		}
		return out.String()
	}
}

func runShell(t *testing.T, metas []string, command string) (string, int) {
	t.Helper()
	var out, errs bytes.Buffer
	code := shell.Run(context.Background(), shell.Options{Metas: metas, Command: command, In: strings.NewReader(""), Out: &out, Err: &errs})
	return out.String() + errs.String(), code
}

// The promise of the README: it starts, it says how to go on, data is there again after a restart, and gone after --clean.
func TestOneboxKeepsDataAcrossRestarts(t *testing.T) {
	o := testOnebox(t, filepath.Join(t.TempDir(), "box"))
	p, err := newPlan(o)
	if err != nil {
		t.Fatal(err)
	}
	metas := p.addresses(roleMeta)

	stop := runUntilReady(t, o)
	if text, code := runShell(t, metas, "use temp\nset hash sort kept"); code != 0 {
		t.Errorf("set failed: %s", text)
	}
	if err := checkPorts(p, time.Second); err == nil {
		t.Error("a second onebox could take the same ports")
	}
	if text := stop(); !strings.Contains(text, " shell -m ") || !strings.Contains(text, metas[0]) || !strings.Contains(text, "Stopped after") {
		t.Errorf("the message does not say how to go on:\n%s", text)
	}

	stop = runUntilReady(t, o)
	if text, code := runShell(t, metas, "use temp\nget hash sort"); code != 0 || !strings.Contains(text, "kept") {
		t.Errorf("after a restart: %s", text)
	}
	stop()

	o.clean = true
	stop = runUntilReady(t, o)
	if text, _ := runShell(t, metas, "use temp\nget hash sort"); strings.Contains(text, "kept") {
		t.Errorf("after --clean: %s", text)
	}
	stop()
}

func TestBadSettingsAreNamed(t *testing.T) {
	o := testOnebox(t, filepath.Join(t.TempDir(), "box"))
	o.sets = []string{"replication.plog_sink=always"}
	err := runOnebox(context.Background(), o, &output{})
	if err == nil || !strings.Contains(err.Error(), "plog_sink") || !strings.Contains(err.Error(), "plog_sync") {
		t.Errorf("error %v does not name the key and the nearest one", err)
	}
	o.sets = []string{"nonsense"}
	if err := runOnebox(context.Background(), o, &output{}); err == nil || !strings.Contains(err.Error(), "--set") {
		t.Errorf("error %v does not name the flag", err)
	}
}

// Every server is a process: one can be killed and started again by name, and `stop` ends them all.
func TestProcessesAreControlledByName(t *testing.T) {
	binary := buildBinary(t)
	o := testOnebox(t, filepath.Join(t.TempDir(), "box"))
	out := &output{}
	box := exec.Command(binary, "onebox", "--processes", "--dir", o.dir,
		"--meta-port", strconv.Itoa(o.metaPort), "--replica-port", strconv.Itoa(o.replicaPort))
	box.Stdout, box.Stderr = out, out
	if err := box.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- box.Wait() }()
	t.Cleanup(func() { exec.Command(binary, "onebox", "stop", "--dir", o.dir).Run() })
	waitFor(t, "ready", out.String, func() bool { return strings.Contains(out.String(), "Ctrl-C stops it") })

	control := func(args ...string) (string, error) {
		text, err := exec.Command(binary, append(append([]string{"onebox"}, args...), "--dir", o.dir)...).CombinedOutput()
		return string(text), err
	}
	o.dir += "-2"
	if err := runOnebox(context.Background(), o, &output{}); err == nil || !strings.Contains(err.Error(), "onebox stop --dir "+strings.TrimSuffix(o.dir, "-2")) {
		t.Errorf("error %v of a second onebox on the same ports does not say how to stop the first", err)
	}
	o.dir = strings.TrimSuffix(o.dir, "-2")
	wantTimerSlack(t, control)
	if text, err := control("start", "replica2"); err == nil || !strings.Contains(text, "runs already") {
		t.Errorf("start of a running server: %v %s", err, text)
	}
	if text, err := control("kill", "replica2"); err != nil || !strings.Contains(text, "killed") {
		t.Errorf("kill: %v %s", err, text)
	}
	waitFor(t, "the supervisor's word", out.String, func() bool { return strings.Contains(out.String(), "onebox start replica2") })
	if text, err := control("list"); err != nil || strings.Count(text, "not running") != 1 {
		t.Errorf("list: %v %s", err, text)
	}
	if text, err := control("start", "replica2"); err != nil {
		t.Errorf("start: %v %s", err, text)
	}
	metas := "127.0.0.1:" + strconv.Itoa(o.metaPort)
	health := func() string {
		text, _ := exec.Command(binary, "shell", "-m", metas, "-c", "app temp -d").CombinedOutput()
		return string(text)
	}
	waitFor(t, "health", health, func() bool {
		return strings.Contains(health(), "\nfully_healthy_partition_count    : 8")
	})
	if text, err := control("stop"); err != nil {
		t.Errorf("stop: %v %s", err, text)
	}
	if err := <-ended; err != nil {
		t.Errorf("the supervisor ended with %v:\n%s", err, out)
	}
	if text, err := control("list"); err != nil || strings.Count(text, "not running") != 6 {
		t.Errorf("servers are left over: %v %s", err, text)
	}
	if _, err := os.Stat(filepath.Join(o.dir, oneboxPidName)); err == nil {
		t.Error("the supervisor's pid file is left over")
	}
}

func waitFor(t *testing.T, what string, state func() string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %s after a minute:\n%s", what, state())
		}
	}
}

func TestServerThatCannotStartEndsTheWait(t *testing.T) {
	binary := buildBinary(t)
	o := testOnebox(t, filepath.Join(t.TempDir(), "box"))
	began := time.Now()
	text, err := exec.Command(binary, "onebox", "--processes", "--dir", o.dir, "--meta-port", strconv.Itoa(o.metaPort),
		"--replica-port", strconv.Itoa(o.replicaPort), "--set", "replication.plog_sink=always").CombinedOutput()
	if err == nil || !strings.Contains(string(text), "did you mean plog_sync") || !strings.Contains(string(text), "ended by itself") {
		t.Errorf("%v: the reason is not told:\n%s", err, text)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %v to give up", took)
	}
}

// buildBinary compiles the program that is tested.
func buildBinary(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the binary and starts processes")
	}
	binary := filepath.Join(t.TempDir(), "pegasus")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}
