package client_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/rpc"
)

// TestAgainstARunningCluster does the whole API in every dialect on the cluster whose metas are
// named by PEGASUS_METAS ("host:port,..."), in tables of its own; `pegasus onebox` is one.
func TestAgainstARunningCluster(t *testing.T) {
	metas := os.Getenv("PEGASUS_METAS")
	if metas == "" {
		t.Skip("PEGASUS_METAS names no cluster")
	}
	for i, d := range []rpc.Dialect{rpc.THFTv1, rpc.THFTv0, rpc.Native} {
		t.Run(fmt.Sprint("dialect ", d), func(t *testing.T) {
			c, err := client.New(strings.Split(metas, ","), client.Options{Dialect: d, DialectSet: true, OpTimeout: 10 * time.Second})
			check(t, err)
			defer c.Close()
			name := fmt.Sprintf("client_test_%d", i)
			check(t, c.Admin().DropApp(t.Context(), name, 1, true))
			_, err = c.Admin().CreateApp(t.Context(), name, client.CreateOptions{Partitions: 4, Replicas: 3})
			check(t, err)
			_, err = c.Admin().WaitHealthy(within(t, 2*time.Minute), name, nil)
			check(t, err)
			tab, err := c.Open(t.Context(), name)
			check(t, err)
			pointOps(t, tab)
			multiOps(t, tab)
			atomicOps(t, tab)
			scanAll(t, tab)
			check(t, c.Admin().DropApp(t.Context(), name, 1, false))
		})
	}
}

func scanAll(t *testing.T, tab *client.Table) {
	big := make([]byte, 400<<10)
	check(t, tab.Set(t.Context(), b("big"), nil, big, 0))
	if v, _, err := tab.Get(t.Context(), b("big"), nil); len(v) != len(big) || err != nil {
		t.Fatal(len(v), err)
	}
	fill(t, tab, 30, 100)
	counted := must[int64](t)(tab.CountData(t.Context(), client.ScanOptions{BatchSize: 50}))
	scanners, err := tab.FullScanners(client.ScanOptions{BatchSize: 33})
	check(t, err)
	rows := 0
	for _, s := range scanners {
		rows += len(walk(t, s, nil))
	}
	if int64(rows) != counted || rows < 3000 {
		t.Fatal("scanned", rows, "rows, counted", counted)
	}
	s, err := tab.HashScanner(b("h07"), nil, nil, client.ScanOptions{BatchSize: 9})
	check(t, err)
	if got := walk(t, s, nil); len(got) != 100 {
		t.Fatal("hash scan:", len(got), "rows")
	}
}
