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
	for _, a := range s.sortedApps() {
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
	if c.Dropped() && c.Members() > 0 {
		return fmt.Errorf("%s: dropped but has members", c.Pid)
	}
	return nil
}

func (s *State) checkTallies() error {
	for _, n := range s.sortedNodes() {
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
		learners := 0
		for _, a := range s.apps {
			for _, p := range a.parts {
				for _, x := range p.proposals.list {
					if x.Node == n.addr && x.Type == metaadmin.ConfigType_CT_ADD_SECONDARY {
						learners++
					}
				}
			}
		}
		if n.total.partitions != want.partitions || n.total.primaries != want.primaries || n.learnersIn != learners {
			return fmt.Errorf("%s: counts %+v and %d learners, has %+v and %d", n.addr, n.total, n.learnersIn, want, learners)
		}
	}
	return nil
}
