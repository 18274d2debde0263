package cluster

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

var (
	simSeeds = flag.Int("sim.seeds", 40, "number of seeds of the simulation")
	simSeed  = flag.Uint64("sim.seed", 0, "run only this seed")
)

// Times of the simulation. Lease < grace, as everywhere.
const (
	simLeaseMs = 2000
	// how often a witness says that a process has ended
	simWitnessTries = 6
	simGraceMs      = 2200
	simBeatMs       = 300
)

// sim runs the core against model replica servers over a network that delays, loses and doubles
// messages, with servers and metas that crash. Replicas keep a log of writes, follow their primary
// and obey proposals, so that it shows whether an acknowledged write ever gets lost through a choice
// of the meta.
type sim struct {
	t      *testing.T
	rng    *rand.Rand
	now    int64
	queue  []simEvent
	order  int
	core   *State
	life   int // of the meta; messages to an earlier life are lost
	tree   map[base.Gpid]Config
	info   *layer2.AppInfo
	nodes  []*simNode
	acked  map[base.Gpid][]int
	writes int
	faults bool
	primes map[string]base.RPCAddress // "gpid@ballot" -> who was primary
	trace  []string

	replies    map[uint64]func(*metaadmin.ConfigurationUpdateResponse)
	lastTicket uint64
}

type simEvent struct {
	at    int64
	order int
	run   func()
}

func newSim(t *testing.T, seed uint64, partitions, nodes int) *sim {
	m := &sim{
		t: t, rng: rand.New(rand.NewPCG(seed, 1)), now: 1_000_000, tree: map[base.Gpid]Config{},
		acked: map[base.Gpid][]int{}, primes: map[string]base.RPCAddress{}, faults: true,
		info: &layer2.AppInfo{
			Status: layer2.AppStatus_AS_AVAILABLE, AppID: 1, AppName: "t", PartitionCount: int32(partitions), MaxReplicaCount: 3,
		},
	}
	for i := range partitions {
		g := base.Gpid{AppID: 1, PartitionIndex: int32(i)}
		m.tree[g] = Config{Pid: g, MaxReplicaCount: 3}
	}
	for i := range nodes {
		n := &simNode{m: m, addr: nodeAddr(fmt.Sprintf("n%d", i+1)), disk: map[base.Gpid]*simReplica{}}
		m.nodes = append(m.nodes, n)
		n.boot()
	}
	m.startMeta()
	return m
}

func (m *sim) logf(format string, args ...any) {
	m.trace = append(m.trace, fmt.Sprintf("%d ", m.now)+fmt.Sprintf(format, args...))
	if len(m.trace) > 400 {
		m.trace = m.trace[100:]
	}
}

func (m *sim) failf(format string, args ...any) {
	for _, l := range m.trace {
		m.t.Log(l)
	}
	m.t.Fatalf(format, args...)
}

func (m *sim) after(ms int64, f func()) {
	m.order++
	m.queue = append(m.queue, simEvent{at: m.now + ms, order: m.order, run: f})
}

// send delivers a message: sometimes never, sometimes twice, never in order.
func (m *sim) send(f func()) {
	if m.faults && m.rng.IntN(100) < 8 {
		return
	}
	m.after(1+m.rng.Int64N(40), f)
	if m.faults && m.rng.IntN(100) < 5 {
		m.after(1+m.rng.Int64N(900), f)
	}
}

// step runs the earliest event.
func (m *sim) step() {
	best := 0
	for i, e := range m.queue {
		if b := m.queue[best]; e.at < b.at || e.at == b.at && e.order < b.order {
			best = i
		}
	}
	e := m.queue[best]
	m.queue = slices.Delete(m.queue, best, best+1)
	m.now = max(m.now, e.at)
	e.run()
	if err := m.core.Check(); err != nil {
		m.failf("%v", err)
	}
}

func (m *sim) runUntil(end int64) {
	for m.now < end {
		m.step()
	}
}

