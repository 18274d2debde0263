package cluster

import (
	"slices"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/gen-go/metadata"
)

// simNode is a model replica server.
type simNode struct {
	m          *sim
	addr       base.RPCAddress
	up         bool
	life       int
	startMs    int64
	leaseEnd   int64
	connected  bool
	synced     bool // since this life began
	mutedUntil int64
	disk       map[base.Gpid]*simReplica
}

type simRole int

const (
	roleInactive simRole = iota
	rolePrimary
	roleSecondary
)

// simReplica is what a server has of a partition. log, ballot and committed survive a crash.
type simReplica struct {
	log       []int
	ballot    int64
	committed int // length of the log known to be committed
	role      simRole
	config    Config
	asking    *Config // change under way at the meta
}

func (n *simNode) boot() {
	n.up, n.connected, n.synced, n.leaseEnd = true, false, false, 0
	n.life++
	n.startMs = n.m.now
	for _, r := range n.disk {
		r.role, r.asking = roleInactive, nil
	}
	n.m.logf("%s boots", nodeName(n.addr))
	life := n.life
	n.m.after(1+n.m.rng.Int64N(50), func() { n.beat(life) })
}

func (n *simNode) crash() {
	n.up = false
	n.life++
	n.m.logf("%s crashes", nodeName(n.addr))
	if n.m.rng.IntN(2) == 0 {
		n.witness(n.startMs, simWitnessTries)
	}
}

// witness tells the meta of the end of a process, as late as it may be and as often as it takes. Beacons of the process
// may arrive later, and its successor may be at work.
func (n *simNode) witness(startMs int64, tries int) {
	n.m.send(func() {
		known := false
		n.m.ask(func(s *State) { known = s.OnDeath(n.m.now, n.addr, startMs) })
		if !known && tries > 1 {
			n.m.after(simBeatMs/2, func() { n.witness(startMs, tries-1) })
		}
	})
}

// leads reports whether the server may answer as primary of a partition.
func (n *simNode) leads(g base.Gpid) bool {
	r := n.disk[g]
	return n.up && n.connected && n.m.now < n.leaseEnd && r != nil && r.role == rolePrimary
}

func (n *simNode) muted() bool { return n.m.now < n.mutedUntil }

// toMeta sends a request and lets the answer come back, each of which may be lost.
func (n *simNode) toMeta(f func(s *State)) {
	if n.muted() {
		return
	}
	n.m.send(func() { n.m.ask(f) })
}

func (n *simNode) toNode(f func()) {
	life := n.life
	if n.muted() {
		return
	}
	n.m.send(func() {
		if n.up && n.life == life {
			f()
		}
	})
}

func (n *simNode) beat(life int) {
	if n.life != life {
		return
	}
	if n.connected && n.m.now+100 > n.leaseEnd {
		n.disconnect()
	}
	sent, start := n.m.now, n.startMs
	if !n.muted() {
		n.m.send(func() {
			if !n.m.core.OnBeacon(n.m.now, Beacon{From: n.addr, StartMs: start}).Ignore {
				n.toNode(func() { n.onAck(life, sent) })
			}
			n.m.settle()
		})
	}
	n.m.after(simBeatMs, func() { n.beat(life) })
}

func (n *simNode) onAck(life int, sent int64) {
	if n.life != life || n.m.now > sent+simLeaseMs {
		return
	}
	n.leaseEnd = max(n.leaseEnd, sent+simLeaseMs)
	if !n.connected {
		n.sync()
	} else if n.m.rng.IntN(20) == 0 {
		n.sync()
	}
}

func (n *simNode) disconnect() {
	n.connected = false
	for _, r := range n.disk {
		r.role, r.asking = roleInactive, nil
	}
	n.m.logf("%s loses its lease", nodeName(n.addr))
}

