package sim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/replica"
)

// An order to compact reaches every member once, is reported to the metas, and is not repeated after a restart.
func TestManualCompactionOfATable(t *testing.T) {
	t.Parallel()
	b := newBench(t, quick(Config{}))
	b.rows("compact", 100)
	members := 3 * testPartitions
	finished := func() (times []string) {
		for i := range b.Replicas {
			for _, line := range strings.Split(b.command(i, "replica.query-compact", fmt.Sprint(b.table.AppID())), "\n")[1:] {
				if _, text, ok := strings.Cut(line, `"last_finish":"`); ok && !strings.HasPrefix(text, "-") {
					times = append(times, text)
				}
			}
		}
		return times
	}
	if got := finished(); len(got) != 0 {
		t.Fatalf("compacted without an order: %v", got)
	}
	b.setEnv("manual_compact.once.bottommost_level_compaction", "force")
	b.setEnv("manual_compact.once.trigger_time", fmt.Sprint(time.Now().Unix()))
	b.until("compaction of every member", func() bool { return len(finished()) == members })
	b.until("the report to the metas", func() bool {
		resp := metaadmin.NewQueryAppManualCompactResponse()
		err := b.cl.Admin().Call(b.ctx, "RPC_CM_QUERY_MANUAL_COMPACT_STATUS", &metaadmin.QueryAppManualCompactRequest{AppName: "temp"}, resp)
		return err == nil && resp.GetProgress() == 100
	})
	if err := b.Replicas[0].Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.RestartReplica(0); err != nil {
		t.Fatal(err)
	}
	b.healthy()
	for _, line := range strings.Split(b.command(0, "replica.query-compact", fmt.Sprint(b.table.AppID())), "\n")[1:] {
		if strings.Contains(line, `"last_finish":"-"`) || !strings.Contains(line, `"last_used_ms":"-"`) {
			t.Errorf("after a restart: %s", line)
		}
	}
}

// A server that stops while its replicas are compacted by order does not wait for that, and carries the order out after its restart.
func TestStopCutsManualCompactionsShort(t *testing.T) {
	t.Parallel()
	var slow atomic.Int64
	slow.Store(1) // a month
	b := newBench(t, quick(Config{Tune: func(_ int, o *replica.Options) {
		o.Engine.ManualCompactionBytesPerSecond, o.Engine.GentleFlushBytesPerSecond = slow.Load(), -1
	}}))
	source, value := rand.NewChaCha8([32]byte{}), make([]byte, 100_000)
	for i := range 40 * testPartitions {
		source.Read(value)
		if err := b.table.Set(b.ctx, fmt.Appendf(nil, "row %d", i), nil, value, 0); err != nil {
			t.Fatal(err)
		}
	}
	state := func(what string) (n int) {
		return strings.Count(b.command(0, "replica.query-compact", fmt.Sprint(b.table.AppID())), `"`+what+`":"2`) // a year
	}
	// What is in one table would only move to the bottom, which is quick; the marks of a forced compaction are a second one.
	b.command(0, "replica.trigger-checkpoint")
	b.until("all stores are flushed", func() bool {
		return !strings.Contains(b.command(0, "replica.query-progress", fmt.Sprint(b.table.AppID())), `"last_durable_decree":0`)
	})
	b.setEnv("manual_compact.once.bottommost_level_compaction", "force")
	b.setEnv("manual_compact.once.trigger_time", fmt.Sprint(time.Now().Unix()))
	b.until("compactions that run", func() bool { return state("recent_start_at") == testPartitions })
	if err := b.Replicas[0].Close(); err != nil {
		t.Fatal(err)
	}
	slow.Store(-1)
	if err := b.RestartReplica(0); err != nil {
		t.Fatal(err)
	}
	b.healthy()
	b.until("compactions in the second life", func() bool {
		answer := b.command(0, "replica.query-compact", fmt.Sprint(b.table.AppID()))
		return state("last_finish") == testPartitions && !strings.Contains(answer, `"last_used_ms":"-"`)
	})
}
