package cluster

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/compat-tests/thft"
)

const (
	serversPerRole = 3
	readyTimeout   = 90 * time.Second
	stopTimeout    = 45 * time.Second
	logTailBytes   = 4000
	readyText      = "Pegasus is ready"
)

// Options of a onebox; the zero value is processes on free ports with the usual tables.
type Options struct {
	InProcess             bool
	MetaPort, ReplicaPort int // 0: free ones
	Args                  []string
}

// Cluster is a running onebox. Its methods fail the test they were made for.
type Cluster struct {
	Dir      string
	Metas    []string // host:port
	Replicas []string

	t      testing.TB
	binary string
	args   []string
	cmd    *exec.Cmd
	ended  chan struct{}
	out    *syncBuffer
}

// Start runs a onebox until the test ends and returns when it is ready.
func Start(t testing.TB, o Options) *Cluster {
	t.Helper()
	if testing.Short() {
		t.Skip("a whole cluster is not for -short")
	}
	if o.MetaPort == 0 {
		o.MetaPort = freePorts(t, 2*serversPerRole)
		o.ReplicaPort = o.MetaPort + serversPerRole
	}
	c := &Cluster{t: t, binary: Binary(t), Dir: filepath.Join(t.TempDir(), "onebox")}
	for i := range serversPerRole {
		c.Metas = append(c.Metas, fmt.Sprintf("127.0.0.1:%d", o.MetaPort+i))
		c.Replicas = append(c.Replicas, fmt.Sprintf("127.0.0.1:%d", o.ReplicaPort+i))
	}
	c.args = []string{"onebox", "--dir", c.Dir, "--meta-port", strconv.Itoa(o.MetaPort), "--replica-port", strconv.Itoa(o.ReplicaPort)}
	if !o.InProcess {
		c.args = append(c.args, "--processes")
	}
	c.args = append(c.args, o.Args...)
	t.Cleanup(c.cleanup)
	c.Run()
	return c
}

// MetaList is the comma-separated list that clients take.
func (c *Cluster) MetaList() string { return strings.Join(c.Metas, ",") }

// Run starts the onebox, at first or again after KillAll.
func (c *Cluster) Run() {
	c.t.Helper()
	c.out = &syncBuffer{}
	c.cmd = exec.Command(c.binary, c.args...)
	c.cmd.Stdout, c.cmd.Stderr = c.out, c.out
	if err := c.cmd.Start(); err != nil {
		c.t.Fatalf("start the onebox: %v", err)
	}
	c.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) { _ = cmd.Wait(); close(ended) }(c.cmd, c.ended)
	deadline := time.After(readyTimeout)
	for !strings.Contains(c.out.String(), readyText) {
		select {
		case <-c.ended:
			c.t.Fatalf("the onebox ended instead of getting ready:\n%s%s", c.out, c.logs())
		case <-deadline:
			c.t.Fatalf("the onebox is not ready after %v:\n%s%s", readyTimeout, c.out, c.logs())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Kill sends SIGKILL to servers, named meta1 ... replica3.
func (c *Cluster) Kill(names ...string) {
	c.t.Helper()
	c.control("kill", names...)
}

// Stop asks servers to leave (SIGTERM) and returns when their processes have ended.
func (c *Cluster) Stop(names ...string) {
	c.t.Helper()
	c.control("stop", names...)
}

// StartServers starts servers that were killed or stopped.
func (c *Cluster) StartServers(names ...string) {
	c.t.Helper()
	c.control("start", names...)
}

func (c *Cluster) control(verb string, names ...string) {
	c.t.Helper()
	out, err := c.Command(append(append([]string{"onebox", verb}, names...), "--dir", c.Dir)...)
	if err != nil {
		c.t.Fatalf("onebox %s %v: %v\n%s", verb, names, err, out)
	}
	c.t.Logf("%s onebox %s %s", time.Now().Format("15:04:05.000"), verb, strings.Join(names, " "))
}

// Command runs the pegasus binary to its end.
func (c *Cluster) Command(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, c.binary, args...).CombinedOutput()
	return string(out), err
}

// KillAll sends SIGKILL to every server and to the process that started them, as good as at once.
func (c *Cluster) KillAll() {
	c.t.Helper()
	pids := []int{c.cmd.Process.Pid}
	for _, pid := range c.Pids() {
		pids = append(pids, pid)
	}
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	c.t.Logf("%s everything killed", time.Now().Format("15:04:05.000"))
	<-c.ended
	for _, pid := range pids {
		c.AwaitEnd(pid)
	}
}

// AwaitEnd waits until a process is gone.
func (c *Cluster) AwaitEnd(pid int) {
	for syscall.Kill(pid, 0) == nil && !zombie(pid) {
		time.Sleep(5 * time.Millisecond)
	}
}

// Pids are the processes of the servers by name; none when the servers share one process.
func (c *Cluster) Pids() map[string]int {
	pids := map[string]int{}
	files, _ := filepath.Glob(filepath.Join(c.Dir, "*.pid"))
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".pid")
		text, err := os.ReadFile(f)
		pid, bad := strconv.Atoi(strings.TrimSpace(string(text)))
		if err == nil && bad == nil && name != "onebox" {
			pids[name] = pid
		}
	}
	return pids
}