func (n *simNode) sync() {
	var stored []*metadata.ReplicaInfo
	for i := range n.m.info.PartitionCount {
		g := base.Gpid{AppID: 1, PartitionIndex: i}
		if r := n.disk[g]; r != nil {
			stored = append(stored, &metadata.ReplicaInfo{
				Pid: g.Ptr(), Ballot: r.ballot, Status: metadata.PartitionStatus_PS_INACTIVE,
				LastCommittedDecree: int64(r.committed), LastPreparedDecree: int64(len(r.log)),
			})
		}
	}
	if stored == nil {
		stored = []*metadata.ReplicaInfo{}
	}
	n.toMeta(func(s *State) {
		resp := s.ConfigSync(n.m.now, n.addr, stored, false)
		n.toNode(func() { n.onSync(resp) })
	})
}

func (n *simNode) onSync(resp *metaadmin.ConfigurationQueryByNodeResponse) {
	if resp.Err.Val() != base.ErrOK || n.m.now >= n.leaseEnd {
		return
	}
	first := !n.synced
	n.connected, n.synced = true, true
	for _, p := range resp.Partitions {
		c := FromWire(p.Config, nil)
		r := n.disk[c.Pid]
		switch {
		case r == nil:
			if c.Primary == n.addr || c.isSecondary(n.addr) {
				n.m.failf("%s is member of %s without data", nodeName(n.addr), c.Pid)
			}
		case r.asking != nil || c.Ballot < r.ballot:
		case first && c.Primary == n.addr && r.role == roleInactive:
			n.request(r, c, metaadmin.ConfigType_CT_PRIMARY_FORCE_UPDATE_BALLOT, n.addr)
		default:
			n.adopt(r, c)
		}
	}
}

// adopt takes over a configuration of the meta.
func (n *simNode) adopt(r *simReplica, c Config) {
	if c.Ballot < r.ballot {
		return
	}
	was := r.role
	r.ballot, r.config = c.Ballot, c
	switch {
	case c.Primary == n.addr:
		r.role = rolePrimary
		if was != rolePrimary {
			n.m.mustHaveAcked(c.Pid, n, "new primary")
			n.m.logf("%s is primary of %s at %d", nodeName(n.addr), c.Pid, c.Ballot)
		}
	case c.isSecondary(n.addr):
		r.role = roleSecondary
	default:
		r.role = roleInactive
	}
}

// request asks the meta for a change, again and again, and serves nobody meanwhile.
func (n *simNode) request(r *simReplica, c Config, typ metaadmin.ConfigType, node base.RPCAddress) {
	want, ok := c.next(typ, node)
	if !ok {
		return
	}
	want.LastCommittedDecree = int64(r.committed)
	r.role, r.asking = roleInactive, &want
	n.resend(n.life, r, &want, typ, node)
}

func (n *simNode) resend(life int, r *simReplica, want *Config, typ metaadmin.ConfigType, node base.RPCAddress) {
	if n.life != life || r.asking != want || !n.connected {
		return
	}
	n.toMeta(func(s *State) {
		t := n.m.ticket(func(resp *metaadmin.ConfigurationUpdateResponse) {
			if n.life != life || r.asking != want || n.muted() || n.m.now >= n.leaseEnd {
				return
			}
			switch resp.Err.Val() {
			case base.ErrOK, base.ErrInvalidVersion:
				r.asking = nil
				n.adopt(r, FromWire(resp.Config, nil))
			}
		})
		s.UpdateConfiguration(n.m.now, t, &metaadmin.ConfigurationUpdateRequest{Type: typ}, want.clone(), node)
	})
	n.m.after(1000, func() { n.resend(life, r, want, typ, node) })
}

func (m *sim) ticket(f func(*metaadmin.ConfigurationUpdateResponse)) Ticket {
	if m.replies == nil {
		m.replies = map[uint64]func(*metaadmin.ConfigurationUpdateResponse){}
	}
	m.lastTicket++
	m.replies[m.lastTicket] = f
	return Ticket{ID: m.lastTicket}
}

