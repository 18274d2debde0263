package pacifica

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// cluster is one partition on several nodes: real replica cores with a model of network, logs and
// stores, and a meta server that is a model or the real core. Chance, decided by the seed, or a
// script says what goes wrong.
type cluster struct {
	rng    *rand.Rand
	nowMs  int64
	seq    int64
	queue  eventQueue
	nodes  []*node
	meta   metaHost
	params Params
	faults faults
	cut    map[link]bool // one-way links that carry nothing
	script *script       // nil: chance decides

	watch   watch
	acked   []string
	issued  int
	err     error
	trace   []string
	applied int
}

// metaHost is the meta server of a cluster.
type metaHost interface {
	config() Config // what is stored
	beacon(n *node)
	update(n *node, e UpdateMeta, done func(base.ErrorCode, Config))
	sync(n *node, done func(cfg Config, known bool))
	tick()
}

type faults struct {
	dropPercent, dupPercent int
	delayMsMax              int64
	lateLogs                bool
}

const (
	simLeaseMs = 2000
	simGraceMs = 2400
)

var simGpid = base.Gpid{AppID: 2}

type simEvent struct {
	at, seq int64
	run     func()
}
type eventQueue []simEvent

func (q eventQueue) Len() int { return len(q) }
func (q eventQueue) Less(i, j int) bool {
	if q[i].at != q[j].at {
		return q[i].at < q[j].at
	}
	return q[i].seq < q[j].seq
}
func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *eventQueue) Push(x any)   { *q = append(*q, x.(simEvent)) }
func (q *eventQueue) Pop() any {
	old := *q
	e := old[len(old)-1]
	*q = old[:len(old)-1]
	return e
}

// newCluster returns a running cluster whose faults come by chance.
func newCluster(seed uint64, count int) *cluster {
	c := emptyCluster(count)
	c.rng = rand.New(rand.NewPCG(seed, 7))
	c.params.PipelineUpdates = 1 + int(seed%2)*7
	c.params.WindowDecrees = []int64{20, 5, 2}[seed/4%3]
	c.params.PrepareListDecrees = 2 * c.params.WindowDecrees
	if seed/2%2 == 0 {
		c.meta = &metaModel{c: c, beacons: map[Node]int64{}, stored: Config{MaxReplicaCount: 3}}
	} else {
		m := newRealMeta(c, 3)
		if seed/12%4 == 0 {
			c.params.MinMembers, m.opts.WriteMinReplicas = 1, 1
			m.start()
		}
		c.meta = m
	}
	for _, n := range c.nodes {
		c.start(n)
	}
	c.every(100, c.meta.tick)
	return c
}

// emptyCluster has nodes that are not started yet, and no meta server.
func emptyCluster(count int) *cluster {
	c := &cluster{watch: newWatch(), cut: map[link]bool{}}
	c.params = Params{
		GroupCheckIntervalMs: 1500, CommitNoticeMs: 300, LearnRetryMs: 200, PrepareTimeoutMs: 1000, LearnerTimeoutMs: 1500, UpgradeResendMs: 500,
	}
	for i := range count {
		c.nodes = append(c.nodes, &node{c: c, name: fmt.Sprintf("r%d", i+1), addr: base.AddressOf(0x7F000001, uint16(34801+i))})
	}
	return c
}

func (c *cluster) at(delayMs int64, run func()) {
	c.seq++
	heap.Push(&c.queue, simEvent{at: c.nowMs + delayMs, seq: c.seq, run: run})
}

func (c *cluster) every(periodMs int64, run func()) {
	c.at(periodMs, func() { run(); c.every(periodMs, run) })
}

func (c *cluster) note(format string, args ...any) {
	if len(c.trace) < 20_000 {
		c.trace = append(c.trace, fmt.Sprintf("%6d ", c.nowMs)+fmt.Sprintf(format, args...))
	}
}

// say is a note that a script shows.
func (c *cluster) say(format string, args ...any) {
	c.note(format, args...)
	if c.script != nil {
		fmt.Fprintf(&c.script.out, format+"\n", args...)
	}
}

func (c *cluster) failf(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("at %d ms: %s", c.nowMs, fmt.Sprintf(format, args...))
		c.note("FAILED %v", c.err)
	}
}

// run lets virtual time pass.
func (c *cluster) run(ms int64) {
	end := c.nowMs + ms
	for c.err == nil && len(c.queue) > 0 && c.queue[0].at <= end {
		e := heap.Pop(&c.queue).(simEvent)
		c.nowMs = max(c.nowMs, e.at)
		e.run()
	}
	c.nowMs = end
}

// link is a direction between two places; nil is the meta server.
type link struct{ from, to *node }

// at runs something on a node after a delay, and later if the node is paused then.
func (n *node) at(c *cluster, delayMs int64, run func()) {
	c.at(delayMs, func() {
		if n != nil && n.pausedMs > c.nowMs {
			n.at(c, n.pausedMs-c.nowMs, run)
			return
		}
		run()
	})
}

// message is on its way between two places; nil is the meta server.
type message struct {
	kind     string
	from, to *node
	deliver  func()
}

func (n *node) String() string {
	if n == nil {
		return "meta"
	}
	return n.name
}

// send moves a message under the network's faults.
func (c *cluster) send(kind string, from, to *node, deliver func()) {
	m := message{kind, from, to, deliver}
	if c.script != nil {
		c.script.carry(m)
		return
	}
	copies := 1
	if c.rng.IntN(100) < c.faults.dupPercent {
		copies = 2
	}
	for range copies {
		if c.rng.IntN(100) < c.faults.dropPercent {
			continue
		}
		c.carryAfter(1+c.rng.Int64N(c.faults.delayMsMax+1), m)
	}
}

func (c *cluster) carryAfter(ms int64, m message) {
	m.to.at(c, ms, func() {
		cut := (m.from != nil && m.from.isolated) || (m.to != nil && m.to.isolated) || c.cut[link{m.from, m.to}]
		if real, ok := c.meta.(*realMeta); ok && m.to == nil && real.down {
			cut = true
		}
		if !cut {
			m.deliver()
		}
	})
}

// chance is true in one of n cases, and never in a script.
func (c *cluster) chance(n int) bool { return c.script == nil && c.rng.IntN(n) == 0 }

// within is a delay below ms; none in a script.
func (c *cluster) within(ms int64) int64 {
	if c.script != nil {
		return 0
	}
	return c.rng.Int64N(ms)
}

func (c *cluster) find(a Node) *node {
	i := slices.IndexFunc(c.nodes, func(n *node) bool { return n.addr == a })
	if i < 0 {
		return nil
	}
	return c.nodes[i]
}

// nameOf is how a node is written in scripts and traces.
func (c *cluster) nameOf(a Node) string {
	if n := c.find(a); n != nil {
		return n.name
	}
	return "-"
}

func (c *cluster) namesOf(list []Node) string {
	var out []string
	for _, a := range list {
		out = append(out, c.nameOf(a))
	}
	return fmt.Sprint(out)
}
