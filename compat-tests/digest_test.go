package compattests

import (
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/compat-tests/cluster"
	"github.com/pegasus-go/pegasus/compat-tests/thft"
)

const sameDecreeWithin = 60 * time.Second

func remoteCommand(t *testing.T, server, name string, args ...string) string {
	t.Helper()
	out, err := thft.RemoteCommand(server, name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// identicalReplicas claims that the three members of each partition hold the same rows at the same decree.
func identicalReplicas(t *testing.T, c *cluster.Cluster, tables ...string) {
	t.Helper()
	for _, table := range tables {
		cfg, err := thft.AwaitHealthy(c.Metas, table, sameDecreeWithin)
		if err != nil {
			t.Fatal(err)
		}
		var seen map[string]map[string]string
		same := false
		for end := time.Now().Add(sameDecreeWithin); !same && time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
			if seen, err = thft.Digests(c.Replicas, cfg.AppID); err != nil {
				t.Fatal(err)
			}
			same = allSame(seen, len(cfg.Partitions))
		}
		if !same {
			t.Errorf("the members of a partition of %s differ: %v", table, seen)
		}
	}
}

func allSame(seen map[string]map[string]string, partitions int) bool {
	for _, servers := range seen {
		values := map[string]bool{}
		for _, v := range servers {
			values[v] = true
		}
		if len(servers) != 3 || len(values) != 1 {
			return false
		}
	}
	return len(seen) == partitions
}
