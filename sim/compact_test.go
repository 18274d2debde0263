package sim

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
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
