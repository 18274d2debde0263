package compattests

import (
	"testing"

	"github.com/pegasus-go/pegasus/compat-tests/cluster"
)

func testPython(t *testing.T, c *cluster.Cluster) {
	c.CreateTable("python", 8)
	// The library writes its log into the directory where it runs.
	checks(t, t.TempDir(), python(t), here("python", "client.py"), "api", c.MetaList(), "python")
}

// testPythonShipped runs the tests that come with the library; they use the table temp.
func testPythonShipped(t *testing.T, c *cluster.Cluster) {
	checks(t, t.TempDir(), python(t), here("python", "upstream.py"), c.MetaList())
}
