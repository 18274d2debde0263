package cluster

import (
	"slices"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// node returns the record of a server, made when it is missing.
func (s *State) node(n base.RPCAddress) *Node {
	node := s.nodes[n]
	if node == nil {
		node = &Node{addr: n, parts: map[base.Gpid]bool{}, drops: map[base.Gpid]bool{}, slot: len(s.nodes)}
		s.nodes[n] = node
		s.nodeOrder = slices.Insert(s.nodeOrder, s.placeOf(n), node)
	}
	return node
}

// placeOf is where a server is, or would be, in nodeOrder.
func (s *State) placeOf(n base.RPCAddress) int {
	at, _ := slices.BinarySearchFunc(s.nodeOrder, n, func(x *Node, n base.RPCAddress) int { return compareAddr(x.addr, n) })
	return at
}

// forgetNode takes back the record of a server that was made last and never alive.
func (s *State) forgetNode(n *Node) {
	at := s.placeOf(n.addr)
	s.nodeOrder = slices.Delete(s.nodeOrder, at, at+1)
	delete(s.nodes, n.addr)
}

func (s *State) setAlive(n *Node, alive bool) {
	switch {
	case alive && !n.alive:
		s.living++
	case !alive && n.alive:
		s.living--
	}
	n.alive = alive
}

// tally is what is counted of the table on a server. It is valid until the next call.
func (a *App) tally(n *Node) *tally {
	if missing := n.slot + 1 - len(a.tallies); missing > 0 {
		a.tallies = append(a.tallies, make([]tally, missing)...)
	}
	return &a.tallies[n.slot]
}

// hold records that the node has the partition (primary or not); release undoes it.
func (a *App) hold(n *Node, g base.Gpid, primary bool) { a.account(n, g, primary, 1) }

func (a *App) release(n *Node, g base.Gpid) {
	if primary, ok := n.parts[g]; ok {
		a.account(n, g, primary, -1)
	}
}

func (a *App) account(n *Node, g base.Gpid, primary bool, by int32) {
	if by > 0 {
		n.parts[g] = primary
	} else {
		delete(n.parts, g)
	}
	for _, t := range []*tally{a.tally(n), &n.total} {
		t.partitions += by
		if primary {
			t.primaries += by
		}
	}
}

// reindex moves the partition's place in the node records from the old to the new configuration.
func (s *State) reindex(old, now *Config) {
	a := s.apps[now.Pid.AppID]
	if old.Primary.IsValid() {
		a.release(s.node(old.Primary), old.Pid)
	}
	for _, n := range old.Secondaries {
		a.release(s.node(n), old.Pid)
	}
	for _, n := range now.Secondaries {
		a.hold(s.node(n), now.Pid, false)
	}
	if now.Primary.IsValid() {
		a.hold(s.node(now.Primary), now.Pid, true)
	}
}

// plan counts (by=1) or uncounts (by=-1) a replica that an action will bring to its node.
func (s *State) plan(g base.Gpid, a Action, by int) {
	n := s.nodes[a.Node]
	if n == nil {
		return
	}
	for _, t := range []*tally{s.apps[g.AppID].tally(n), &n.total} {
		switch a.Type {
		case metaadmin.ConfigType_CT_ASSIGN_PRIMARY:
			t.newPrimaries += int32(by)
			t.newPartitions += int32(by)
		case metaadmin.ConfigType_CT_UPGRADE_TO_PRIMARY:
			t.newPrimaries += int32(by)
		case metaadmin.ConfigType_CT_ADD_SECONDARY, metaadmin.ConfigType_CT_ADD_SECONDARY_FOR_LB:
			t.newPartitions += int32(by)
		}
	}
	if a.Type == metaadmin.ConfigType_CT_ADD_SECONDARY {
		n.learnersIn += by
		if by < 0 && n.waiters > 0 {
			s.freed = append(s.freed, n)
		}
	}
}

func (t *tally) primariesSoon() int32  { return t.primaries + t.newPrimaries }
func (t *tally) partitionsSoon() int32 { return t.partitions + t.newPartitions }

// SetHostPort remembers the name under which a server calls itself.
func (s *State) SetHostPort(n base.RPCAddress, hp base.HostPort) {
	if n.IsValid() && hp.Type == base.HostPortNormal && hp.Host != "" && s.hosts[n] != hp {
		s.hosts[n] = hp
		s.hostsVersion++
	}
}

// HostPort is the server's name, or its address when it never told one.
func (s *State) HostPort(n base.RPCAddress) *base.HostPort {
	if hp, ok := s.hosts[n]; ok {
		return &hp
	}
	return n.HostPort()
}