func (n *simNode) onProposal(req *metaadmin.ConfigurationUpdateRequest) {
	if !n.up || !n.connected || n.m.now >= n.leaseEnd {
		return
	}
	c, node := FromWire(req.Config, nil), req.Node.Val()
	r := n.disk[c.Pid]
	if r == nil && req.Type == metaadmin.ConfigType_CT_ASSIGN_PRIMARY {
		if c.Ballot != 0 {
			n.m.failf("%s: %s has no data and shall be primary at %d", c.Pid, nodeName(n.addr), c.Ballot)
		}
		r = &simReplica{config: c}
		n.disk[c.Pid] = r
	}
	if r == nil || c.Ballot < r.ballot || r.asking != nil {
		return
	}
	if c.Ballot > r.ballot || r.config.Ballot != c.Ballot {
		n.adopt(r, c)
	}
	switch req.Type {
	case metaadmin.ConfigType_CT_ASSIGN_PRIMARY, metaadmin.ConfigType_CT_UPGRADE_TO_PRIMARY:
		n.request(r, c, req.Type, n.addr)
	case metaadmin.ConfigType_CT_ADD_SECONDARY, metaadmin.ConfigType_CT_ADD_SECONDARY_FOR_LB:
		if r.role == rolePrimary {
			n.teach(r, c, node)
		}
	default:
		if r.role == rolePrimary {
			n.request(r, c, req.Type, node)
		}
	}
}

// teach copies the partition to a learner and asks for its promotion.
func (n *simNode) teach(r *simReplica, c Config, to base.RPCAddress) {
	life, ballot := n.life, r.ballot
	n.m.after(5+n.m.rng.Int64N(300), func() {
		l := n.m.node(to)
		if n.life != life || r.role != rolePrimary || r.ballot != ballot || !l.up || !l.connected {
			return
		}
		have := l.disk[c.Pid]
		if have != nil && (have.ballot > ballot || have.role == rolePrimary || have.asking != nil) {
			return
		}
		l.disk[c.Pid] = &simReplica{log: slices.Clone(r.log), ballot: ballot, committed: r.committed, config: c}
		n.request(r, c, metaadmin.ConfigType_CT_UPGRADE_TO_SECONDARY, to)
	})
}

// write lets a client write to whoever believes to be primary of a random partition. It is
// acknowledged when every member of that primary's configuration, enough of them, took it.
func (m *sim) write() {
	g := base.Gpid{AppID: 1, PartitionIndex: m.rng.Int32N(m.info.PartitionCount)}
	for _, n := range m.nodes {
		r := n.disk[g]
		if !n.up || r == nil || r.role != rolePrimary || m.now >= n.leaseEnd || len(r.log) > 300 {
			continue
		}
		if r.config.Members() < 2 {
			continue
		}
		m.writes++
		r.log = append(r.log, m.writes)
		lost := base.RPCAddress{}
		for _, a := range r.config.Secondaries {
			if !n.prepare(r, m.node(a)) {
				lost = a
			}
		}
		if lost.IsValid() {
			m.logf("%s cannot reach %s for %s", nodeName(n.addr), nodeName(lost), g)
			n.request(r, r.config, metaadmin.ConfigType_CT_DOWNGRADE_TO_INACTIVE, lost)
			return
		}
		r.committed = len(r.log)
		m.acked[g] = append(m.acked[g], m.writes)
		return
	}
}

// prepare makes a secondary's log the primary's. Servers reach each other even when the meta cannot
// be reached, except that a muted server is cut off now and then.
func (n *simNode) prepare(r *simReplica, to *simNode) bool {
	s := to.disk[r.config.Pid]
	if !to.up || s == nil || s.ballot > r.ballot || s.asking != nil || !to.connected || n.m.faults && n.m.rng.IntN(60) == 0 {
		return false
	}
	if s.ballot == r.ballot && s.role == rolePrimary {
		n.m.failf("%s: two primaries at ballot %d", r.config.Pid, r.ballot)
	}
	s.ballot, s.role, s.config = r.ballot, roleSecondary, r.config
	s.log, s.committed = slices.Clone(r.log), r.committed
	return true
}
