package meta

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/meta/cluster"
	"github.com/pegasus-go/pegasus/zkmeta"
)

// scaleMetaEnv tells a process of the test binary to be a meta server.
const scaleMetaEnv = "PEGASUS_SCALE_META"

// scaleMetaSpec is what such a process is told. It has the options of a server with the default configuration.
type scaleMetaSpec struct {
	Dir       string // of the embedded store
	ZooKeeper string // its hosts instead; empty: embedded
	Root      string
	GraceMs   int64
}

// scaleMetaMain runs a meta server until its input ends. It prints its address, then one line for each line of input.
func scaleMetaMain(text string) int {
	var spec scaleMetaSpec
	err := json.Unmarshal([]byte(text), &spec)
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	var store zkmeta.Backend
	if err == nil && spec.ZooKeeper != "" {
		store, err = zkmeta.OpenZooKeeper(strings.Split(spec.ZooKeeper, ","), zkmeta.ZooKeeperOptions{
			LockRoot: spec.Root + "/lock", Logger: logger,
		})
	} else if err == nil {
		store, err = zkmeta.OpenEmbedded(spec.Dir, zkmeta.EmbeddedOptions{Logger: logger})
	}
	var s *Server
	if err == nil {
		core := cluster.DefaultOptions()
		core.FDGraceMs, core.FDSuspectMs, core.MinLiveNodesForUnfreeze, core.LivePercentage = spec.GraceMs, spec.GraceMs/2, 1, 50
		s, err = Start(Options{Listen: "127.0.0.1:0", Backend: store, ClusterRoot: spec.Root, Cluster: core, Logger: logger})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(s.Addr())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		fmt.Println(s.scaleCommand(strings.Fields(in.Text())))
	}
	s.Close()
	store.Close()
	return 0
}

// scaleCommand looks into the meta server for a test.
func (s *Server) scaleCommand(words []string) string {
	t := s.leadingTerm()
	switch words[0] {
	case "leading":
		return strconv.FormatBool(s.Leading())
	case "elected":
		return strconv.FormatBool(t != nil)
	case "heap": // bytes that live
		debug.FreeOSMemory()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return strconv.FormatUint(m.HeapAlloc, 10)
	case "profile": // profile KIND FILE: heap or cpu; cpu again ends it
		return scaleProfile(words[1], words[2])
	}
	if t == nil || !t.ready.Load() {
		return "not leading"
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch words[0] {
	case "check":
		return fmt.Sprintf("%v", t.core.Check())
	case "balance": // how long a round is planned, in ns, and the moves
		begin := time.Now()
		moves, known := t.core.BalanceCounts()
		return fmt.Sprintf("%d %d %v", time.Since(begin), moves.MovePrimary+moves.CopyPrimary+moves.CopySecondary, known)
	case "lively":
		t.core.ControlMeta(s.now(), &metaadmin.ConfigurationMetaControlRequest{Level: metaadmin.MetaFunctionLevel_fl_lively})
		return "ok"
	}
	return "unknown"
}

func scaleProfile(kind, file string) string {
	if kind == "cpu" && file == "-" {
		pprof.StopCPUProfile()
		return "<nil>"
	}
	out, err := os.Create(file)
	if err != nil {
		return err.Error()
	}
	if kind == "cpu" {
		return fmt.Sprint(pprof.StartCPUProfile(out))
	}
	return fmt.Sprint(errors.Join(pprof.Lookup(kind).WriteTo(out, 0), out.Close()))
}

// scaleMeta is a meta server that runs as a process.
type scaleMeta struct {
	t     testing.TB
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
	addr  base.RPCAddress
	gone  bool
}

func startScaleMeta(t testing.TB, spec scaleMetaSpec) *scaleMeta {
	t.Helper()
	text, _ := json.Marshal(spec)
	m := &scaleMeta{t: t, cmd: exec.Command(os.Args[0])}
	m.cmd.Env = append(os.Environ(), scaleMetaEnv+"="+string(text))
	m.cmd.Stderr = os.Stderr
	in, err := m.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := m.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	m.in, m.lines = in, bufio.NewScanner(out)
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.stop)
	if !m.lines.Scan() {
		t.Fatal("the meta server did not start")
	}
	if m.addr, err = base.ParseAddress(m.lines.Text()); err != nil {
		t.Fatal(err)
	}
	return m
}

// stop ends the process in good order.
func (m *scaleMeta) stop() {
	if m.gone {
		return
	}
	m.gone = true
	m.in.Close()
	if err := m.cmd.Wait(); err != nil {
		m.t.Errorf("meta server: %v", err)
	}
}

// kill ends the process without a word.
func (m *scaleMeta) kill() {
	m.gone = true
	m.cmd.Process.Kill()
	m.cmd.Wait()
}

func (m *scaleMeta) ask(command string) string {
	m.t.Helper()
	fmt.Fprintln(m.in, command)
	if !m.lines.Scan() {
		m.t.Fatalf("the meta server ended at %q", command)
	}
	return m.lines.Text()
}

func (m *scaleMeta) number(command string) int64 {
	m.t.Helper()
	n, err := strconv.ParseInt(m.ask(command), 10, 64)
	if err != nil {
		m.t.Fatalf("%s: %v", command, err)
	}
	return n
}

// cpu is the processor time used so far, user and system.
func (m *scaleMeta) cpu() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", m.cmd.Process.Pid))
	f := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if err != nil || len(f) < 13 {
		m.t.Logf("no processor time: %v", err)
		return 0
	}
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond // ticks of 1/100 s
}

// rssKB is what the kernel counts: key is VmRSS (now) or VmHWM (at most so far).
func (m *scaleMeta) rssKB(key string) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.cmd.Process.Pid))
	for _, line := range strings.Split(string(text), "\n") {
		if f := strings.Fields(line); len(f) > 1 && f[0] == key+":" {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n
		}
	}
	return 0
}
