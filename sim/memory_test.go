package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/pegasus-go/pegasus/internal/memory"
	"github.com/pegasus-go/pegasus/replica"
)

// memoryOf asks server i for its page /memory and returns the rows by name.
func (b *bench) memoryOf(i int) map[string]memory.Row {
	b.t.Helper()
	resp, err := http.Get("http://" + b.Replicas[i].Addr().String() + "/memory")
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	var page struct {
		Total int64        `json:"total_bytes"`
		Parts []memory.Row `json:"parts"`
		Go    struct {
			Limit int64 `json:"go_limit_bytes"`
			Heap  int64 `json:"go_heap_bytes"`
		} `json:"process"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
		b.t.Fatal(err)
	}
	if page.Total <= 0 || page.Go.Limit <= 0 || page.Go.Heap <= 0 {
		b.t.Fatalf("page without figures: %+v", page)
	}
	rows := map[string]memory.Row{}
	for _, r := range page.Parts {
		rows[r.Name] = r
	}
	return rows
}

// Committed mutations of all partitions together stay within their part of the server's memory, and the page and the
// command tell of them.
func TestPrepareListsShareTheirPart(t *testing.T) {
	t.Parallel()
	budget, err := memory.Plan(memory.TotalBytesMin, memory.Parts{PrepareLists: 1 << 20}, true)
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, quick(Config{Tune: func(_ int, o *replica.Options) { o.Memory = budget }}))
	value := make([]byte, 20_000)
	for i := range 400 { // two megabytes a partition; a list may have 110 mutations
		if err := b.table.Set(b.ctx, fmt.Appendf(nil, "k%d", i), nil, value, 0); err != nil {
			t.Fatal(err)
		}
	}
	for i := range b.Replicas {
		b.until("prepare lists within their part", func() bool {
			row := b.memoryOf(i)["prepare lists"]
			return row.Limit == 1<<20 && row.Used <= row.Limit && row.Used > row.Limit/4
		})
		b.until("memtables are counted, also in the block cache", func() bool {
			if err := b.table.Set(b.ctx, []byte("one more"), nil, value, 0); err != nil {
				t.Fatal(err)
			}
			rows := b.memoryOf(i)
			return rows["memtables"].Used > 0 && rows["block cache"].Used >= rows["memtables"].Used
		})
		text := b.command(i, "memory")
		for _, want := range []string{"256 MiB for this server", "prepare lists", "1 MiB x 2", "rocksdb_block_cache_capacity", "soft limit"} {
			if !strings.Contains(text, want) {
				t.Errorf("the command memory does not say %q:\n%s", want, text)
			}
		}
		if i == 0 {
			t.Log(text)
		}
	}
}
