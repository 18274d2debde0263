package cluster

import (
	"maps"
	"slices"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// Beacon is what a replica server says about itself every few seconds.
type Beacon struct {
	From     base.RPCAddress
	HostPort base.HostPort
	StartMs  int64 // start time of the process by its own clock; 0: not told
}

// BeaconAnswer is how a leader answers a beacon.
type BeaconAnswer struct {
	Ignore  bool // give no answer at all: the server restarts too often to be trusted
	NotYet  bool // whether the server is allowed can only be told when the state is loaded
	Allowed bool // false: the server is not on the allow list
}

// OnBeacon takes in a beacon (meta.md 6.3). It may come before Load: to acknowledge it promises that the partitions of
// the server are not given away before the grace period is over, and Load begins that period anew for everybody.
func (s *State) OnBeacon(now int64, b Beacon) BeaconAnswer {
	if !b.From.IsValid() {
		return BeaconAnswer{}
	}
	n := s.nodes[b.From]
	if n == nil && s.allowed != nil && !s.allowed[b.From] {
		if !s.loaded { // it is allowed if it is a member of something
			return BeaconAnswer{NotYet: true}
		}
		s.warn("%s: not on the allow list", b.From)
		return BeaconAnswer{}
	}
	fresh := n == nil
	n = s.node(b.From)
	if b.StartMs != 0 && b.StartMs == n.goneMs {
		// Sent before the process ended, and overtaken by the news of that. Should it live against all evidence, it must
		// not keep its lease.
		s.warn("%s: a beacon of a process that has ended", s.HostPort(b.From))
		return BeaconAnswer{Ignore: true}
	}
	restarted := n.noteStart(now, b.StartMs, s.opts.StableRunMs)
	if b.StartMs != 0 && s.opts.UnstableRestartsMax > 0 && n.restarts >= s.opts.UnstableRestartsMax {
		if fresh {
			s.forgetNode(n)
		}
		return BeaconAnswer{Ignore: true}
	}
	s.SetHostPort(b.From, b.HostPort)
	// The answer renews a lease: whatever is answered must count here.
	n.beaconMs = max(n.beaconMs, now)
	switch {
	case !n.alive:
		s.connected(now, n, fresh)
	case restarted:
		s.restarted(now, n)
	}
	return BeaconAnswer{Allowed: true}
}

// noteStart keeps the record of restarts and reports whether this is another process than the one
// heard last. A process that ran for less than the stable time before it was restarted counts against
// the server; a long run clears the record. A start before the one on record says nothing about that:
// the server's clock was set back, or the beacon is a late one of a process that is gone.
func (n *Node) noteStart(now, startMs, stableMs int64) (restarted bool) {
	if startMs == 0 {
		n.soleSinceMs = now // it may be any process
		return false
	}
	restarted = n.processMs != 0 && n.processMs != startMs
	if n.processMs != startMs {
		n.processMs, n.sinceMs, n.soleSinceMs = startMs, now, now
	}
	switch {
	case n.startMs == 0:
		n.startMs = startMs
	case startMs <= n.startMs && now-n.sinceMs >= stableMs: // whatever the two clocks say
		n.restarts = 0
		n.startMs = startMs
	case startMs == n.startMs && now-n.startMs >= stableMs:
		n.restarts = 0
	case startMs > n.startMs && startMs-n.startMs < stableMs:
		n.restarts++
		n.startMs = startMs
	case startMs > n.startMs:
		n.restarts = 0
		n.startMs = startMs
	}
	return restarted
}

func (s *State) connected(now int64, n *Node, fresh bool) {
	s.setAlive(n, true)
	n.collectedMs = 0
	if fresh {
		s.joinedMs = now
	}
	s.note("%s: alive", s.HostPort(n.addr))
	s.cureReturned(now)
}

// restarted handles a process that died and came back before its silence was noticed. Its roles
// stay: the new process learns them by config sync, forces a new ballot where it is primary, and
// rejoins where it is secondary. But all that it said before is void, and proposals that the old
// process may have taken with it are sent again.
func (s *State) restarted(now int64, n *Node) {
	s.note("%s: restarted", s.HostPort(n.addr))
	s.forgetReports(n.addr)
	n.collectedMs = 0
	s.resendTo(n.addr)
	s.cureReturned(now)
}

// forgetReports voids what is known about data on a server.
func (s *State) forgetReports(n base.RPCAddress) {
	node := s.nodes[n]
	for g := range node.parts { // in any order: the partitions have nothing to do with each other
		s.partition(g).dropServing(n)
	}
	for g := range node.drops {
		p := s.partition(g)
		if d := p.findDropped(n); d.timeMs == 0 {
			s.forgetDrop(p, n)
		} else {
			d.ballot, d.committed, d.prepared = InvalidBallot, -1, -1
		}
	}
}

// resendTo makes the proposals that concern a server due at once.
func (s *State) resendTo(n base.RPCAddress) {
	for _, a := range s.appOrder {
		for i := range a.ill.all() {
			p := a.parts[i]
			if l := p.proposals.list; len(l) > 0 && (l[0].Target == n || l[0].Node == n) {
				p.proposals.sends = 0
			}
		}
	}
}

// Tick lets time pass: silent servers die, proposals are sent again. The host calls it a few times
// a second. Before Load nobody dies.
func (s *State) Tick(now int64) {
	if !s.loaded {
		return
	}
	died := false
	for _, n := range s.nodeOrder {
		if n.alive && now-n.beaconMs > s.opts.FDGraceMs {
			s.disconnected(n)
			died = true
		}
	}
	switch last := s.curedMs; {
	case died || now-last >= cureAllEveryMs || !s.settled(last) && s.settled(now):
		s.cureAll(now)
	case s.cureDue:
		s.cureAll(now)
		s.curedMs = last // the next look is not put off
	}
	s.balance(now)
}

func (s *State) disconnected(n *Node) {
	s.setAlive(n, false)
	n.collectedMs = 0
	for g := range n.parts {
		s.partition(g).markIll()
	}
	s.counters.NodeDisconnects++
	s.forgetReports(n.addr)
	s.warn("%s: dead, %d partitions, primary of %d", s.HostPort(n.addr), n.total.partitions, n.total.primaries)
}

// SetAllowList restricts who may join; nil lets everybody in.
func (s *State) SetAllowList(list []base.RPCAddress) {
	s.allowed = nil
	if list != nil {
		s.allowed = map[base.RPCAddress]bool{}
		for _, n := range list {
			s.allowed[n] = true
		}
	}
}

// AllowList returns the allow list, sorted; enabled is false when everybody may join.
func (s *State) AllowList() (list []base.RPCAddress, enabled bool) {
	return sortedAddrs(s.allowed), s.allowed != nil
}

// SetBlackList names servers that are never chosen for a new secondary.
func (s *State) SetBlackList(list []base.RPCAddress) {
	clear(s.blackList)
	for _, n := range list {
		s.blackList[n] = true
	}
}

// BlackList returns that list, sorted.
func (s *State) BlackList() []base.RPCAddress { return sortedAddrs(s.blackList) }

func sortedAddrs(m map[base.RPCAddress]bool) []base.RPCAddress {
	return slices.SortedFunc(maps.Keys(m), compareAddr)
}
