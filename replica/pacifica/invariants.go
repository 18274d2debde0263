package pacifica

import "fmt"

// Check returns an error when an internal invariant does not hold. It is cheap enough for tests and
// simulations to run after every step.
func (c *Core) Check() error {
	l := c.list
	if l.min > l.last+1 || l.min > l.committed+1 || l.committed > l.last {
		return fmt.Errorf("prepare list of %s: min %d, committed %d, last %d", c.gpid, l.min, l.committed, l.last)
	}
	for d := l.min; d <= l.last; d++ {
		e := l.slot(d)
		if e.m == nil || e.m.Decree != d {
			return fmt.Errorf("prepare list of %s has a hole at decree %d", c.gpid, d)
		}
		if c.status == Primary && d > l.committed && e.m.Ballot != c.config.Ballot {
			return fmt.Errorf("primary of %s has decree %d under ballot %d in ballot %d", c.gpid, d, e.m.Ballot, c.config.Ballot)
		}
		if e.m.Ballot > c.config.Ballot {
			return fmt.Errorf("%s has decree %d under ballot %d above its own %d", c.gpid, d, e.m.Ballot, c.config.Ballot)
		}
	}
	if c.status == Primary && c.config.Primary != c.self {
		return fmt.Errorf("primary of %s is not the one of its configuration", c.gpid)
	}
	if c.status == Primary && c.reconfig != nil {
		return fmt.Errorf("primary of %s waits for a configuration", c.gpid)
	}
	seen := map[Node]bool{}
	for _, r := range c.primary.learners {
		if seen[r.node] || c.config.RoleOf(r.node) != Inactive {
			return fmt.Errorf("learner %s of %s twice, or a member", r.node, c.gpid)
		}
		seen[r.node] = true
		if r.prepareStart > l.committed+1 && r.prepareStart > l.last+1 {
			return fmt.Errorf("learner %s of %s starts at %d beyond %d", r.node, c.gpid, r.prepareStart, l.last)
		}
	}
	return nil
}