// AssertAlive fails the test when a server of the onebox has ended or was replaced since the pids were taken.
func (c *Cluster) AssertAlive(before map[string]int) {
	c.t.Helper()
	select {
	case <-c.ended:
		c.t.Fatalf("the onebox ended:\n%s%s", c.out, c.logs())
	default:
	}
	for name, pid := range before {
		if syscall.Kill(pid, 0) != nil || zombie(pid) {
			c.t.Errorf("%s, process %d, has ended:%s", name, pid, c.logs())
		}
	}
}

// NameOf is the name of the server with an address.
func (c *Cluster) NameOf(address string) string {
	for i := range serversPerRole {
		switch address {
		case c.Metas[i]:
			return fmt.Sprintf("meta%d", i+1)
		case c.Replicas[i]:
			return fmt.Sprintf("replica%d", i+1)
		}
	}
	c.t.Fatalf("no server of this onebox has the address %s", address)
	return ""
}

// Leader is the address of the leading meta server.
func (c *Cluster) Leader() string {
	c.t.Helper()
	leader, err := thft.Leader(c.Metas, readyTimeout)
	if err != nil {
		c.t.Fatal(err)
	}
	return leader
}

// CreateTable creates a table and waits until it is healthy.
func (c *Cluster) CreateTable(name string, partitions int32) {
	c.t.Helper()
	if err := thft.CreateTable(c.Leader(), name, partitions); err != nil {
		c.t.Fatal(err)
	}
	c.AwaitHealthy(readyTimeout, name)
}

// AwaitHealthy waits until tables have 1+2 members everywhere.
func (c *Cluster) AwaitHealthy(within time.Duration, tables ...string) {
	c.t.Helper()
	end := time.Now().Add(within)
	for _, table := range tables {
		if _, err := thft.AwaitHealthy(c.Metas, table, time.Until(end)); err != nil {
			c.t.Fatalf("%v%s", err, c.logs())
		}
	}
}

func (c *Cluster) cleanup() {
	if c.cmd == nil || c.cmd.Process == nil {
		return
	}
	defer c.assertNoRace()
	if c.t.Failed() {
		c.t.Logf("output of the onebox:\n%s%s", c.out, c.logs())
	}
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.ended:
	case <-time.After(stopTimeout):
		c.t.Errorf("the onebox did not stop within %v of SIGTERM", stopTimeout)
		c.KillAll()
	}
}

// assertNoRace fails the test when a server built with the race detector has reported a race, killed servers included.
func (c *Cluster) assertNoRace() {
	files, _ := filepath.Glob(filepath.Join(c.Dir, "*", "stderr.log"))
	for _, f := range files {
		text, _ := os.ReadFile(f)
		if at := bytes.Index(text, []byte("WARNING: DATA RACE")); at >= 0 {
			c.t.Errorf("%s:\n%s", strings.TrimPrefix(f, c.Dir+"/"), text[at:min(len(text), at+logTailBytes)])
		}
	}
	if out := c.out.String(); strings.Contains(out, "WARNING: DATA RACE") {
		c.t.Errorf("the onebox:\n%s", out)
	}
}

// logs are the ends of the servers' logs.
func (c *Cluster) logs() string {
	var b strings.Builder
	for _, pattern := range []string{"*.log", "*/*.log"} {
		files, _ := filepath.Glob(filepath.Join(c.Dir, pattern))
		for _, f := range files {
			text, _ := os.ReadFile(f)
			if len(text) > logTailBytes {
				text = text[len(text)-logTailBytes:]
			}
			if len(text) > 0 {
				fmt.Fprintf(&b, "\n== %s\n%s", strings.TrimPrefix(f, c.Dir+"/"), text)
			}
		}
	}
	return b.String()
}

func zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	after := stat[bytes.LastIndexByte(stat, ')')+1:]
	return len(after) > 1 && after[1] == 'Z'
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
