package sim

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pegasus-go/pegasus/replica"
)

// An operator's order flushes every store of a server, one after the other. It is answered when that takes long, another is ignored
// meanwhile, and the server stops all the same.
func TestTriggeredCheckpoints(t *testing.T) {
	t.Parallel()
	const slow = 1
	b := newBench(t, quick(Config{Tune: func(i int, o *replica.Options) {
		if i == slow {
			o.Engine.GentleFlushBytesPerSecond = 1 // days
		}
	}}))
	b.rows("checkpoint", 40)
	id := fmt.Sprint(b.table.AppID())
	trigger := func(i int, answer string) {
		t.Helper()
		if got := b.command(i, "replica.trigger-checkpoint", id); strings.Count(got, " : "+answer) != testPartitions {
			t.Errorf("server %d, want %q: %s", i, answer, got)
		}
	}
	trigger(0, "triggered")
	b.until("all stores of the first server are flushed", func() bool {
		return !strings.Contains(b.command(0, "replica.query-progress", id), `"last_durable_decree":0`)
	})
	trigger(slow, "triggered")
	trigger(slow, "ignored")
	if err := b.Replicas[slow].Close(); err != nil {
		t.Error(err)
	}
}