func (m *sim) startMeta() {
	o := DefaultOptions()
	o.FDGraceMs, o.FDSuspectMs = simGraceMs, 2*simBeatMs
	o.MinLiveNodesForUnfreeze, o.LivePercentage, o.UnstableRestartsMax = 1, 0, 0
	o.AssignDelayMs = 20_000
	o.PatienceMs = 3_000
	m.core = New(o)
	m.life++
	m.logf("meta life %d", m.life)
	life, loading := m.life, int64(0)
	if m.faults && m.rng.IntN(2) == 0 {
		loading = m.rng.Int64N(3 * simGraceMs)
	}
	m.after(loading, func() { m.load(life) })
}

// load ends the time in which a meta takes nothing but beacons.
func (m *sim) load(life int) {
	if life != m.life {
		return
	}
	app := LoadedApp{Info: cloneInfo(m.info)}
	for i := range m.info.PartitionCount {
		c := m.tree[base.Gpid{AppID: 1, PartitionIndex: i}].clone()
		app.Partitions = append(app.Partitions, &c)
	}
	if err := m.core.Load(m.now, []LoadedApp{app}); err != nil {
		m.failf("%v", err)
	}
	m.logf("meta life %d has loaded", m.life)
	m.settle()
	m.tick(m.life)
}

func (m *sim) tick(life int) {
	if life != m.life {
		return
	}
	m.core.Tick(m.now)
	m.settle()
	m.after(100, func() { m.tick(life) })
}

// ask hands a request to the meta of this moment, which is lost while that loads its state.
func (m *sim) ask(f func(s *State)) {
	if m.core.loaded {
		f(m.core)
		m.settle()
	}
}

func (m *sim) settle() {
	life := m.life
	for _, e := range m.core.Take() {
		switch e := e.(type) {
		case PersistPartition:
			m.after(1+m.rng.Int64N(30), func() {
				if life != m.life && m.rng.IntN(2) == 0 || m.tree[e.Config.Pid].Ballot > e.Config.Ballot {
					return // the write of a meta that is gone, and that did not make it
				}
				if life != m.life {
					return // fenced: a later leader has read the tree
				}
				m.persist(e.Config)
				m.core.PartitionPersisted(m.now, e.Config.Pid)
				m.settle()
			})
		case Propose:
			if n := m.node(e.To); n != nil {
				req := e.Request
				m.send(func() { n.onProposal(req) })
			}
		case Reply:
			if f := m.replies[e.Ticket.ID]; f != nil {
				delete(m.replies, e.Ticket.ID)
				if r, ok := e.Response.(*metaadmin.ConfigurationUpdateResponse); ok {
					m.send(func() { f(r) })
				}
			}
		case Note:
			m.logf("meta: %s", e.Text)
		}
	}
}

// persist checks how the durable configuration moves.
func (m *sim) persist(c Config) {
	old := m.tree[c.Pid]
	if c.Ballot != old.Ballot+1 && !(c.Ballot == 0 && old.Ballot == 0) {
		m.failf("%s: ballot %d after %d", c.Pid, c.Ballot, old.Ballot)
	}
	if c.Primary.IsValid() {
		key := fmt.Sprintf("%s@%d", c.Pid, c.Ballot)
		if p, ok := m.primes[key]; ok && p != c.Primary {
			m.failf("%s: two primaries", key)
		}
		m.primes[key] = c.Primary
	}
	if n := m.node(old.Primary); n != nil && c.Primary != old.Primary && n.leads(c.Pid) {
		m.failf("%s: replaced, and may still answer as primary of %s", nodeName(n.addr), c.Pid)
	}
	m.tree[c.Pid] = c.clone()
	m.logf("tree: %s", show(&c))
}

func (m *sim) node(a base.RPCAddress) *simNode {
	for _, n := range m.nodes {
		if n.addr == a {
			return n
		}
	}
	return nil
}

