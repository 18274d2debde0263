package seeded

import (
	"testing"
	"time"
)

// TestLeasesOutliveLoading lets a new leader take longer to load its state than leases and the grace period last. Nobody
// may notice: no replica loses its role, no configuration changes, no client fails.
func TestLeasesOutliveLoading(t *testing.T) {
	opts := options()
	opts.ThinkMax = time.Second
	opts.setDefaults()
	trace := &Trace{Out: opts.Trace}
	w := newWorld(1, trace)
	c := newCluster(w, opts)
	defer c.shutdown()
	c.start()
	w.run(time.Minute, c.whole)
	w.run(w.now+20*time.Second, nil) // clients know their way
	if !c.whole() {
		t.Fatalf("the cluster did not become whole: %s", c.describe())
	}
	stored, ok, all := len(c.stored()), c.outcomes["ok"], total(c.outcomes)
	c.state.slow = 2500 * time.Millisecond
	begin := w.now
	c.stop(leading(c), func() {})
	w.run(w.now+time.Minute, func() bool { return !c.whole() || leading(c) != nil && w.now > begin+time.Second })
	took := w.now - begin
	if took <= max(lease, graceMs*time.Millisecond) || leading(c) == nil {
		t.Fatalf("the next leader was ready after %v; the cluster is\n%s", took, c.describe())
	}
	w.run(w.now+30*time.Second, func() bool { return !c.whole() })
	if w.fault != nil || !c.whole() {
		t.Fatalf("%s\nfault %v, the cluster is\n%s", trace.Tail(), w.fault, c.describe())
	}
	if n := len(c.stored()); n != stored {
		t.Errorf("%d configurations were stored", n-stored)
	}
	done, good := total(c.outcomes)-all, c.outcomes["ok"]-ok
	if done != good || good < 50 {
		t.Errorf("%d of %d operations succeeded: %v", good, done, c.outcomes)
	}
}

// stored lists all configurations that ever were.
func (c *cluster) stored() (out []partitionState) {
	for _, g := range c.checks.groups {
		for _, st := range g.stored {
			out = append(out, st)
		}
	}
	return out
}

// leading is the meta server that leads and has loaded its state, if any.
func leading(c *cluster) *machine {
	for _, m := range c.metas {
		if m.up && m.meta.Leading() {
			return m
		}
	}
	return nil
}

func total(counts map[string]int) (sum int) {
	for _, n := range counts {
		sum += n
	}
	return sum
}
