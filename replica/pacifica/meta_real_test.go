package pacifica

import (
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/gen-go/metadata"
	metacore "github.com/pegasus-go/pegasus/meta/cluster"
)

// realMeta is the core of the meta server, with the little of a host that it needs: a store that
// outlives it, and answers that find their way back.
type realMeta struct {
	c      *cluster
	s      *metacore.State
	opts   metacore.Options
	tree   Config // what the store has
	down   bool
	life   int
	hold   bool // the store is slow: writes wait
	held   []metacore.Effect
	ticket uint64
	wait   map[uint64]func(base.ErrorCode, Config)
}

func newRealMeta(c *cluster, replicas int32) *realMeta {
	o := metacore.DefaultOptions()
	o.FDGraceMs, o.FDSuspectMs = simGraceMs, 700
	o.MinLiveNodesForUnfreeze, o.LivePercentage, o.UnstableRestartsMax = 1, 0, 0
	o.AssignDelayMs, o.PatienceMs, o.SettleMs = 4000, 1000, 100
	o.ResendMs, o.ResendAddMs = 500, 1500
	m := &realMeta{c: c, opts: o, tree: Config{MaxReplicaCount: replicas}}
	m.start()
	return m
}

// start makes a new leader from the store.
func (m *realMeta) start() {
	m.s, m.down, m.held, m.wait = metacore.New(m.opts), false, nil, map[uint64]func(base.ErrorCode, Config){}
	m.life++
	info := &layer2.AppInfo{
		Status: layer2.AppStatus_AS_AVAILABLE, AppType: "pegasus", AppID: simGpid.AppID, AppName: "t", PartitionCount: 1,
		MaxReplicaCount: m.tree.MaxReplicaCount, InitPartitionCount: -1,
	}
	stored := m.toMeta(m.tree)
	app := metacore.LoadedApp{Info: info, Partitions: []*metacore.Config{&stored}}
	if err := m.s.Load(m.now(), []metacore.LoadedApp{app}); err != nil {
		m.c.failf("meta: %v", err)
	}
	m.settle()
}

func (m *realMeta) now() int64 { return m.c.nowMs + 1_000_000 }

func (m *realMeta) config() Config { return m.tree }

func (m *realMeta) toMeta(c Config) metacore.Config {
	return metacore.Config{
		Pid: simGpid, Ballot: c.Ballot, MaxReplicaCount: c.MaxReplicaCount, Primary: c.Primary, Secondaries: c.Secondaries, LastDrops: c.LastDrops,
	}
}

func fromMeta(c metacore.Config) Config {
	return Config{Ballot: c.Ballot, MaxReplicaCount: c.MaxReplicaCount, Primary: c.Primary, Secondaries: c.Secondaries, LastDrops: c.LastDrops}
}

func (m *realMeta) beacon(n *node) {
	m.s.OnBeacon(m.now(), metacore.Beacon{From: n.addr, StartMs: n.startMs})
	m.settle()
}

func (m *realMeta) update(n *node, e UpdateMeta, done func(base.ErrorCode, Config)) {
	want := m.toMeta(e.Config)
	if n.core != nil {
		want.LastCommittedDecree = n.core.LastCommitted()
	}
	m.ticket++
	m.wait[m.ticket] = done
	m.s.UpdateConfiguration(m.now(), metacore.Ticket{ID: m.ticket}, &metaadmin.ConfigurationUpdateRequest{Type: e.Type}, want, e.Node)
	m.settle()
}

func (m *realMeta) sync(n *node, done func(Config, bool)) {
	stored := []*metadata.ReplicaInfo{}
	if r := n.info(); r != nil {
		stored = append(stored, r)
	}
	resp := m.s.ConfigSync(m.now(), n.addr, stored, false)
	m.settle()
	if resp.Err.Val() != base.ErrOK {
		m.c.say("meta answers the sync of %s: %s", n, resp.Err)
		return
	}
	if len(resp.Partitions) == 0 {
		done(Config{}, false)
		return
	}
	done(fromMeta(metacore.FromWire(resp.Partitions[0].Config, nil)), true)
}

// info is what a server reports of its replica, closed or not.
func (n *node) info() *metadata.ReplicaInfo {
	if !n.disk.exists {
		return nil
	}
	r := metadata.NewReplicaInfo()
	r.Pid, r.Status = simGpid.Ptr(), Inactive
	if n.core != nil {
		r.Status, r.Ballot = n.core.Status(), n.core.Config().Ballot
		r.LastCommittedDecree, r.LastPreparedDecree = n.core.LastCommitted(), n.core.LastPrepared()
		return r
	}
	r.Ballot, r.LastCommittedDecree, r.LastPreparedDecree = n.disk.ballot, int64(len(n.disk.store)), n.disk.recoverable()
	return r
}

func (m *realMeta) tick() {
	if !m.down {
		m.s.Tick(m.now())
		m.settle()
	}
}

// settle carries out what the core wants.
func (m *realMeta) settle() {
	for effects := m.s.Take(); len(effects) > 0; effects = m.s.Take() {
		for _, e := range effects {
			m.perform(e)
		}
	}
	if err := m.s.Check(); err != nil {
		m.c.failf("meta: %v", err)
	}
}

func (m *realMeta) perform(e metacore.Effect) {
	switch e := e.(type) {
	case metacore.PersistPartition:
		if m.hold {
			m.held = append(m.held, e)
			return
		}
		life := m.life
		m.c.at(m.c.within(30), func() {
			if m.life == life && !m.down {
				m.persist(e)
			}
		})
	case metacore.PersistApp:
		m.s.AppPersisted(m.now(), e.Info.AppID)
	case metacore.Propose:
		req, to := e.Request, m.c.find(e.To)
		cfg, node := fromMeta(metacore.FromWire(req.Config, nil)), req.Node.Val()
		if to == nil {
			return
		}
		m.c.say("meta proposes to %s: %s %s at ballot %d", to, typeName(req.Type), m.c.nameOf(node), cfg.Ballot)
		m.c.send("proposal", nil, to, func() { to.onProposal(ProposalReceived{Type: req.Type, Node: node, Config: cfg}) })
	case metacore.Reply:
		done := m.wait[e.Ticket.ID]
		delete(m.wait, e.Ticket.ID)
		if r, ok := e.Response.(*metaadmin.ConfigurationUpdateResponse); ok && done != nil {
			// The host asks again after any other answer.
			if code := r.Err.Val(); code == base.ErrOK || code == base.ErrInvalidVersion {
				done(code, fromMeta(metacore.FromWire(r.Config, nil)))
			}
		}
	case metacore.Note:
		m.c.note("meta: %s", e.Text)
	}
}

func (m *realMeta) persist(e metacore.PersistPartition) {
	cfg := fromMeta(e.Config)
	m.c.checkStored(m.tree, cfg)
	m.tree = cfg
	m.s.PartitionPersisted(m.now(), e.Config.Pid)
	m.settle()
}

// resume starts the meta server if it is down and lets its store catch up.
func (m *realMeta) resume() {
	if m.down {
		m.start()
	}
	held := m.held
	m.hold, m.held = false, nil
	for _, e := range held {
		m.perform(e)
	}
}

// stop ends the leader; requests it has not answered get no answer.
func (m *realMeta) stop() {
	m.down, m.held = true, nil
	clear(m.wait)
}
