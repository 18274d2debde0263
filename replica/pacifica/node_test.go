package pacifica

import (
	"slices"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// node is one server: what is on its disk, and the replica while it runs.
type node struct {
	c    *cluster
	name string
	addr Node
	disk disk

	up        bool
	life      int // messages and callbacks of an earlier life are void
	startMs   int64
	core      *Core
	behind    bool // the store refused a mutation that the core counts as committed
	closed    bool // the replica is on the disk but was closed
	roleMs    int64
	logQueue  []func()
	logFreeMs int64 // when the log finishes what was appended so far
	leaseMs   int64
	connected bool
	term      int   // leases that ended
	isolated  bool  // no network at all
	pausedMs  int64 // nothing runs on it until then
	lost      bool  // its disk was lost and it is not a member since
	tokens    map[uint64]func(Effect)
	lastToken uint64
	writes    map[uint64]string
	metaSeq   map[uint64]bool
	broken    broken
}

// disk survives a crash.
type disk struct {
	exists  bool // there is a directory
	ballot  int64
	log     []*Mutation // appended and synced
	store   []string    // applied content, decree i+1 at index i
	durable int         // what of the store is synced
}

// broken is what a script lets fail on a node.
type broken struct {
	log, apply, checkpoint, install, reset bool
	holdLog                                bool
}

// start boots the process of a node.
func (c *cluster) start(n *node) {
	n.up, n.connected, n.startMs = true, false, c.nowMs+1
	n.closed = false
	n.life++
	if n.disk.exists {
		n.open()
	}
	life := n.life
	alive := func() bool { return n.up && n.life == life }
	n.repeat(300, alive, n.beat)
	n.repeat(50, alive, n.tick)
	n.repeat(700, alive, n.sync)
}

// repeat runs something now and then periodically, as long as alive says so.
func (n *node) repeat(periodMs int64, alive func() bool, run func()) {
	if !alive() {
		return
	}
	run()
	n.at(n.c, periodMs, func() { n.repeat(periodMs, alive, run) })
}

func (n *node) beat() {
	c, life, sent := n.c, n.life, n.c.nowMs
	c.send("beacon", n, nil, func() {
		c.meta.beacon(n)
		c.send("beacon_ack", nil, n, func() {
			if n.up && n.life == life {
				n.checkLease()
				if !n.connected {
					n.endTerm(true)
				}
				n.leaseMs = max(n.leaseMs, sent+simLeaseMs)
				if !n.connected {
					n.connected = true
					n.sync()
				}
			}
		})
	})
}

func (n *node) tick() {
	n.checkLease()
	n.step(Tick{})
}

// checkLease puts the role down when the lease is over.
func (n *node) checkLease() {
	if n.connected && n.c.nowMs >= n.leaseMs {
		n.connected = false
		n.c.say("%s: lease is over", n)
		n.endTerm(false)
	}
}

// endTerm puts the role down; learners go on when a new lease begins.
func (n *node) endTerm(begins bool) {
	n.term++
	if n.core != nil && (!begins || n.core.Status() != Learner) {
		n.step(Disconnected{})
	}
}

// sync is config sync, as the server does it.
func (n *node) sync() {
	if !n.connected {
		return
	}
	c, life, term, sent := n.c, n.life, n.term, n.c.nowMs
	c.send("sync", n, nil, func() {
		c.meta.sync(n, func(cfg Config, known bool) {
			c.send("sync_ack", nil, n, func() {
				if n.up && n.life == life && n.term == term {
					n.onSync(cfg, known, sent)
				}
			})
		})
	})
}

func (n *node) onSync(cfg Config, known bool, sentMs int64) {
	switch {
	case known && n.core != nil:
		n.step(ConfigSynced{Config: cfg})
	case known && cfg.Primary == n.addr:
		n.resign(cfg)
	case n.core == nil || known || n.core.Status() == Learner || n.roleMs >= sentMs:
	case n.core.Status() == Inactive && sentMs-n.roleMs < 10_000:
	default:
		n.close(nil)
	}
}

// onProposal is what the server does with a proposal for a replica that may not be open.
func (n *node) onProposal(ev ProposalReceived) {
	if !n.up {
		return
	}
	if n.core == nil {
		switch {
		case ev.Type != configAssignPrimary && ev.Type != configUpgradeToPrimary:
			return
		case n.disk.exists || (ev.Type == configAssignPrimary && ev.Config.Ballot == 0):
			n.open()
		case ev.Type == configUpgradeToPrimary:
			n.resign(ev.Config)
		}
	}
	n.step(ev)
}

// resign asks once to be taken out of a configuration that this node cannot serve.
func (n *node) resign(cfg Config) {
	cfg = cfg.without(n.addr).withDropped(n.addr)
	cfg.Ballot++
	n.c.say("%s resigns from ballot %d", n, cfg.Ballot-1)
	n.c.send("update", n, nil, func() {
		n.c.meta.update(n, UpdateMeta{Type: configDowngradeToInactive, Node: n.addr, Config: cfg}, func(base.ErrorCode, Config) {})
	})
}

// open builds the core from what is on the disk.
func (n *node) open() {
	d := &n.disk
	d.exists, n.closed, n.behind = true, false, false
	n.tokens, n.writes, n.metaSeq = map[uint64]func(Effect){}, map[uint64]string{}, map[uint64]bool{}
	d.store = d.store[:d.durable]
	n.roleMs = n.c.nowMs
	n.core = New(simGpid, n.addr, n.c.params, d.ballot, int64(d.durable), int64(d.durable))
	for _, m := range slices.Clone(d.log) {
		effects, err := n.core.Replay(m)
		if err != nil {
			n.c.failf("node %s: %v", n, err)
			return
		}
		for _, e := range effects {
			if a, ok := e.(Apply); ok {
				n.apply(a)
			}
		}
	}
	n.c.say("%s opens: ballot %d committed %d prepared %d", n, n.core.config.Ballot, n.core.LastCommitted(), n.core.MaxDecree())
	n.c.checkOpened(n)
}

// serves reports whether a read would be answered.
func (n *node) serves() bool {
	return n.core != nil && n.core.ReadsAllowed() && !n.behind && n.leaseMs > n.c.nowMs
}

func (n *node) step(events ...Event) {
	if n.core == nil || n.c.err != nil {
		return
	}
	core := n.core
	before := n.c.beforeStep(n, events)
	was, ballot := core.Status(), core.Config().Ballot
	effects := slices.Clone(core.Step(Clock{MonoMs: n.c.nowMs + 1, WallUs: n.c.nowMs * 1000}, events...))
	if core.Status() != was {
		n.roleMs = n.c.nowMs
		n.lost = n.lost && core.Status() != Secondary
	}
	if core.Status() != was || core.Config().Ballot != ballot {
		n.c.say("%s: %s at ballot %d", n, roleName(core), core.Config().Ballot)
	}
	n.c.afterStep(n, before, effects)
	for _, e := range effects {
		n.perform(e)
	}
	n.c.checkAll()
}

// wipe is the loss of the disk of a node that is down.
func (n *node) wipe() {
	n.c.note("%s loses its disk", n)
	n.disk, n.lost = disk{}, true
	delete(n.c.watch.promised, n.addr) // it cannot know
}

// crash drops what is not synced; the process is gone.
func (n *node) crash() {
	n.c.note("%s crashes", n)
	n.up, n.connected, n.core = false, false, nil
	n.life++
	n.logFreeMs, n.leaseMs, n.pausedMs = 0, 0, 0
	n.logQueue = nil
}

// close ends the replica while the process goes on; callbacks of the replica are void.
func (n *node) close(err error) {
	if err != nil {
		n.c.say("%s closes: %v", n, err)
	} else {
		n.c.say("%s closes", n)
	}
	n.core, n.closed = nil, true
	n.logQueue = nil
	n.life++
	life := n.life
	alive := func() bool { return n.up && n.life == life }
	n.c.at(0, func() { n.repeat(300, alive, n.beat) })
	n.c.at(0, func() { n.repeat(50, alive, n.tick) })
	n.c.at(0, func() { n.repeat(700, alive, n.sync) })
}

func roleName(core *Core) string {
	switch core.Status() {
	case Primary:
		return "primary"
	case Secondary:
		return "secondary"
	case Learner:
		return "learner"
	case Error:
		return "error"
	}
	if core.Transient() {
		return "inactive"
	}
	return "out"
}
