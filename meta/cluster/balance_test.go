package cluster

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/gen-go/metadata"
)

// obedient is a world in which every proposal is carried out at once and every server reports.
type obedient struct {
	*world
	nodes []base.RPCAddress
	moves int
}

func newObedient(nodes int, tables []LoadedApp) (*obedient, error) {
	o := DefaultOptions()
	o.MinLiveNodesForUnfreeze, o.LivePercentage, o.SettleMs = 1, 0, 0
	x := &obedient{world: &world{s: New(o), now: 1_000_000}}
	if err := x.s.Load(x.now, tables); err != nil {
		return nil, err
	}
	for i := range nodes {
		x.nodes = append(x.nodes, nodeAddr(fmt.Sprintf("n%d", i+1)))
	}
	return x, nil
}

// round lets a second pass in which everybody does what is asked.
func (x *obedient) round() {
	x.now += 1000
	for _, n := range x.nodes {
		x.s.OnBeacon(x.now, Beacon{From: n, StartMs: 1})
		x.settle()
		stored := []*metadata.ReplicaInfo{}
		for g := range x.s.node(n).parts {
			stored = append(stored, &metadata.ReplicaInfo{Pid: g.Ptr(), Status: metadata.PartitionStatus_PS_SECONDARY,
				DiskTag: fmt.Sprintf("disk%d", g.PartitionIndex%2)})
		}
		x.s.ConfigSync(x.now, n, stored, false)
		x.settle()
	}
	x.s.Tick(x.now)
	x.settle()
}

func (x *obedient) settle() {
	for {
		effects := x.s.Take()
		if len(effects) == 0 {
			return
		}
		for _, e := range effects {
			x.persisted(e)
			p, ok := e.(Propose)
			if !ok {
				continue
			}
			c, typ, node := FromWire(p.Request.Config, nil), p.Request.Type, p.Request.Node.Val()
			if typ == metaadmin.ConfigType_CT_ADD_SECONDARY || typ == metaadmin.ConfigType_CT_ADD_SECONDARY_FOR_LB {
				typ = metaadmin.ConfigType_CT_UPGRADE_TO_SECONDARY
			}
			if next, ok := c.next(typ, node); ok {
				x.moves++
				x.s.UpdateConfiguration(x.now, x.nextTicket(), &metaadmin.ConfigurationUpdateRequest{Type: typ}, next, node)
			}
		}
	}
}

// spread is the largest difference between servers in primaries and in replicas of a table.
func (x *obedient) spread(id int32) (primaries, replicas int) {
	count := func(of func(c *Config, n base.RPCAddress) bool) int {
		lo, hi := 1<<30, 0
		for _, n := range x.nodes {
			k := 0
			for _, c := range x.s.Configs(id) {
				if of(&c, n) {
					k++
				}
			}
			lo, hi = min(lo, k), max(hi, k)
		}
		return hi - lo
	}
	return count(func(c *Config, n base.RPCAddress) bool { return c.Primary == n }), count((*Config).isMember)
}

func randomTables(rng *rand.Rand, tables, partitions, nodes int) []LoadedApp {
	var out []LoadedApp
	for id := range tables {
		l := LoadedApp{Info: &layer2.AppInfo{
			Status: layer2.AppStatus_AS_AVAILABLE, AppID: int32(id + 1), AppName: fmt.Sprintf("t%d", id),
			PartitionCount: int32(partitions), MaxReplicaCount: 3, InitPartitionCount: -1,
		}}
		for i := range partitions {
			at := rng.Perm(nodes)
			c := &Config{Pid: base.Gpid{AppID: int32(id + 1), PartitionIndex: int32(i)}, Ballot: 3, MaxReplicaCount: 3}
			c.Primary = nodeAddr(fmt.Sprintf("n%d", at[0]+1))
			for _, k := range at[1:3] {
				c.Secondaries = append(c.Secondaries, nodeAddr(fmt.Sprintf("n%d", k+1)))
			}
			l.Partitions = append(l.Partitions, c)
		}
		out = append(out, l)
	}
	return out
}

// Any cluster becomes balanced when the level is lively, and stays as it is afterwards; at steady
// nothing is moved but the moves to make are known.
func TestLivelyClusterBecomesBalanced(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 2))
		nodes := 3 + rng.IntN(5)
		used := max(3, nodes-rng.IntN(3)) // the rest joined just now
		x, err := newObedient(nodes, randomTables(rng, 3, 4+rng.IntN(20), used))
		if err != nil {
			t.Fatal(err)
		}
		if c, known := x.s.BalanceCounts(); !known || c == (BalanceCounts{}) {
			t.Fatalf("seed %d: a random cluster has nothing to balance", seed)
		}
		for range 3 {
			x.round()
		}
		if x.moves != 0 {
			t.Fatalf("seed %d: %d moves at level steady", seed, x.moves)
		}
		x.s.ControlMeta(x.now, &metaadmin.ConfigurationMetaControlRequest{Level: metaadmin.MetaFunctionLevel_fl_lively})
		rounds := 0
		for ; rounds < 300; rounds++ {
			if c, known := x.s.BalanceCounts(); known && c == (BalanceCounts{}) {
				break
			}
			x.round()
			if err := x.s.Check(); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		for id := range int32(3) {
			if p, r := x.spread(id + 1); p > 1 || r > 2 {
				t.Errorf("seed %d, %d servers: after %d rounds table %d differs by %d primaries, %d replicas", seed, nodes, rounds, id+1, p, r)
			}
		}
		done := x.moves
		for range 5 {
			x.round()
		}
		if x.moves != done {
			t.Errorf("seed %d: a balanced cluster goes on moving", seed)
		}
	}
}

func TestBalancerCanBeHeldBack(t *testing.T) {
	prepare := func() *obedient {
		x, err := newObedient(4, randomTables(rand.New(rand.NewPCG(1, 2)), 1, 16, 3))
		if err != nil {
			t.Fatal(err)
		}
		x.round()
		x.s.ControlMeta(x.now, &metaadmin.ConfigurationMetaControlRequest{Level: metaadmin.MetaFunctionLevel_fl_lively})
		return x
	}
	run := func(x *obedient) {
		for range 60 {
			x.round()
		}
	}
	x := prepare()
	x.s.SetUnbalanced([]int32{1})
	run(x)
	if x.moves != 0 {
		t.Errorf("%d moves of a table that is to be left alone", x.moves)
	}
	x = prepare()
	x.s.Options().OnlyMovePrimary = true
	run(x)
	if n := x.s.node(nodeAddr("n4")); n.total.partitions != 0 {
		t.Errorf("%d replicas were copied", n.total.partitions)
	}
	x = prepare()
	run(x)
	if n := x.s.node(nodeAddr("n4")); n.total.partitions < 11 || n.total.primaries != 4 {
		t.Errorf("the new server got %d replicas, %d primaries", n.total.partitions, n.total.primaries)
	}
}
