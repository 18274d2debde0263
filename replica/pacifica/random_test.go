package pacifica

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "replay one seed of TestRandomHistories")
	seedsFlag = flag.Int("seeds", 60, "how many seeds TestRandomHistories runs")
)

// TestRandomHistories runs a partition through crashes, partitions and lost messages: nothing
// acknowledged may be lost, no decree may differ between nodes, and when the faults end the group
// must become whole again.
func TestRandomHistories(t *testing.T) {
	seeds := make([]uint64, *seedsFlag)
	for i := range seeds {
		seeds[i] = uint64(i + 1)
	}
	if *seedFlag != 0 {
		seeds = []uint64{*seedFlag}
	}
	total := 0
	for _, seed := range seeds {
		c, err := history(seed)
		total += len(c.acked)
		if err != nil {
			tail := c.trace
			if *seedFlag == 0 && len(tail) > 60 {
				tail = tail[len(tail)-60:]
			}
			t.Fatalf("seed %d: %v\nreplay: go test ./replica/pacifica -run TestRandomHistories -seed %d\n%s", seed, err, seed, strings.Join(tail, "\n"))
		}
	}
	if total < 100*len(seeds) {
		t.Errorf("only %d writes acknowledged in %d histories: the faults leave nothing to test", total, len(seeds))
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
	c.faults = faults{delayMsMax: 5}
	for _, n := range c.nodes {
		n.isolated = false
		if !n.up {
			c.start(n)
		}
	}
	c.run(30_000)
	c.write()
	c.run(3000)
	if c.err != nil {
		return c, c.err
	}
	return c, c.wholeAgain()
}

// disturb breaks or mends one thing.
func (c *cluster) disturb() {
	n := c.nodes[c.rng.IntN(len(c.nodes))]
	switch c.rng.IntN(8) {
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
	}
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

// wholeAgain checks the end of a history.
func (c *cluster) wholeAgain() error {
	cfg := c.meta.config()
	if cfg.Members() != int(cfg.MaxReplicaCount) {
		return fmt.Errorf("not whole: %d members, ballot %d, primary %s", cfg.Members(), cfg.Ballot, cfg.Primary)
	}
	primary := c.find(cfg.Primary)
	if primary.core == nil || primary.core.Status() != Primary {
		return fmt.Errorf("the primary %s does not know that it is", cfg.Primary)
	}
	all := strings.Join(primary.disk.store, " ") + " "
	for _, id := range c.acked {
		if n := strings.Count(all, " "+id+" "); n != 1 {
			return fmt.Errorf("acknowledged write %s is there %d times", id, n)
		}
	}
	for _, s := range cfg.Secondaries {
		n := c.find(s)
		if n.core == nil || n.core.Status() != Secondary {
			return fmt.Errorf("%s is not a secondary", s)
		}
		if !slices.Equal(n.disk.store, primary.disk.store[:len(n.disk.store)]) || len(primary.disk.store)-len(n.disk.store) > 1 {
			return fmt.Errorf("%s has %d decrees, the primary %d", s, len(n.disk.store), len(primary.disk.store))
		}
	}
	return nil
}
