package cluster

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// LoadedApp is one table as it stands in the store. Partitions has one entry per index; nil where
// the node is missing.
type LoadedApp struct {
	Info       *layer2.AppInfo
	Partitions []*Config
}

// Load fills an empty state from the store and repairs what an earlier leader left half done
// (meta.md 1.5). Every server that appears in a configuration or sent a beacon meanwhile counts as alive with a full
// grace period, so nobody is declared dead because the leader changed.
func (s *State) Load(now int64, apps []LoadedApp) error {
	for _, l := range apps {
		if err := s.loadApp(now, l); err != nil {
			return err
		}
	}
	for _, n := range s.nodeOrder {
		s.setAlive(n, true)
		n.beaconMs = now
	}
	s.joinedMs, s.loaded = now, true
	for _, l := range apps {
		s.repair(now, s.apps[l.Info.AppID], l.Partitions)
		s.resumeCounts(now, s.apps[l.Info.AppID])
	}
	return nil
}

func (s *State) loadApp(now int64, l LoadedApp) error {
	st := l.Info.Status
	if st != layer2.AppStatus_AS_AVAILABLE && st != layer2.AppStatus_AS_DROPPED {
		return fmt.Errorf("table %d: stored status %s", l.Info.AppID, st)
	}
	if l.Info.PartitionCount <= 0 || len(l.Partitions) != int(l.Info.PartitionCount) {
		return fmt.Errorf("table %d: %d partitions of %d", l.Info.AppID, len(l.Partitions), l.Info.PartitionCount)
	}
	if s.apps[l.Info.AppID] != nil {
		return fmt.Errorf("table %d: twice", l.Info.AppID)
	}
	if other := s.names[l.Info.AppName]; st == layer2.AppStatus_AS_AVAILABLE && other != nil {
		return fmt.Errorf("tables %d and %d: both named %q", other.info.AppID, l.Info.AppID, l.Info.AppName)
	}
	a := s.addApp(cloneInfo(l.Info))
	for i, c := range l.Partitions {
		p := newPartition(a, int32(i))
		a.parts = append(a.parts, p)
		a.ill.add(i)
		if c == nil {
			if first := l.Info.InitPartitionCount; first > 0 && int32(i) >= first {
				return fmt.Errorf("partition %s is missing: its table was being split, which this version cannot finish", p.config.Pid)
			}
			continue
		}
		if c.Pid != p.config.Pid {
			return fmt.Errorf("partition %s: its node says %s", p.config.Pid, c.Pid)
		}
		old := p.config
		p.config = c.clone()
		s.reindex(&old, &p.config)
		for _, n := range c.LastDrops {
			s.node(n)
			s.recordDrop(p, n, now)
		}
	}
	return nil
}

// addApp enters a table into the indexes.
func (s *State) addApp(info *layer2.AppInfo) *App {
	a := &App{info: *info, ill: make(partitionSet, (int(info.PartitionCount)+63)/64)}
	s.apps[info.AppID] = a
	at, _ := slices.BinarySearchFunc(s.appOrder, info.AppID, func(a *App, id int32) int { return cmp.Compare(a.info.AppID, id) })
	s.appOrder = slices.Insert(s.appOrder, at, a)
	s.maxAppID = max(s.maxAppID, info.AppID)
	if info.Status != layer2.AppStatus_AS_DROPPED {
		s.names[info.AppName] = a
	}
	return a
}

// repair finishes what the table's status calls for: missing partition nodes are created, partitions
// whose dropped flag disagrees with the table are dropped or recalled.
func (s *State) repair(now int64, a *App, stored []*Config) {
	status := a.info.Status
	var todo []func()
	for i, p := range a.parts {
		switch {
		case stored[i] == nil && status == layer2.AppStatus_AS_AVAILABLE:
			todo = append(todo, func() { s.stagePartition(now, a, i, sameConfig) })
		case status == layer2.AppStatus_AS_AVAILABLE && p.config.Dropped():
			todo = append(todo, func() { s.stagePartition(now, a, i, recallConfig) })
		case status == layer2.AppStatus_AS_DROPPED && !p.config.Dropped():
			todo = append(todo, func() { s.stagePartition(now, a, i, dropConfig) })
		}
	}
	if len(todo) == 0 {
		return
	}
	if status == layer2.AppStatus_AS_AVAILABLE {
		s.stage(a, layer2.AppStatus_AS_CREATING, len(todo), layer2.AppStatus_AS_AVAILABLE, func(now int64) { s.resumeCounts(now, a) })
	} else {
		s.stage(a, layer2.AppStatus_AS_DROPPING, len(todo), layer2.AppStatus_AS_DROPPED, nil)
	}
	s.note("table %d (%s): finishing %d partitions", a.info.AppID, a.info.AppName, len(todo))
	for _, f := range todo {
		f()
	}
}

func sameConfig(c Config) (Config, bool) { return c.clone(), true }

func dropConfig(c Config) (Config, bool) { return c.drop(), !c.Dropped() }

func recallConfig(c Config) (Config, bool) {
	d := c.clone()
	d.Flags = 0
	return d, true
}

// stage puts a table into a status it leaves for the final one when n partitions are written.
func (s *State) stage(a *App, during layer2.AppStatus, n int, final layer2.AppStatus, done func(now int64)) {
	a.info.Status = during
	a.version++
	a.staging = n
	a.staged = func(now int64) {
		a.info.Status = final
		a.version++
		if done != nil {
			done(now)
		}
		for _, p := range a.parts {
			s.cure(now, p)
		}
	}
}

// stagePartition writes one of those partitions.
func (s *State) stagePartition(now int64, a *App, i int, build func(Config) (Config, bool)) {
	s.startChange(now, a.parts[i], &change{
		typ:   metaadmin.ConfigType_CT_DROP_PARTITION,
		node:  base.RPCAddress{},
		build: build,
		done: func(now int64) {
			if a.staging--; a.staging == 0 {
				a.staged(now)
			}
		},
	})
}
