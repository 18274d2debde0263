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
		node = &Node{addr: n, parts: map[base.Gpid]bool{}, drops: map[base.Gpid]bool{}, tallies: map[int32]*tally{}}
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

// forgetNode takes back the record of a server that was never alive.
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

func (n *Node) tally(app int32) *tally {
	t := n.tallies[app]
	if t == nil {
		t = &tally{}
		n.tallies[app] = t
	}
	return t
}

// hold records that the node has the partition (primary or not); drop undoes it.
func (n *Node) hold(g base.Gpid, primary bool) { n.account(g, primary, 1) }

func (n *Node) release(g base.Gpid) {
	if primary, ok := n.parts[g]; ok {
		n.account(g, primary, -1)
	}
}

func (n *Node) account(g base.Gpid, primary bool, by int) {
	if by > 0 {
		n.parts[g] = primary
	} else {
		delete(n.parts, g)
	}
	for _, t := range []*tally{n.tally(g.AppID), &n.total} {
		t.partitions += by
		if primary {
			t.primaries += by
		}
	}
}

// reindex moves the partition's place in the node records from the old to the new configuration.
func (s *State) reindex(old, now *Config) {
	if old.Primary.IsValid() {
		s.node(old.Primary).release(old.Pid)
	}
	for _, n := range old.Secondaries {
		s.node(n).release(old.Pid)
	}
	for _, n := range now.Secondaries {
		s.node(n).hold(now.Pid, false)
	}
	if now.Primary.IsValid() {
		s.node(now.Primary).hold(now.Pid, true)
	}
}

// plan counts (by=1) or uncounts (by=-1) a replica that an action will bring to its node.
func (s *State) plan(g base.Gpid, a Action, by int) {
	n := s.nodes[a.Node]
	if n == nil {
		return
	}
	for _, t := range []*tally{n.tally(g.AppID), &n.total} {
		switch a.Type {
		case metaadmin.ConfigType_CT_ASSIGN_PRIMARY:
			t.newPrimaries += by
			t.newPartitions += by
		case metaadmin.ConfigType_CT_UPGRADE_TO_PRIMARY:
			t.newPrimaries += by
		case metaadmin.ConfigType_CT_ADD_SECONDARY, metaadmin.ConfigType_CT_ADD_SECONDARY_FOR_LB:
			t.newPartitions += by
		}
	}
	if a.Type == metaadmin.ConfigType_CT_ADD_SECONDARY {
		n.learnersIn += by
		if by < 0 && n.waiters > 0 {
			s.freed = append(s.freed, n)
		}
	}
}

func (t *tally) primariesSoon() int  { return t.primaries + t.newPrimaries }
func (t *tally) partitionsSoon() int { return t.partitions + t.newPartitions }

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
