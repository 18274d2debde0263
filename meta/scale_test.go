package meta

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/rpc"
	"github.com/pegasus-go/pegasus/zkmeta/zktest"
)

var (
	scalePartitions = flag.Int("scale.partitions", 5000, "partitions of the scale test, of three replicas each")
	scaleNodes      = flag.Int("scale.nodes", 20, "replica servers of the scale test")
	scaleTables     = flag.Int("scale.tables", 10, "tables of the scale test")
	scaleSteady     = flag.Duration("scale.steady", 0, "how long the scale test watches a cluster in which nothing happens; 0: it does not")
	scaleZooKeeper  = flag.Bool("scale.zookeeper", false, "the scale test keeps the state in ZooKeeper")
	scaleProfiles   = flag.String("scale.profiles", "", "directory for profiles of the leading meta server")
	scaleLimit      = flag.Duration("scale.limit", 5*time.Minute, "how long the scale test waits for anything")
)

// What the live heap of a leading meta server may hold: a fixed part, and so much per partition of three replicas.
const (
	scaleHeapBytesFixed        = 24 << 20
	scaleHeapBytesPerPartition = 4 << 10
)

// scaleCluster is two meta servers, as processes, and a fleet.
type scaleCluster struct {
	*client
	leader, follower *scaleMeta
	fleet            *scaleFleet
	nodes            []*scaleNode
	tables           []string
}

func startScale(t *testing.T) *scaleCluster {
	pace := scaleHurried
	if *scaleSteady > 0 {
		pace = scaleDefaults
	}
	spec := scaleMetaSpec{Dir: t.TempDir(), Root: "/pegasus/scale", GraceMs: pace.grace.Milliseconds()}
	if *scaleZooKeeper {
		spec.ZooKeeper = zktest.Start(t, zktest.Options{}).Addr()
	}
	c := &scaleCluster{client: newClient(t, rpc.THFTv1)}
	c.leader, c.follower = startScaleMeta(t, spec), startScaleMeta(t, spec)
	c.wait("a leader", func() error {
		if c.leader.ask("leading") == "true" {
			return nil
		}
		if c.follower.ask("leading") == "true" {
			c.leader, c.follower = c.follower, c.leader
			return nil
		}
		return errors.New("nobody leads")
	})
	c.fleet = &scaleFleet{t: t, pace: pace, metas: []base.RPCAddress{c.leader.addr, c.follower.addr}, nodes: map[base.RPCAddress]*scaleNode{}}
	for range *scaleNodes {
		c.nodes = append(c.nodes, c.fleet.start("127.0.0.1:0"))
	}
	c.wait("all replica servers", func() error { return c.alive(*scaleNodes) })
	return c
}

// wait waits for something and tells how long it took.
func (c *scaleCluster) wait(what string, f func() error) time.Duration {
	c.t.Helper()
	took := eventually(c.t, *scaleLimit, f)
	c.t.Logf("%-44s %8.2f s", what, took.Seconds())
	return took
}

func (c *scaleCluster) alive(want int) error {
	var nodes metaadmin.ConfigurationListNodesResponse
	err := c.call(c.leader.addr, "RPC_CM_LIST_NODES", &metaadmin.ConfigurationListNodesRequest{Status: metaadmin.NodeStatus_NS_ALIVE}, &nodes)
	if err == nil && len(nodes.Infos) != want {
		err = fmt.Errorf("%d replica servers live", len(nodes.Infos))
	}
	return err
}

// create makes all tables, a few at a time.
func (c *scaleCluster) create() {
	var work sync.WaitGroup
	slots := make(chan struct{}, 4)
	for i := range *scaleTables {
		name := fmt.Sprintf("t%d", i)
		c.tables = append(c.tables, name)
		slots <- struct{}{}
		work.Go(func() {
			defer func() { <-slots }()
			if err := c.createTable(name); err != nil {
				c.t.Errorf("create %s: %v", name, err)
			}
		})
	}
	work.Wait()
	if c.t.Failed() {
		c.t.FailNow()
	}
}

