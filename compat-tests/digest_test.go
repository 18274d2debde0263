package compattests

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/compat-tests/cluster"
	"github.com/pegasus-go/pegasus/compat-tests/thft"
)

const sameDecreeWithin = 60 * time.Second

var digestLine = regexp.MustCompile(`(\d+\.\d+)\D.*?"decree":(\d+).*?"digest":"([^"]+)"|(\d+\.\d+)\D.*?"digest":"([^"]+)".*?"decree":(\d+)`)

// digests asks every replica server for the digests of a table: gpid to server to "decree digest".
func digests(t *testing.T, c *cluster.Cluster, app int32) map[string]map[string]string {
	t.Helper()
	out := map[string]map[string]string{}
	for _, server := range c.Replicas {
		for _, m := range digestLine.FindAllStringSubmatch(remoteCommand(t, server, "replica.digest", fmt.Sprint(app)), -1) {
			gpid, decree, sum := m[1], m[2], m[3]
			if gpid == "" {
				gpid, decree, sum = m[4], m[6], m[5]
			}
			if out[gpid] == nil {
				out[gpid] = map[string]string{}
			}
			out[gpid][server] = decree + " " + sum
		}
	}
	return out
}

func remoteCommand(t *testing.T, server, name string, args ...string) string {
	t.Helper()
	r, err := dial(t, server).Call("RPC_CLI_CLI_CALL", thft.Header{TimeoutMs: 30000},
		thft.Wrap(func(a *thft.Args) { a.Str(1, name).Strings(2, args...) }))
	if err != nil || r.Err != "ERR_OK" {
		t.Fatalf("%s at %s: %+v %v", name, server, r, err)
	}
	v, err := thft.Result(r.Body, thft.Str)
	if err != nil {
		t.Fatal(err)
	}
	return v.(string)
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
			seen = digests(t, c, cfg.AppID)
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
