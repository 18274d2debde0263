package pacifica

import (
	"github.com/pegasus-go/pegasus/gen-go/base"
)

// metaModel is a small meta server that decides by chance among what is safe.
type metaModel struct {
	c       *cluster
	stored  Config
	beacons map[Node]int64
}

func (m *metaModel) config() Config { return m.stored }

func (m *metaModel) beacon(n *node) { m.beacons[n.addr] = m.c.nowMs }

// update is the meta server's rule: one ballot more than stored, or the stored configuration.
func (m *metaModel) update(_ *node, e UpdateMeta, done func(base.ErrorCode, Config)) {
	if e.Config.Ballot != m.stored.Ballot+1 {
		done(base.ErrInvalidVersion, m.stored)
		return
	}
	m.store(e.Config)
	done(base.ErrOK, m.stored)
}

func (m *metaModel) store(cfg Config) {
	cfg.MaxReplicaCount = m.stored.MaxReplicaCount // not the replicas' to say
	m.c.checkStored(m.stored, cfg)
	m.stored = cfg
}

func (m *metaModel) sync(n *node, done func(Config, bool)) {
	done(m.stored, m.stored.RoleOf(n.addr) != Inactive)
}

func (m *metaModel) alive(n Node) bool {
	t, ok := m.beacons[n]
	return ok && m.c.nowMs-t <= simGraceMs
}

func (m *metaModel) propose(to Node, typ ConfigType, node Node) {
	cfg, n := m.stored, m.c.find(to)
	m.c.send("proposal", nil, n, func() { n.onProposal(ProposalReceived{Type: typ, Node: node, Config: cfg}) })
}

// tick is a small partition guardian.
func (m *metaModel) tick() {
	if p := m.stored.Primary; p.IsValid() && !m.alive(p) {
		cfg := m.stored.without(p).withDropped(p)
		cfg.Ballot++
		m.store(cfg)
	}
	rng := m.c.rng
	switch {
	case m.stored.Primary.IsValid():
		if m.stored.Members() >= 3 {
			return
		}
		for _, n := range m.c.nodes {
			if m.stored.RoleOf(n.addr) == Inactive && m.alive(n.addr) && rng.IntN(3) == 0 {
				m.propose(m.stored.Primary, configAddSecondary, n.addr)
				return
			}
		}
	case len(m.stored.Secondaries) > 0:
		for _, s := range m.stored.Secondaries {
			if m.alive(s) && rng.IntN(2) == 0 {
				m.propose(s, configUpgradeToPrimary, s)
				return
			}
		}
	case m.stored.Ballot == 0:
		if n := m.c.nodes[0]; m.alive(n.addr) {
			m.propose(n.addr, configAssignPrimary, n.addr)
		}
	default:
		// Everybody is gone: only the last one to go surely has everything.
		last := m.stored.LastDrops[len(m.stored.LastDrops)-1]
		if m.alive(last) {
			m.propose(last, configAssignPrimary, last)
		}
	}
}
