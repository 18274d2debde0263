package pacifica

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// cluster is one partition on several nodes with a model of meta server, network, logs and stores.
// Everything is decided by the seed.
type cluster struct {
	rng    *rand.Rand
	nowMs  int64
	seq    int64
	queue  eventQueue
	nodes  []*node
	meta   metaModel
	faults faults
	// pipeline is Params.PipelineUpdates: 1 fills the window, more waits and batches.
	pipeline int

	truth   map[int64]string // decree -> what was applied, anywhere
	holder  map[int64]Node   // ballot -> the one node that was primary under it
	acked   []string
	issued  int
	err     error
	trace   []string
	applied int
}

type faults struct {
	dropPercent, dupPercent int
	delayMsMax              int64
	lateLogs                bool
}

// node is one server: what is on its disk, and the replica while it runs.
type node struct {
	c         *cluster
	addr      Node
	up        bool
	life      int // messages and callbacks of an earlier life are void
	core      *Core
	exists    bool // there is a directory
	ballot    int64
	log       []*Mutation // appended and synced
	logFreeMs int64       // when the log finishes what was appended so far
	store     []string    // applied content, decree i+1 at index i
	durable   int
	leaseMs   int64
	connected bool
	isolated  bool // no network at all
	tokens    map[uint64]func(Effect)
	lastToken uint64
	writes    map[uint64]string
	metaSeq   map[uint64]bool
}

type metaModel struct {
	config  Config
	beacons map[Node]int64
}

const (
	simLeaseMs = 2000
	simGraceMs = 2400
)

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

func newCluster(seed uint64, count int) *cluster {
	c := &cluster{rng: rand.New(rand.NewPCG(seed, 7)), truth: map[int64]string{}, holder: map[int64]Node{}, pipeline: 1 + int(seed%2)*7}
	c.meta.beacons = map[Node]int64{}
	c.meta.config = Config{MaxReplicaCount: 3}
	for i := range count {
		n := &node{c: c, addr: base.AddressOf(0x7F000001, uint16(34801+i))}
		c.nodes = append(c.nodes, n)
		c.start(n)
	}
	c.every(100, c.metaTick)
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

// send moves a message between two places under the network's faults.
func (c *cluster) send(from, to *node, deliver func()) {
	copies := 1
	if c.rng.IntN(100) < c.faults.dupPercent {
		copies = 2
	}
	for range copies {
		if c.rng.IntN(100) < c.faults.dropPercent {
			continue
		}
		c.at(1+c.rng.Int64N(c.faults.delayMsMax+1), func() {
			if (from == nil || !from.isolated) && (to == nil || !to.isolated) {
				deliver()
			}
		})
	}
}

func (c *cluster) find(a Node) *node {
	i := slices.IndexFunc(c.nodes, func(n *node) bool { return n.addr == a })
	if i < 0 {
		return nil
	}
	return c.nodes[i]
}

func (c *cluster) start(n *node) {
	n.up, n.connected = true, false
	n.life++
	life := n.life
	if n.exists {
		n.open()
	}
	var beat func()
	beat = func() {
		if !n.up || n.life != life {
			return
		}
		sent := c.nowMs
		c.send(n, nil, func() {
			c.meta.beacons[n.addr] = c.nowMs
			c.send(nil, n, func() {
				if n.up && n.life == life {
					n.leaseMs = max(n.leaseMs, sent+simLeaseMs)
					n.connected = true
				}
			})
		})
		c.at(300, beat)
	}
	var tick func()
	tick = func() {
		if !n.up || n.life != life {
			return
		}
		if n.connected && c.nowMs >= n.leaseMs {
			n.connected = false
			n.step(Disconnected{})
		}
		n.step(Tick{})
		c.at(50, tick)
	}
	var sync func()
	sync = func() {
		if !n.up || n.life != life {
			return
		}
		if n.connected {
			c.send(n, nil, func() {
				cfg := c.meta.config
				c.send(nil, n, func() {
					if n.up && n.life == life && n.core != nil && cfg.RoleOf(n.addr) != Inactive {
						n.step(ConfigSynced{Config: cfg})
					}
				})
			})
		}
		c.at(700, sync)
	}
	beat()
	tick()
	sync()
}

// open builds the core from what is on the disk.
func (n *node) open() {
	n.tokens, n.writes, n.metaSeq = map[uint64]func(Effect){}, map[uint64]string{}, map[uint64]bool{}
	n.store = n.store[:n.durable]
	params := Params{GroupCheckIntervalMs: 1500, CommitNoticeMs: 300, LearnRetryMs: 200, PrepareTimeoutMs: 1000, LearnerTimeoutMs: 1500, UpgradeResendMs: 500, PrepareListDecrees: 40, PipelineUpdates: n.c.pipeline}
	n.core = New(base.Gpid{AppID: 2, PartitionIndex: 1}, n.addr, params, n.ballot, int64(n.durable), int64(n.durable))
	for _, m := range slices.Clone(n.log) {
		effects, err := n.core.Replay(m)
		if err != nil {
			n.c.failf("node %s: %v", n.addr, err)
			return
		}
		for _, e := range effects {
			if a, ok := e.(Apply); ok {
				n.apply(a)
			}
		}
	}
	n.c.note("%s opened: ballot %d committed %d prepared %d", n.addr, n.core.config.Ballot, n.core.LastCommitted(), n.core.MaxDecree())
}

func (n *node) step(events ...Event) {
	if n.core == nil || n.c.err != nil {
		return
	}
	for _, e := range slices.Clone(n.core.Step(Clock{MonoMs: n.c.nowMs + 1, WallUs: n.c.nowMs * 1000}, events...)) {
		n.perform(e)
	}
	if n.core == nil {
		return
	}
	if err := n.core.Check(); err != nil {
		n.c.failf("node %s: %v", n.addr, err)
	}
	if n.core.Status() == Primary {
		b := n.core.Config().Ballot
		if h, ok := n.c.holder[b]; ok && h != n.addr {
			n.c.failf("ballot %d has two primaries: %s and %s", b, h, n.addr)
		}
		n.c.holder[b] = n.addr
	}
}

// crash drops what is not synced; the process is gone.
func (n *node) crash() {
	n.c.note("%s crashes", n.addr)
	n.up, n.connected, n.core = false, false, nil
	n.life++
	n.logFreeMs = 0
	n.leaseMs = 0
}

func content(m *Mutation) string {
	s := fmt.Sprintf("ts%d", m.TimestampUs)
	for _, u := range m.Updates {
		s += " " + string(u.Body)
	}
	return s
}

func (n *node) apply(a Apply) {
	m := a.Mutation
	if int(m.Decree) != len(n.store)+1 {
		n.c.failf("%s applies decree %d after %d", n.addr, m.Decree, len(n.store))
		return
	}
	text := content(m)
	if old, ok := n.c.truth[m.Decree]; ok && old != text {
		n.c.failf("%s applies %q at decree %d where %q was applied before", n.addr, text, m.Decree, old)
	}
	n.c.truth[m.Decree] = text
	n.store = append(n.store, text)
	n.c.applied++
	if n.c.rng.IntN(40) == 0 {
		n.durable = len(n.store)
		if n.c.rng.IntN(2) == 0 {
			n.log = slices.DeleteFunc(n.log, func(m *Mutation) bool { return int(m.Decree) <= n.durable-5 })
		}
	}
	if a.Reply && n.leaseMs > n.c.nowMs {
		for _, u := range m.Updates {
			if id, ok := n.writes[u.Token]; ok {
				delete(n.writes, u.Token)
				n.c.acked = append(n.c.acked, id)
			}
		}
	}
}
