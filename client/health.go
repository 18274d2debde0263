package client

import (
	"context"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/layer2"
)

// Health counts a table's partitions by state, as `ls -d` of the shell shows them.
type Health struct {
	Partitions     int
	FullyHealthy   int // a primary and as many live replicas as wanted
	Unhealthy      int // not fully healthy; includes the two below
	WriteUnhealthy int // no primary, or fewer than two replicas
	ReadUnhealthy  int // no primary
}

// writeReplicasMin is upstream's constant for "can be written" in reports.
const writeReplicasMin = 2

// LiveReplicas is the number of members of a partition.
func LiveReplicas(p *layer2.PartitionConfiguration) int {
	n := len(p.Secondaries)
	if p.GetPrimary().Val().IsValid() {
		n++
	}
	return n
}

// HealthOf judges the answer of query_cfg.
func HealthOf(cfg *layer2.QueryCfgResponse) Health {
	h := Health{Partitions: int(cfg.PartitionCount)}
	for _, p := range cfg.Partitions {
		live, led := LiveReplicas(p), p.GetPrimary().Val().IsValid()
		if led && live >= int(p.MaxReplicaCount) {
			h.FullyHealthy++
			continue
		}
		h.Unhealthy++
		if !led {
			h.ReadUnhealthy++
		}
		if !led || live < writeReplicasMin {
			h.WriteUnhealthy++
		}
	}
	return h
}

// OK reports full health of every partition.
func (h Health) OK() bool { return h.Partitions > 0 && h.FullyHealthy == h.Partitions }

// healthPoll is the pause between two looks.
const healthPoll = 200 * time.Millisecond

// WaitHealthy looks at a table until every partition has its primary and all its secondaries, and
// returns the last look. progress, unless nil, is told each one. It ends with ctx's error when that
// ends first; a table that is missing or a meta that is silent is waited for too.
func (a *Admin) WaitHealthy(ctx context.Context, table string, progress func(Health, error)) (Health, error) {
	return a.waitFor(ctx, table, progress, Health.OK)
}

// WaitReady waits less long: until every partition has a primary and can be written.
func (a *Admin) WaitReady(ctx context.Context, table string, progress func(Health, error)) (Health, error) {
	return a.waitFor(ctx, table, progress, func(h Health) bool {
		return h.Partitions > 0 && h.WriteUnhealthy == 0
	})
}

func (a *Admin) waitFor(ctx context.Context, table string, progress func(Health, error), enough func(Health) bool) (Health, error) {
	var h Health
	var reason error // why the last look that was not cut short failed
	for {
		cfg, err := a.QueryConfig(ctx, table)
		if err == nil {
			h = HealthOf(cfg)
		}
		if progress != nil {
			progress(h, err)
		}
		if err == nil && enough(h) {
			return h, nil
		}
		if ctx.Err() == nil {
			reason = err
		}
		if !pause(ctx, healthPoll) {
			if reason == nil {
				reason = ctx.Err()
			}
			return h, &Error{Op: "wait_healthy", Target: table, Code: CodeOf(reason), Err: reason}
		}
	}
}
