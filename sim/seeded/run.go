package seeded

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/rrdb"
)

// Result is what a run saw.
type Result struct {
	Seed       uint64
	Hash       string        // of everything that happened; the same for the same seed
	Simulated  time.Duration // true time of the run
	Operations int           // of clients
	Checked    int           // operations in histories that the checker went through
	Messages   int
	Faults     map[string]int // injected, by kind
	Outcomes   map[string]int // of operations
	Applied    int64          // mutations, over all replicas
	Trace      string         // its end, for people
}

// Run is one run from one seed: boot, work under faults, then heal and become whole.
func Run(seed uint64, opts Options) (Result, error) {
	opts.setDefaults()
	trace := &Trace{Out: opts.Trace}
	w := newWorld(seed, trace)
	c := newCluster(w, opts)
	c.start()
	w.run(time.Minute, c.whole)
	w.now = max(w.now, time.Second)
	err := w.fault
	if err == nil && !c.whole() {
		err = errors.New("the cluster did not become whole in its first minute")
	}
	if err == nil {
		err = c.safety()
	}
	if err == nil {
		err = c.liveness()
	}
	if err == nil {
		err = c.final()
	}
	c.shutdown()
	if err == nil {
		err = w.fault
	}
	res := Result{
		Seed: seed, Hash: trace.Hash(), Simulated: w.now, Messages: c.net.stats.sent, Faults: c.faults, Outcomes: c.outcomes,
		Applied: c.checks.count.applied, Trace: trace.Tail(),
	}
	for _, n := range c.outcomes {
		res.Operations += n
	}
	if err == nil {
		res.Checked, err = c.history.check()
	}
	return res, err
}

// safety is the phase with faults.
func (c *cluster) safety() error {
	end := c.w.now + c.opts.Duration
	n := newNemesis(c)
	n.start(end)
	c.sweepEvery(10*time.Second, end)
	c.w.run(end, nil)
	return c.w.fault
}

func (c *cluster) sweepEvery(d, end time.Duration) {
	c.w.at(d, nil, func() {
		c.checks.sweep()
		if c.w.now < end {
			c.sweepEvery(d, end)
		}
	})
}

// wholeWithin is how long a cluster without faults may take until every partition has all members. A
// server that is thought to come back may be waited for.
const wholeWithin = 15 * time.Minute

// liveness heals everything and waits until the cluster is whole: 31.
func (c *cluster) liveness() error {
	c.note("world", "the faults stop")
	c.heal()
	c.w.run(c.w.now+wholeWithin, c.whole)
	if c.w.fault == nil && !c.whole() {
		return fmt.Errorf("invariant 31: %v after the faults stopped, not all partitions are whole:\n%s", wholeWithin, c.describe())
	}
	return c.w.fault
}

// whole reports whether every partition has all its members, alive and serving.
func (c *cluster) whole() bool {
	parts := c.state.partitions()
	for _, p := range parts {
		if !p.hasPrimary() || len(p.members()) < p.MaxReplicaCount {
			return false
		}
		for i, name := range p.members() {
			m := c.machineNamed(name)
			if m == nil || !m.up {
				return false
			}
			st, open := c.checks.states[m.index][p.gpid]
			if !open || st.Ballot != p.Ballot || (i == 0) != (st.Status == primaryStatus) {
				return false
			}
		}
	}
	return len(parts) >= mainPartitions
}

func (c *cluster) machineNamed(address string) *machine {
	for _, m := range c.replicas {
		if m.addr().String() == address {
			return m
		}
	}
	return nil
}

func (c *cluster) describe() (s string) {
	for _, p := range c.state.partitions() {
		s += fmt.Sprintf("%v: ballot %d primary %s secondaries %v\n", p.gpid, p.Ballot, p.Primary, p.Secondaries)
		for _, m := range c.replicas {
			if st, open := c.checks.states[m.index][p.gpid]; open {
				s += fmt.Sprintf("    %s (%s, up %v): %v ballot %d committed %d prepared %d\n", m.name, m.addr(), m.up, st.Status, st.Ballot, st.Committed, st.Prepared)
			}
		}
	}
	return s
}

// final: clients can work, then they stop, and members of a partition are equal.
func (c *cluster) final() error {
	before := c.outcomes["ok"]
	c.w.run(c.w.now+2*time.Minute, func() bool { return c.outcomes["ok"] > before+20*c.opts.Clients })
	if c.outcomes["ok"] <= before+20*c.opts.Clients {
		return fmt.Errorf("invariant 31: clients cannot work on a whole cluster: %v", c.outcomes)
	}
	for _, cl := range c.clients {
		cl.stop = true
	}
	c.w.run(c.w.now+2*time.Minute, func() bool {
		for _, cl := range c.clients {
			if !cl.stopped {
				return false
			}
		}
		return true
	})
	c.w.run(c.w.now+30*time.Second, nil) // secondaries hear what was committed
	if c.w.fault != nil {
		return c.w.fault
	}
	c.checks.sweep()
	for _, p := range c.state.partitions() {
		if err := c.equal(p); err != nil {
			return err
		}
	}
	for _, m := range c.replicas {
		if m.up && !c.expectsRole(m) && m.replica.WriteBytesWaiting() != 0 {
			return fmt.Errorf("invariant 30: %s counts %d bytes of writes at rest", m.name, m.replica.WriteBytesWaiting())
		}
	}
	return c.w.fault
}

// expectsRole reports whether a replica of a server waits for a role that it had before its lease
// ended: what it had prepared may still be answered then, and is let go when the replica is closed.
func (c *cluster) expectsRole(m *machine) bool {
	for _, st := range c.checks.states[m.index] {
		if st.Status == pacifica.Inactive {
			return true
		}
	}
	return false
}

// equal compares the members of a partition row by row.
func (c *cluster) equal(p partition) error {
	var first rrdb.Digest
	for i, name := range p.members() {
		m := c.machineNamed(name)
		if m == nil || !m.up {
			return fmt.Errorf("%v: member %s is not there", p.gpid, name)
		}
		d, err := m.replica.Digest(context.Background(), p.gpid)
		switch {
		case err != nil:
			return fmt.Errorf("digest of %v at %s: %w", p.gpid, m.name, err)
		case i == 0:
			first = d
		case d != first:
			return fmt.Errorf("members of %v differ at rest: %s has %+v, its primary %+v", p.gpid, m.name, d, first)
		}
	}
	return nil
}

// shutdown ends all servers, so that a run leaves nothing behind.
func (c *cluster) shutdown() {
	fault := c.w.fault
	c.w.fault = nil
	for _, m := range append(append([]*machine{}, c.replicas...), c.metas...) {
		if m.node != nil {
			c.kill(m, keepAll)
		}
	}
	if fault != nil {
		c.w.fault = fault
	}
}