// createTable asks again while the meta server has more to persist than it lets wait.
func (c *scaleCluster) createTable(name string) error {
	body := rpc.AppendValue(nil, c.pool.ArgField(), &metaadmin.ConfigurationCreateAppRequest{
		AppName: name, Options: &metaadmin.CreateAppOptions{
			PartitionCount: int32(*scalePartitions / *scaleTables), ReplicaCount: 3, AppType: "pegasus", IsStateful: true,
		},
	})
	ctx, cancel := context.WithTimeout(context.Background(), *scaleLimit)
	defer cancel()
	for {
		var created metaadmin.ConfigurationCreateAppResponse
		err := c.pool.Call(ctx, c.leader.addr, rpc.Call{Name: "RPC_CM_CREATE_APP", TimeoutMs: int32(scaleLimit.Milliseconds()), Body: body}, &created)
		switch {
		case err != nil:
			return err
		case created.Err.Val() == base.ErrOK:
			return nil
		case created.Err.Val() != base.ErrBusy:
			return created.Err.Val()
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// every waits until all partitions are as wanted. A table that was so is not asked about again.
func (c *scaleCluster) every(what string, ok func(p *layer2.PartitionConfiguration) bool) time.Duration {
	c.t.Helper()
	left := slices.Clone(c.tables)
	return c.wait(what, func() error {
		for len(left) > 0 {
			var resp layer2.QueryCfgResponse
			req := &layer2.QueryCfgRequest{AppName: left[0]}
			if err := c.call(c.leader.addr, "RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX", req, &resp); err != nil {
				return err
			}
			if resp.Err.Val() != base.ErrOK {
				return resp.Err.Val()
			}
			for _, p := range resp.Partitions {
				if !ok(p) {
					return fmt.Errorf("%s: primary %s, %d secondaries", p.Pid, p.Primary, len(p.Secondaries))
				}
			}
			left = left[1:]
		}
		return nil
	})
}

func hasPrimary(p *layer2.PartitionConfiguration) bool { return p.Primary.Val().IsValid() }

func isComplete(p *layer2.PartitionConfiguration) bool {
	return hasPrimary(p) && len(p.Secondaries) == 2
}

// watch measures a cluster in which nothing happens, with clients that ask where a table's partitions are.
func (c *scaleCluster) watch(d time.Duration) {
	f := c.fleet
	beacons, syncs, bytes := f.beacons.Load(), f.syncs.Load(), f.syncBytes.Load()
	cpu, idle := c.leader.cpu(), c.follower.cpu()
	c.profile("cpu", "steady")
	begin := time.Now()
	var took []time.Duration
	for i := 0; time.Since(begin) < d; i++ {
		sent := time.Now()
		var resp layer2.QueryCfgResponse
		if err := c.call(c.leader.addr, "RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX", &layer2.QueryCfgRequest{AppName: c.tables[i%len(c.tables)]}, &resp); err != nil {
			c.t.Fatal(err)
		}
		took = append(took, time.Since(sent))
		time.Sleep(5 * time.Millisecond)
	}
	all := time.Since(begin).Seconds()
	used, idled := c.leader.cpu()-cpu, c.follower.cpu()-idle
	c.endProfile()
	slices.Sort(took)
	c.t.Logf("steady: leader %.1f %% of a core, follower %.1f %%", 100*used.Seconds()/all, 100*idled.Seconds()/all)
	c.t.Logf("steady: %.0f beacons/s, %.1f config syncs/s, %.0f KB/s of answers to them",
		float64(f.beacons.Load()-beacons)/all, float64(f.syncs.Load()-syncs)/all, float64(f.syncBytes.Load()-bytes)/all/1000)
	c.t.Logf("steady: query_cfg of a whole table, %d asked: p50 %v, p99 %v, longest %v",
		len(took), took[len(took)/2], took[len(took)*99/100], took[len(took)-1])
}

func (c *scaleCluster) profile(kind, name string) {
	if *scaleProfiles != "" {
		if err := c.leader.ask("profile " + kind + " " + *scaleProfiles + "/" + name + ".pprof"); err != "<nil>" {
			c.t.Fatal(err)
		}
	}
}

func (c *scaleCluster) endProfile() {
	if *scaleProfiles != "" {
		c.leader.ask("profile cpu -")
	}
}

func (c *scaleCluster) memory() {
	heap := c.leader.number("heap")
	c.t.Logf("leader: live heap %.1f MB, RSS %.1f MB, at most %.1f MB; follower: RSS %.1f MB",
		float64(heap)/1e6, float64(c.leader.rssKB("VmRSS"))/1e3, float64(c.leader.rssKB("VmHWM"))/1e3, float64(c.follower.rssKB("VmRSS"))/1e3)
	if most := int64(scaleHeapBytesFixed + *scalePartitions*scaleHeapBytesPerPartition); heap > most {
		c.t.Errorf("the leader's live heap is %d bytes, at most %d are allowed", heap, most)
	}
	c.profile("heap", "heap")
}

func (c *scaleCluster) check() {
	c.t.Helper()
	if err := c.leader.ask("check"); err != "<nil>" {
		c.t.Error(err)
	}
}

// TestScale makes many partitions on many replica servers that hold no data, and lets a server die and come back, another
// one join, and the leading meta server die. Without flags it only asserts that the cluster gets whole each time, within a
// named bound of memory; with them it measures (docs/performance/meta.md).
func TestScale(t *testing.T) {
	c := startScale(t)
	c.profile("cpu", "create")
	begin := time.Now()
	c.create()
	t.Logf("%-44s %8.2f s", "tables created", time.Since(begin).Seconds())
	c.every("and all partitions complete", isComplete)
	c.endProfile()
	c.check()
	c.memory()
	if *scaleSteady > 0 {
		c.watch(*scaleSteady)
	}

	victim := c.nodes[0]
	t.Logf("a replica server with %d replicas dies", len(victim.held))
	victim.kill()
	c.wait("it is declared dead", func() error { return c.alive(*scaleNodes - 1) })
	c.profile("cpu", "death")
	c.every("and all partitions have another primary", func(p *layer2.PartitionConfiguration) bool {
		return hasPrimary(p) && p.Primary.Val() != victim.addr
	})
	c.every("and it is a member of none", func(p *layer2.PartitionConfiguration) bool {
		return hasPrimary(p) && !slices.ContainsFunc(p.Secondaries, func(a *base.RPCAddress) bool { return a.Val() == victim.addr })
	})
	c.endProfile()
	c.nodes[0] = c.fleet.start(victim.addr.String())
	c.every("it is back and all partitions are complete", isComplete)
	c.check()

	c.balance()
	c.replaceLeader()
	c.check()
	c.memory()
}

// balance lets a server join and the balancer run until nothing is left to do.
func (c *scaleCluster) balance() {
	c.nodes = append(c.nodes, c.fleet.start("127.0.0.1:0"))
	c.wait("one more joins", func() error { return c.alive(len(c.nodes)) })
	c.profile("cpu", "balance")
	c.leader.ask("lively")
	var longest time.Duration
	rounds := 0
	c.wait("and the balancer has nothing to do", func() error {
		time.Sleep(200 * time.Millisecond)
		var plan time.Duration
		var moves int
		var known bool
		if _, err := fmt.Sscan(c.leader.ask("balance"), (*int64)(&plan), &moves, &known); err != nil {
			return err
		}
		if known {
			longest, rounds = max(longest, plan), rounds+1
		}
		if !known || moves > 0 {
			return fmt.Errorf("%d moves to make, known: %v", moves, known)
		}
		return nil
	})
	c.endProfile()
	c.t.Logf("balancer: planning a round took at most %v in %d looks", longest, rounds)
}

// replaceLeader kills the leading meta server.
func (c *scaleCluster) replaceLeader() {
	c.fleet.silence.Store(0)
	c.leader.kill()
	c.leader = c.follower
	is := func(state string) func() error {
		return func() error {
			if c.leader.ask(state) != "true" {
				return errors.New("not " + state)
			}
			return nil
		}
	}
	c.wait("the leading meta server dies, another is elected", is("elected"))
	c.wait("and has loaded the state", is("leading"))
	c.every("and answers about every partition", isComplete)
	c.wait("and every server has synced with it", func() error {
		for _, n := range c.nodes {
			n.mu.Lock()
			ok := n.connected && c.fleet.metas[n.leader] == c.leader.addr
			n.mu.Unlock()
			if !ok {
				return fmt.Errorf("%s is not connected", n.addr)
			}
		}
		return nil
	})
	c.t.Logf("an acknowledged beacon got as old as %.2f s before the next one was acknowledged", time.Duration(c.fleet.silence.Load()).Seconds())
}