// disturb does one random thing.
func (m *sim) disturb() {
	n := m.nodes[m.rng.IntN(len(m.nodes))]
	switch r := m.rng.IntN(1000); {
	case r < 600:
		m.write()
	case r < 630:
		if n.up && m.faults {
			n.crash()
		} else if !n.up && m.rng.IntN(3) > 0 {
			n.boot()
		}
	case r < 633:
		if m.faults {
			m.startMeta()
		}
	case r < 643:
		if m.faults && n.up && n.mutedUntil < m.now {
			n.mutedUntil = m.now + m.rng.Int64N(2*simGraceMs) // its messages to and from the meta are lost
		}
	case r < 660:
		if m.faults {
			m.operator()
		}
	}
	m.after(1+m.rng.Int64N(60), m.disturb)
}

// operator moves a primary or adds a replica by hand, sensibly or not.
func (m *sim) operator() {
	g := base.Gpid{AppID: 1, PartitionIndex: m.rng.Int32N(m.info.PartitionCount)}
	pick := func() base.RPCAddress { return m.nodes[m.rng.IntN(len(m.nodes))].addr }
	c := m.tree[g]
	a, b := c.Primary, pick()
	plans := [][]Action{
		{{a, a, metaadmin.ConfigType_CT_DOWNGRADE_TO_SECONDARY}, {b, b, metaadmin.ConfigType_CT_UPGRADE_TO_PRIMARY}},
		{{a, b, metaadmin.ConfigType_CT_ADD_SECONDARY_FOR_LB}, {a, pick(), metaadmin.ConfigType_CT_DOWNGRADE_TO_INACTIVE}},
		{{a, b, metaadmin.ConfigType_CT_DOWNGRADE_TO_INACTIVE}},
	}
	plan := plans[m.rng.IntN(len(plans))]
	m.ask(func(s *State) { s.Propose(m.now, &metaadmin.ConfigurationBalancerRequest{Gpid: g.Ptr()}, plan) })
}

// TestAcknowledgedWritesSurviveEveryChoice is the simulation: after a storm of faults, and a calm in
// which everything must heal, each partition has all its members and each of them every acknowledged
// write.
func TestAcknowledgedWritesSurviveEveryChoice(t *testing.T) {
	seeds := []uint64{*simSeed}
	if *simSeed == 0 {
		seeds = nil
		for i := range *simSeeds {
			seeds = append(seeds, uint64(i+1))
		}
	}
	acked, changes := 0, int64(0)
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			m := newSim(t, seed, 4, 5)
			m.after(1000, m.disturb)
			m.runUntil(m.now + 90_000)
			m.faults = false
			for _, n := range m.nodes {
				n.mutedUntil = 0
				if !n.up {
					n.boot()
				}
			}
			m.runUntil(m.now + 60_000)
			m.final()
			for _, a := range m.acked {
				acked += len(a)
			}
			for _, c := range m.tree {
				changes += c.Ballot
			}
		})
	}
	t.Logf("%d acknowledged writes, %d changes of configuration", acked, changes)
}

func (m *sim) final() {
	for i := range m.info.PartitionCount {
		g := base.Gpid{AppID: 1, PartitionIndex: i}
		c := m.tree[g]
		if !c.Primary.IsValid() || len(c.Secondaries) != 2 {
			m.failf("not healed: %s", show(&c))
		}
		for _, a := range append([]base.RPCAddress{c.Primary}, c.Secondaries...) {
			m.mustHaveAcked(g, m.node(a), "member")
		}
		if len(m.acked[g]) == 0 {
			m.failf("%s: nothing was ever acknowledged", g)
		}
	}
}

func (m *sim) mustHaveAcked(g base.Gpid, n *simNode, as string) {
	r := n.disk[g]
	for _, id := range m.acked[g] {
		if r == nil || !slices.Contains(r.log, id) {
			m.failf("%s: %s %s lacks acknowledged write %d", g, as, nodeName(n.addr), id)
		}
	}
}
