package cluster

import (
	"errors"
	"fmt"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// Check verifies what must hold between any two calls. It is meant for tests and for a command; it
// looks at everything.
func (s *State) Check() error {
	var errs []error
	for _, a := range s.appOrder {
		for _, p := range a.parts {
			if err := s.checkPartition(p); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(append(errs, s.checkTallies())...)
}

func (s *State) checkPartition(p *Partition) error {
	c := &p.config
	seen := map[base.RPCAddress]bool{}
	for _, n := range append([]base.RPCAddress{c.Primary}, c.Secondaries...) {
		if !n.IsValid() {
			continue
		}
		if seen[n] {
			return fmt.Errorf("%s: %s is a member twice", c.Pid, n)
		}
		seen[n] = true
		if primary, ok := s.node(n).parts[c.Pid]; !ok || primary != (n == c.Primary) {
			return fmt.Errorf("%s: not in the record of %s", c.Pid, n)
		}
		if p.findDropped(n) != nil {
			return fmt.Errorf("%s: member %s counts as dropped", c.Pid, n)
		}
	}
	for _, n := range c.LastDrops {
		if seen[n] {
			return fmt.Errorf("%s: member %s is in last_drops", c.Pid, n)
		}
	}
	if len(c.LastDrops) > lastDropsMax {
		return fmt.Errorf("%s: %d last_drops", c.Pid, len(c.LastDrops))
	}
	if p.pending == nil && len(p.queue) > 0 {
		return fmt.Errorf("%s: changes wait for nothing", c.Pid)
	}
	if !p.app.ill.has(int(c.Pid.PartitionIndex)) && !s.quiet(p) {
		return fmt.Errorf("%s: needs a cure and is not looked at", c.Pid)
	}
	for _, sv := range p.serving {
		if !c.isMember(sv.node) {
			return fmt.Errorf("%s: reported by %s, which is no member", c.Pid, sv.node)
		}
	}
	if c.Dropped() && c.Members() > 0 {
		return fmt.Errorf("%s: dropped but has members", c.Pid)
	}
	return nil
}

func (s *State) checkTallies() error {
	learners, drops, waiters := map[base.RPCAddress]int{}, map[base.RPCAddress]int{}, map[*Node]int{}
	for _, a := range s.appOrder {
		for _, p := range a.parts {
			for _, x := range p.proposals.list {
				if x.Type == metaadmin.ConfigType_CT_ADD_SECONDARY {
					learners[x.Node]++
				}
			}
			for _, d := range p.dropped {
				drops[d.node]++
			}
			waiters[p.waits.on]++
		}
	}
	living := 0
	for _, n := range s.nodeOrder {
		if n.alive {
			living++
		}
		if err := s.checkNode(n, learners[n.addr]); err != nil {
			return err
		}
		if len(n.drops) != drops[n.addr] || n.waiters != waiters[n] {
			return fmt.Errorf("%s: lists %d dropped replicas of %d, %d partitions that wait of %d",
				n.addr, len(n.drops), drops[n.addr], n.waiters, waiters[n])
		}
	}
	if len(s.nodeOrder) != len(s.nodes) || len(s.appOrder) != len(s.apps) || living != s.living {
		return fmt.Errorf("%d of %d servers and %d of %d tables in order, %d of %d alive",
			len(s.nodeOrder), len(s.nodes), len(s.appOrder), len(s.apps), s.living, living)
	}
	return nil
}

func (s *State) checkNode(n *Node, learners int) error {
	var want tally
	for g, primary := range n.parts {
		if p := s.partition(g); p == nil || !p.config.isMember(n.addr) {
			return fmt.Errorf("%s: holds %s without being a member", n.addr, g)
		}
		want.partitions++
		if primary {
			want.primaries++
		}
	}
	for g := range n.drops {
		if p := s.partition(g); p == nil || p.findDropped(n.addr) == nil {
			return fmt.Errorf("%s: %s does not remember a dropped replica here", n.addr, g)
		}
	}
	if n.total.partitions != want.partitions || n.total.primaries != want.primaries || n.learnersIn != learners {
		return fmt.Errorf("%s: counts %+v and %d learners, has %+v and %d", n.addr, n.total, n.learnersIn, want, learners)
	}
	return nil
}
