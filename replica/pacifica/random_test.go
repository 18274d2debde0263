package pacifica

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	metacore "github.com/pegasus-go/pegasus/meta/cluster"
)

var (
	firstFlag = flag.Uint64("first", 1, "the seed at which TestRandomHistories begins")
	seedFlag  = flag.Uint64("seed", 0, "replay one seed of TestRandomHistories")
	seedsFlag = flag.Int("seeds", 60, "how many seeds TestRandomHistories runs")
)

// TestRandomHistories runs a partition through crashes, partitions and lost messages: nothing
// acknowledged may be lost, no decree may differ between nodes, and when the faults end the group
// must become whole again.
func TestRandomHistories(t *testing.T) {
	seeds := make([]uint64, *seedsFlag)
	for i := range seeds {
		seeds[i] = *firstFlag + uint64(i)
	}
	if *seedFlag != 0 {
		seeds = []uint64{*seedFlag}
	}
	total, seen := 0, map[string]int{}
	for _, seed := range seeds {
		c, err := history(seed)
		total += len(c.acked)
		c.tally(seen)
		if err != nil {
			tail := c.trace
			if *seedFlag == 0 && len(tail) > 60 {
				tail = tail[len(tail)-60:]
			}
			t.Fatalf("seed %d: %v\nreplay: go test ./replica/pacifica -run TestRandomHistories -seed %d\n%s", seed, err, seed, strings.Join(tail, "\n"))
		}
	}
	if total < 100*len(seeds) && len(seeds) >= 20 {
		t.Errorf("only %d writes acknowledged in %d histories: the faults leave nothing to test", total, len(seeds))
	}
	t.Logf("%d histories, %d writes acknowledged", len(seeds), total)
	for _, what := range happenings {
		t.Logf("%8d %s", seen[what], what)
		if seen[what] == 0 && len(seeds) >= 60 {
			t.Errorf("never seen: %s", what)
		}
	}
}

// happenings are what histories must be full of, as the trace puts it.
var happenings = []string{
	"crashes", "pauses", "loses its disk", "lease is over", "nothing passes", "the log cannot be written", "the store cannot be written",
	"the meta server stops", "meta: ballot", ": primary at", "learns from", ": cache", ": log", ": checkpoint", "installs checkpoint",
	"ERR_INCONSISTENT_STATE", "resigns", "refuses", "leaves", "UPGRADE_TO_SECONDARY", "DOWNGRADE_TO_INACTIVE", "PRIMARY_FORCE_UPDATE_BALLOT",
}

// tally adds what happened.
func (c *cluster) tally(seen map[string]int) {
	for _, line := range c.trace {
		for _, what := range happenings {
			if strings.Contains(line, what) {
				seen[what]++
			}
		}
	}
}

func history(seed uint64) (*cluster, error) {
	c := newCluster(seed, 3+int(seed%3))
	c.faults = faults{delayMsMax: 5}
	c.run(3000)
	if err := c.wholeAgain(); err != nil {
		return c, fmt.Errorf("before any fault: %w", err)
	}
	c.faults = faults{dropPercent: c.rng.IntN(4), dupPercent: c.rng.IntN(10), delayMsMax: 1 + c.rng.Int64N(60), lateLogs: true}
	for range 60 {
		c.disturb()
		for range 10 {
			c.write()
			c.run(c.rng.Int64N(60))
		}
		if c.err != nil {
			return c, c.err
		}
	}
	c.mend()
	c.run(30_000)
	c.write()
	c.run(3000)
	if c.err != nil {
		return c, c.err
	}
	return c, c.wholeAgain()
}

// mend ends all faults.
func (c *cluster) mend() {
	c.faults = faults{delayMsMax: 5}
	clear(c.cut)
	if m, ok := c.meta.(*realMeta); ok {
		m.resume()
	}
	for _, n := range c.nodes {
		n.isolated, n.broken = false, broken{} // a pause ends by itself
		if !n.up {
			c.start(n)
		}
	}
}

// disturb breaks or mends one thing.
func (c *cluster) disturb() {
	n := c.nodes[c.rng.IntN(len(c.nodes))]
	switch c.rng.IntN(14) {
	case 0:
		if n.up {
			n.crash()
		}
	case 1, 2:
		if !n.up {
			c.start(n)
		}
	case 3:
		n.isolated = c.rng.IntN(2) == 0
	case 4:
		for _, n := range c.nodes {
			n.isolated = false
		}
		clear(c.cut)
	case 5:
		// Everything at once.
		if c.rng.IntN(6) == 0 {
			for _, n := range c.nodes {
				if n.up {
					n.crash()
				}
				c.start(n)
			}
		}
	case 6:
		c.run(c.rng.Int64N(4000))
	case 7:
		// The primary is to give its role away.
		cfg := c.meta.config()
		if p := c.find(cfg.Primary); p != nil {
			c.send("proposal", nil, p, func() {
				p.step(ProposalReceived{Type: configDowngradeToSecondary, Node: cfg.Primary, Config: cfg})
			})
		}
	case 8:
		c.cutLink(n)
	case 9:
		// As long as a lease and more.
		n.pausedMs = max(n.pausedMs, c.nowMs+c.rng.Int64N(2*simLeaseMs))
		c.note("%s pauses until %d", n, n.pausedMs)
	case 10:
		n.broken = broken{}
		switch c.rng.IntN(12) {
		case 0:
			n.broken.log = true
		case 1:
			n.broken.apply = true
		case 2:
			n.broken.checkpoint = true
		case 3:
			n.broken.install = true
		case 4:
			n.broken.reset = true
		}
	case 11:
		c.disturbMeta()
	case 12:
		c.loseDisk(n)
	case 13:
		c.moveByPlan(n)
	}
}

