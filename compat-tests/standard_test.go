package compattests

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/compat-tests/cluster"
	"github.com/pegasus-go/pegasus/compat-tests/thft"
	"github.com/pegasus-go/pegasus/internal/ports"
)

// The ports that examples, tools and the clients' own tests know.
const (
	standardMetaPort    = 34601
	standardReplicaPort = 34801
	serversPerRole      = 3
)

// standardPortsWithin is how long the ports may be in use: one may be the local end of a connection that passes.
const standardPortsWithin = 2 * time.Minute

func awaitStandardPorts() bool {
	for end := time.Now().Add(standardPortsWithin); ; time.Sleep(100 * time.Millisecond) {
		if ports.AllFree(standardMetaPort, serversPerRole) && ports.AllFree(standardReplicaPort, serversPerRole) {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// TestStandardPorts runs what can't be told other ports: the programs of the README, and the tests that the Apache Go client
// was published with.
func TestStandardPorts(t *testing.T) {
	t.Parallel() // it mostly waits
	if !awaitStandardPorts() {
		skipOrFail(t, "ports %d.. and %d.. are in use", standardMetaPort, standardReplicaPort)
	}
	c := cluster.Start(t, cluster.Options{MetaPort: standardMetaPort, ReplicaPort: standardReplicaPort})
	leadByFirst(t, c)
	before := c.Pids()
	// First, because they expect an empty table.
	t.Run("shipped tests/go", func(t *testing.T) { shippedGoTests(t) })
	t.Run("example/go", func(t *testing.T) {
		expectOutput(t, []string{"get: Ada", "visits: 1"}, t.TempDir(), goProgram(t, "examples/go", ".", ""))
	})
	t.Run("example/python", func(t *testing.T) {
		expectOutput(t, []string{"set: 0", "get: 0 Ada", "multi_get: {'born': '1815', 'city': 'London', 'name': 'Ada', 'visits': '1'}"},
			t.TempDir(), python(t), here("examples", "python", "example.py"))
	})
	t.Run("example/java", func(t *testing.T) { javaExample(t) })
	c.AssertAlive(before)
}

// leadByFirst makes the first meta server the leader: one of the shipped tests knows no other, and the clients of 2022 do not
// follow hints.
func leadByFirst(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	if c.Leader() == c.Metas[0] {
		return
	}
	c.Kill("meta2", "meta3")
	if _, err := thft.Leader(c.Metas[:1], leaderWithin); err != nil {
		t.Fatal(err)
	}
	c.StartServers("meta2", "meta3")
}

func expectOutput(t *testing.T, want []string, dir, program string, args ...string) {
	t.Helper()
	out, err := command(programTimeout, dir, nil, program, args...)
	for _, w := range want {
		if err != nil || !strings.Contains(out, w+"\n") {
			t.Fatalf("want %q: %v\n%s", w, err, out)
		}
	}
}

// javaExample needs the Java client, which no public Maven repository has: whoever uses it has built it, or has it in a
// repository of their own, and then Maven finds it.
func javaExample(t *testing.T) {
	if _, err := exec.LookPath("mvn"); err != nil {
		t.Skip("no Maven here, and no public repository has the Java client")
	}
	dir := filepath.Join(t.TempDir(), "java")
	if err := os.CopyFS(dir, os.DirFS(here("examples", "java"))); err != nil {
		t.Fatal(err)
	}
	out, err := command(resolveTimeout, dir, nil, "mvn", "-q", "-B", "dependency:resolve")
	if err != nil && (strings.Contains(out, "Could not find artifact") || strings.Contains(out, "was not found in")) {
		t.Skip("Maven finds no org.apache.pegasus:pegasus-client; TestHeaderVersions makes the Java clients' calls frame by frame")
	}
	if err != nil {
		t.Fatalf("mvn dependency:resolve: %v\n%s", err, out)
	}
	expectOutput(t, []string{"get: Ada", "visits: 2"}, dir, "mvn", "-q", "-B", "compile", "exec:java", "-Dexec.mainClass=Example")
}

// shippedGoTests runs, unmodified, the tests of the Apache Go client that talk to a cluster.
func shippedGoTests(t *testing.T) {
	const client = "github.com/apache/incubator-pegasus/go-client/"
	// Some tests of package session want an echo server on this port, which the client's build starts.
	if l, err := net.Listen("tcp", "0.0.0.0:8800"); err == nil {
		t.Cleanup(func() { _ = l.Close() })
		go echo(l)
	}
	for _, p := range []struct{ name, skip string }{
		{"pegasus", "^$"},
		{"session", "^(TestResolveMetaAddr|TestNodeSession_LoopForDialingCancelled)$"}, // want a public host
		{"admin", "^$"},
	} {
		t.Run(p.name, func(t *testing.T) {
			env := []string{"GOWORK=off", "GOFLAGS=-mod=readonly", "GONOSUMDB=github.com/apache/incubator-pegasus"}
			binary := filepath.Join(t.TempDir(), "shipped-"+p.name)
			if out, err := command(buildTimeout, here("go", "upstream"), env, "go", "test", "-c", "-o", binary, client+p.name); err != nil {
				t.Fatalf("build: %v\n%s", err, out)
			}
			out, err := command(programTimeout, t.TempDir(), nil, binary, "-test.v", "-test.timeout", "150s", "-test.skip", p.skip)
			passed, failed := strings.Count(out, "--- PASS"), strings.Count(out, "--- FAIL")
			if err != nil || passed == 0 {
				t.Fatalf("%d tests passed, %d failed: %v\n%s", passed, failed, err, claimsOf(out))
			}
			t.Logf("%d tests passed", passed)
		})
	}
}

func echo(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(programTimeout))
			buf := make([]byte, 32<<10)
			for {
				n, err := c.Read(buf)
				if err != nil {
					return
				}
				if _, err := c.Write(buf[:n]); err != nil {
					return
				}
			}
		}()
	}
}
