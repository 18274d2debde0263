package sim

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pegasus-go/pegasus/client"
)

// TestNothingStaysOpen runs a whole life of a cluster twice: after the second nothing may be open that was not open after
// the first. What the runtime keeps for itself is there after the first. It runs before the parallel tests do.
func TestNothingStaysOpen(t *testing.T) {
	t.Run("first", wholeLife)
	before := openDescriptors(t)
	t.Run("second", wholeLife)
	for what, n := range openDescriptors(t) {
		if extra := n - before[what]; extra > 0 {
			t.Errorf("%d of %s stay open", extra, what)
		}
	}
}

func wholeLife(t *testing.T) {
	b := newBench(t, quick(Config{Metas: 3}))
	for i := range 3 {
		name := fmt.Sprintf("fleeting%d", i)
		if _, err := b.cl.Admin().CreateApp(b.ctx, name, client.CreateOptions{Partitions: 4, Replicas: 3}); err != nil {
			t.Fatal(err)
		}
		table := b.open(b.cl, name)
		for k := range 50 {
			if err := table.Set(b.ctx, fmt.Append(nil, k), []byte("s"), make([]byte, 1000), 0); err != nil {
				t.Fatal(err)
			}
		}
		if i == 0 {
			continue // this one is still there when the servers close
		}
		if err := b.cl.Admin().DropApp(b.ctx, name, 1, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Replicas[1].Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.RestartReplica(1); err != nil {
		t.Fatal(err)
	}
	b.healthy()
	b.sameEverywhere()
}

// openDescriptors counts what this process has open: by name where it is a file, by kind where it is not.
func openDescriptors(t *testing.T) map[string]int {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(links) == 0 {
		t.Skipf("no list of descriptors: %v", err)
	}
	open := map[string]int{}
	for _, link := range links {
		to, err := os.Readlink(link)
		if err != nil {
			continue // the one that read the list
		}
		if kind, _, ok := strings.Cut(to, ":["); ok {
			to = kind
		}
		open[to]++
	}
	return open
}