// cutLink stops what a node sends to another or the meta server, in this direction alone.
func (c *cluster) cutLink(n *node) {
	var to *node
	if i := c.rng.IntN(len(c.nodes) + 1); i < len(c.nodes) {
		to = c.nodes[i]
	}
	l := link{n, to}
	if c.rng.IntN(2) == 0 {
		l = link{to, n}
	}
	c.cut[l] = true
	c.note("nothing passes from %s to %s", l.from, l.to)
}

// disturbMeta restarts the meta server, or makes its store slow for a while.
func (c *cluster) disturbMeta() {
	m, ok := c.meta.(*realMeta)
	switch {
	case !ok:
	case m.hold || m.down:
		m.resume()
	case c.rng.IntN(2) == 0:
		m.hold = true
	default:
		c.note("the meta server stops")
		m.stop()
	}
}

// loseDisk takes the disk of one of three healthy members, so that two have everything.
func (c *cluster) loseDisk(n *node) {
	if _, ok := c.meta.(*realMeta); !ok || c.params.MinMembers == 1 || c.wholeRoles() != nil || c.meta.config().RoleOf(n.addr) == Inactive {
		return
	}
	n.crash()
	n.wipe()
	c.start(n)
}

// moveByPlan is an operator who wants a node to be primary, out or in. To force a promotion on anybody is left
// out: it may lose data.
func (c *cluster) moveByPlan(n *node) {
	m, ok := c.meta.(*realMeta)
	if !ok || m.down {
		return
	}
	p := m.tree.Primary
	plan := []metacore.Action{{Target: p, Node: p, Type: configDowngradeToSecondary}, {Target: n.addr, Node: n.addr, Type: configUpgradeToPrimary}}
	force := c.rng.IntN(3) == 0
	switch c.rng.IntN(3) {
	case 0:
		plan = []metacore.Action{{Target: p, Node: n.addr, Type: configRemove}}
	case 1:
		plan = []metacore.Action{{Target: p, Node: n.addr, Type: configAddSecondaryForLB}}
	default:
		force = false
	}
	m.s.Propose(m.now(), &metaadmin.ConfigurationBalancerRequest{Gpid: simGpid.Ptr(), Force: force}, plan)
	m.settle()
}

// write sends one to whoever believes to be primary.
func (c *cluster) write() {
	for _, n := range c.nodes {
		if n.core == nil || n.core.Status() != Primary {
			continue
		}
		c.issued++
		id := fmt.Sprintf("w%d", c.issued)
		n.lastToken++
		n.writes[n.lastToken] = id
		n.step(Write{Update: Update{Code: "RPC_RRDB_RRDB_PUT", Body: []byte(id), Token: n.lastToken}})
	}
}

// wholeRoles checks that the group has all its members, and that they know.
func (c *cluster) wholeRoles() error {
	cfg := c.meta.config()
	if cfg.Members() != int(cfg.MaxReplicaCount) {
		return fmt.Errorf("not whole: %d members, ballot %d, primary %s", cfg.Members(), cfg.Ballot, c.nameOf(cfg.Primary))
	}
	for _, a := range append([]Node{cfg.Primary}, cfg.Secondaries...) {
		n := c.find(a)
		if n == nil || n.core == nil || n.core.Status() != cfg.RoleOf(a) || n.core.Config().Ballot != cfg.Ballot {
			return fmt.Errorf("%s is not what ballot %d says", c.nameOf(a), cfg.Ballot)
		}
	}
	return nil
}

// wholeAgain checks the end of a history.
func (c *cluster) wholeAgain() error {
	if err := c.wholeRoles(); err != nil {
		return err
	}
	cfg := c.meta.config()
	primary := c.find(cfg.Primary)
	all := map[string]int{}
	for _, text := range primary.disk.store {
		for _, id := range strings.Fields(text)[1:] {
			if all[id]++; all[id] > 1 {
				return fmt.Errorf("write %s is there twice", id)
			}
		}
	}
	for _, id := range c.acked {
		if all[id] != 1 {
			return fmt.Errorf("acknowledged write %s is not there", id)
		}
	}
	for _, s := range cfg.Secondaries {
		n := c.find(s)
		if !slices.Equal(n.disk.store, primary.disk.store[:len(n.disk.store)]) || len(primary.disk.store)-len(n.disk.store) > 1 {
			return fmt.Errorf("%s has %d decrees, the primary %d", n, len(n.disk.store), len(primary.disk.store))
		}
	}
	return nil
}
