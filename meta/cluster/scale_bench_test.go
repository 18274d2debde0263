package cluster

import (
	"fmt"
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/gen-go/metadata"
)

// Size of the cluster of the benchmarks.
const (
	benchTables     = 100
	benchPartitions = 1000 // of a table
	benchNodes      = 200
)

func benchNode(i int) base.RPCAddress {
	a, err := base.ParseAddress(fmt.Sprintf("10.0.%d.%d:34801", i/100, i%100+1))
	if err != nil {
		panic(err)
	}
	return a
}

// benchApps is a tree in which every partition is whole.
func benchApps() (apps []LoadedApp) {
	for id := range int32(benchTables) {
		l := LoadedApp{Info: &layer2.AppInfo{
			Status: layer2.AppStatus_AS_AVAILABLE, AppType: "pegasus", AppName: fmt.Sprintf("t%d", id), AppID: id + 1,
			PartitionCount: benchPartitions, IsStateful: true, MaxReplicaCount: 3, InitPartitionCount: benchPartitions,
		}}
		for i := range int32(benchPartitions) {
			at := int(id)*benchPartitions + int(i)
			l.Partitions = append(l.Partitions, &Config{
				Pid: base.Gpid{AppID: id + 1, PartitionIndex: i}, Ballot: 3, MaxReplicaCount: 3, Primary: benchNode(at % benchNodes),
				Secondaries: []base.RPCAddress{benchNode((at + 1 + at/benchNodes) % benchNodes), benchNode((at + 100 + at/benchNodes) % benchNodes)},
			})
			c := l.Partitions[i]
			if c.Secondaries[0] == c.Primary || c.Secondaries[1] == c.Primary {
				c.Secondaries = []base.RPCAddress{benchNode((at + 50) % benchNodes), benchNode((at + 51) % benchNodes)}
			}
		}
		apps = append(apps, l)
	}
	return apps
}

const benchNow = 1_700_000_000_000

func benchState(b *testing.B, level metaadmin.MetaFunctionLevel) *State {
	o := DefaultOptions()
	o.Level = level
	s := New(o)
	if err := s.Load(benchNow, benchApps()); err != nil {
		b.Fatal(err)
	}
	s.Tick(benchNow + 1000)
	s.Take()
	if err := s.Check(); err != nil {
		b.Fatal(err)
	}
	return s
}

func BenchmarkLoad(b *testing.B) {
	apps := benchApps()
	b.ReportAllocs()
	for b.Loop() {
		if err := New(DefaultOptions()).Load(benchNow, apps); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTick is what time costs a cluster that is whole.
func BenchmarkTick(b *testing.B) {
	s := benchState(b, metaadmin.MetaFunctionLevel_fl_steady)
	b.ReportAllocs()
	for b.Loop() {
		s.curedMs = 0 // the tick that looks at all partitions
		s.Tick(benchNow + 2000)
	}
}

// BenchmarkConfigSync is the core's part of one: a report of 1500 replicas, and what the server should have.
func BenchmarkConfigSync(b *testing.B) {
	s := benchState(b, metaadmin.MetaFunctionLevel_fl_steady)
	n := benchNode(0)
	var stored []*metadata.ReplicaInfo
	for g := range s.nodes[n].parts {
		stored = append(stored, &metadata.ReplicaInfo{
			Pid: g.Ptr(), Ballot: 3, Status: metadata.PartitionStatus_PS_SECONDARY, AppType: "pegasus", DiskTag: "disk1",
		})
	}
	b.ReportMetric(float64(len(stored)), "replicas")
	b.ReportAllocs()
	for b.Loop() {
		if resp := s.ConfigSync(benchNow+3000, n, stored, false); resp.Err.Val() != base.ErrOK || len(resp.Partitions) != len(stored) {
			b.Fatal(resp.Err, len(resp.Partitions))
		}
	}
}

// BenchmarkBeacon is a sign of life.
func BenchmarkBeacon(b *testing.B) {
	s := benchState(b, metaadmin.MetaFunctionLevel_fl_steady)
	b.ReportAllocs()
	for b.Loop() {
		s.OnBeacon(benchNow+3000, Beacon{From: benchNode(0), StartMs: benchNow})
	}
}

// BenchmarkBalanceRound plans a round when nothing is to be moved and when a server without replicas has joined.
func BenchmarkBalanceRound(b *testing.B) {
	for _, joined := range []bool{false, true} {
		b.Run(fmt.Sprintf("joined=%v", joined), func(b *testing.B) {
			s := benchState(b, metaadmin.MetaFunctionLevel_fl_lively)
			if joined {
				s.OnBeacon(benchNow+2000, Beacon{From: benchNode(benchNodes), StartMs: benchNow})
			}
			b.ReportAllocs()
			moves := 0
			for b.Loop() {
				plan, ok := s.planBalance(false)
				if !ok {
					b.Fatal("the cluster is not whole")
				}
				moves = len(plan)
			}
			b.ReportMetric(float64(moves), "moves")
		})
	}
}

// BenchmarkDeath is the core's part of the end of one server: until all its partitions have another primary, or a proposal.
func BenchmarkDeath(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		s := benchState(b, metaadmin.MetaFunctionLevel_fl_steady)
		now := int64(benchNow + 30_000)
		for _, n := range s.nodeOrder[1:] {
			n.beaconMs = now
		}
		b.StartTimer()
		s.Tick(now)
		changes := 0
		for {
			effects := s.Take()
			if len(effects) == 0 {
				break
			}
			for _, e := range effects {
				if w, ok := e.(PersistPartition); ok {
					changes++
					s.PartitionPersisted(now, w.Config.Pid)
				}
			}
		}
		if changes == 0 {
			b.Fatal("nothing changed")
		}
	}
}
