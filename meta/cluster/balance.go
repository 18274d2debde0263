package cluster

import (
	"maps"
	"slices"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// moveKind is one of the three ways to shift load (meta.md 8.2).
type moveKind int

const (
	movePrimary   moveKind = iota // a secondary becomes primary instead
	copyPrimary                   // the primary's replica goes to another server
	copySecondary                 // a secondary's replica goes to another server
)

// move shifts one replica, or one primary role, from one server to another.
type move struct {
	part     *Partition
	kind     moveKind
	from, to base.RPCAddress
}

// BalanceCounts are the moves that the next round of balancing would make.
type BalanceCounts struct{ MovePrimary, CopyPrimary, CopySecondary int }

// BalanceCounts looks at what there is to balance; known is false while the cluster is not whole.
func (s *State) BalanceCounts() (c BalanceCounts, known bool) {
	moves, known := s.planBalance(true)
	for _, m := range moves {
		switch m.kind {
		case movePrimary:
			c.MovePrimary++
		case copyPrimary:
			c.CopyPrimary++
		case copySecondary:
			c.CopySecondary++
		}
	}
	return c, known
}

// balance makes one round of moves when the level is lively. The next round comes when every
// partition is whole again.
func (s *State) balance(now int64) {
	if s.EffectiveLevel() != metaadmin.MetaFunctionLevel_fl_lively || now-s.balancedMs < s.opts.BalanceEveryMs {
		return
	}
	s.balancedMs = now
	moves, _ := s.planBalance(false)
	for _, m := range moves {
		s.setProposals(m.part, true, m.actions()...)
		s.cure(now, m.part)
	}
	if len(moves) > 0 {
		s.note("balancing: %d moves", len(moves))
	}
}

func (m *move) actions() []Action {
	down := Action{m.from, m.from, metaadmin.ConfigType_CT_DOWNGRADE_TO_SECONDARY}
	up := Action{m.to, m.to, metaadmin.ConfigType_CT_UPGRADE_TO_PRIMARY}
	switch m.kind {
	case movePrimary:
		return []Action{down, up}
	case copyPrimary:
		return []Action{{m.from, m.to, metaadmin.ConfigType_CT_ADD_SECONDARY_FOR_LB}, down, up,
			{m.to, m.from, metaadmin.ConfigType_CT_REMOVE}}
	}
	primary := m.part.config.Primary
	return []Action{{primary, m.to, metaadmin.ConfigType_CT_ADD_SECONDARY_FOR_LB},
		{primary, m.from, metaadmin.ConfigType_CT_REMOVE}}
}

// planBalance plans a round: primaries table by table; when there is nothing to do for them (or for
// a mere look) secondaries too.
func (s *State) planBalance(look bool) (moves []move, ok bool) {
	nodes, ok := s.balanceable()
	if !ok {
		return nil, false
	}
	var tables []*App
	for _, a := range s.appOrder {
		if a.info.Status == layer2.AppStatus_AS_AVAILABLE && !a.info.IsBulkLoading && !s.unbalanced[a.info.AppID] {
			tables = append(tables, a)
		}
	}
	for _, a := range tables {
		moves = append(moves, newTableBalance(s, a, nodes).primaries()...)
		if len(moves) > 0 && s.opts.BalancerInTurn {
			return moves, true
		}
	}
	if len(moves) > 0 && !look || s.opts.OnlyPrimaryBalancer || s.opts.OnlyMovePrimary {
		return moves, true
	}
	for _, a := range tables {
		more := newTableBalance(s, a, nodes).copies(copySecondary)
		moves = append(moves, withoutTaken(moves, more)...)
		if len(more) > 0 && s.opts.BalancerInTurn {
			break
		}
	}
	return moves, true
}

// withoutTaken leaves out moves of partitions that have one already.
func withoutTaken(taken, more []move) (out []move) {
	seen := map[*Partition]bool{}
	for _, m := range taken {
		seen[m.part] = true
	}
	for _, m := range more {
		if !seen[m.part] {
			out = append(out, m)
		}
	}
	return out
}

// balanceable tells whether the cluster is whole: nothing else is under way, no dead server has
// replicas, no partition lacks one. (The original also waits until every replica was reported, for
// the disk it is on; here a replica that was not counts as on a disk without a name.)
func (s *State) balanceable() (nodes []base.RPCAddress, ok bool) {
	for _, n := range s.nodeOrder {
		if n.alive {
			nodes = append(nodes, n.addr)
		} else if n.total.partitions > 0 {
			return nil, false
		}
	}
	if len(nodes) == 0 || len(nodes) < s.opts.MinLiveNodesForUnfreeze {
		return nil, false
	}
	for _, a := range s.appOrder {
		switch a.info.Status {
		case layer2.AppStatus_AS_DROPPED:
			continue
		case layer2.AppStatus_AS_AVAILABLE:
		default:
			return nil, false
		}
		for i := range a.ill.all() {
			p := a.parts[i]
			c := &p.config
			whole := c.Primary.IsValid() && c.Members() == int(c.MaxReplicaCount)
			if !whole || p.pending != nil || len(p.proposals.list) > 0 {
				return nil, false
			}
		}
	}
	return nodes, true
}

// SetUnbalanced names tables that the balancer leaves alone.
func (s *State) SetUnbalanced(ids []int32) {
	s.unbalanced = map[int32]bool{}
	for _, id := range ids {
		s.unbalanced[id] = true
	}
}

// Unbalanced lists those tables.
func (s *State) Unbalanced() []int32 { return slices.Sorted(maps.Keys(s.unbalanced)) }
