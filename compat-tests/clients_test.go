package compattests

import (
	"strings"
	"testing"

	"github.com/pegasus-go/pegasus/compat-tests/cluster"
)

// The two versions of the Apache Go client that the module proxy has: go.mod of go/apache pins the later one.
var apacheVersions = []struct{ name, modfile string }{
	{"2022-06", ""},
	{"2022-05", "go-202205.mod"},
}

// TestClients runs every client library's whole API against one onebox of processes, several libraries at a time.
func TestClients(t *testing.T) {
	c := cluster.Start(t, cluster.Options{})
	before := c.Pids()
	if len(before) != 6 {
		t.Fatalf("processes of the onebox: %v", before)
	}
	t.Run("api", func(t *testing.T) {
		for _, v := range apacheVersions {
			t.Run("go-apache-"+v.name, func(t *testing.T) {
				t.Parallel()
				table := strings.ReplaceAll("apache_"+v.name, "-", "_")
				program := goProgram(t, "go/apache", ".", v.modfile)
				c.CreateTable(table, 8)
				checks(t, "", program, "-metas", c.MetaList(), "-table", table, "-mode", "api")
			})
		}
		for _, client := range []string{"pegasus", "pegasus2"} {
			t.Run("go-xiaomi-"+client, func(t *testing.T) {
				t.Parallel()
				program := goProgram(t, "go/xiaomi", ".", "")
				c.CreateTable("xiaomi_"+client, 4)
				checks(t, "", program, "-metas", c.MetaList(), "-table", "xiaomi_"+client, "-client", client)
			})
		}
		t.Run("go-ycsb", func(t *testing.T) { t.Parallel(); testGoYCSB(t, c) })
		t.Run("python3", func(t *testing.T) { t.Parallel(); testPython(t, c) })
		t.Run("python3-shipped-tests", func(t *testing.T) { t.Parallel(); testPythonShipped(t, c) })
	})
	// What the operators' calls see must not change under them, so they run alone.
	for _, v := range apacheVersions {
		t.Run("admin/go-apache-"+v.name, func(t *testing.T) {
			checks(t, "", goProgram(t, "go/apache", ".", v.modfile),
				"-metas", c.MetaList(), "-replicas", strings.Join(c.Replicas, ","), "-table", "stat", "-mode", "admin")
		})
	}
	// The libraries wrote rows with a ttl, incremented, checked and set, and deleted.
	identicalReplicas(t, c, "apache_2022_06", "apache_2022_05", "xiaomi_pegasus", "xiaomi_pegasus2", "python", "usertable", "temp")
	c.AssertAlive(before)
}

// testGoYCSB runs go-ycsb's core workload: no operation may fail.
func testGoYCSB(t *testing.T, c *cluster.Cluster) {
	program := goProgram(t, "go/xiaomi", "./ycsb", "")
	c.CreateTable("usertable", 8)
	out, err := command(programTimeout, "", nil, program, "-metas", c.MetaList(), "-table", "usertable")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"INSERT ", "READ "} {
		if !strings.Contains(out, want) {
			t.Errorf("no line of %sin the report", want)
		}
	}
	if strings.Contains(out, "ERROR") || strings.Contains(out, "failed") {
		t.Error("the report counts errors")
	}
	t.Log("\n" + out[strings.Index(out, "phase run"):])
}
