package main

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

const (
	opTimeout     = 30 * time.Second
	opPause       = 2 * time.Millisecond
	healthyPoll   = 20 * time.Millisecond
	commandBounds = time.Minute
)

// fate is what a partition lost by the harm.
type fate int

const (
	lostPrimary fate = iota
	lostSecondary
	lostNothing
)

var fateNames = [...]string{"its primary", "a secondary", "nothing"}

// round is one repetition.
type round struct {
	victim  string
	fates   []fate
	writes  []track // by partition
	reads   []track
	healthy time.Duration // from the end of the restoring command
}

func (r *round) count(f fate) (n int) {
	for _, g := range r.fates {
		if g == f {
			n++
		}
	}
	return n
}

func oneRound(ctx context.Context, c *client.Client, o options) (r round, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*o.healthyWithin+o.before+o.after)
	defer cancel()
	if _, err := awaitHealthy(ctx, c, o); err != nil {
		return r, err
	}
	c.Forget(o.table)
	table, err := c.Open(ctx, o.table)
	if err != nil {
		return r, err
	}
	config, err := c.Admin().QueryConfig(ctx, o.table)
	if err != nil {
		return r, err
	}
	victim := mostPrimaries(config)
	number, err := numberOf(ctx, c, victim)
	if err != nil {
		return r, err
	}
	r.victim, r.fates = victim.String(), fatesOf(config, victim)
	r.writes, r.reads = make([]track, len(r.fates)), make([]track, len(r.fates))
	harmAt := time.Now().Add(o.before)
	stop := harmAt.Add(o.after)
	var loops sync.WaitGroup
	for i, key := range keyPerPartition(len(r.fates)) {
		loops.Go(func() {
			r.writes[i].loop(ctx, harmAt, stop, func(ctx context.Context) error { return table.Set(ctx, key, []byte("s"), []byte("v"), 0) })
		})
		loops.Go(func() {
			r.reads[i].loop(ctx, harmAt, stop, func(ctx context.Context) error { _, _, err := table.Get(ctx, key, []byte("s")); return err })
		})
	}
	time.Sleep(time.Until(harmAt))
	harmed := shell(ctx, o.harm, number)
	loops.Wait()
	if err := shell(ctx, o.restore, number); err != nil || harmed != nil {
		return r, fmt.Errorf("%w %w", harmed, err)
	}
	r.healthy, err = awaitHealthy(ctx, c, o)
	return r, err
}

// awaitHealthy waits until every partition has all its members.
func awaitHealthy(ctx context.Context, c *client.Client, o options) (time.Duration, error) {
	start := time.Now()
	for ; time.Since(start) < o.healthyWithin; time.Sleep(healthyPoll) {
		config, err := c.Admin().QueryConfig(ctx, o.table)
		if err == nil && client.HealthOf(config).OK() {
			return time.Since(start), nil
		}
	}
	return 0, fmt.Errorf("table %s is not healthy after %v", o.table, o.healthyWithin)
}

func mostPrimaries(config *layer2.QueryCfgResponse) base.RPCAddress {
	count := map[base.RPCAddress]int{}
	var best base.RPCAddress
	for _, p := range config.Partitions {
		a := p.GetPrimary().Val()
		if count[a]++; count[a] > count[best] {
			best = a
		}
	}
	return best
}

func fatesOf(config *layer2.QueryCfgResponse, victim base.RPCAddress) []fate {
	fates := make([]fate, config.PartitionCount)
	for _, p := range config.Partitions {
		f := lostNothing
		if p.GetPrimary().Val() == victim {
			f = lostPrimary
		}
		for _, s := range p.Secondaries {
			if s.Val() == victim {
				f = lostSecondary
			}
		}
		fates[p.Pid.PartitionIndex] = f
	}
	return fates
}

// numberOf is the place of a server among all by address, from 1.
func numberOf(ctx context.Context, c *client.Client, victim base.RPCAddress) (int, error) {
	nodes, err := c.Admin().ListNodes(ctx, metaadmin.NodeStatus_NS_INVALID)
	if err != nil {
		return 0, err
	}
	var all []string
	for _, n := range nodes {
		all = append(all, n.Node.Val().String())
	}
	slices.Sort(all)
	return slices.Index(all, victim.String()) + 1, nil
}

func shell(ctx context.Context, command string, number int) error {
	if command == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, commandBounds)
	defer cancel()
	command = strings.ReplaceAll(command, "{n}", strconv.Itoa(number))
	if out, err := exec.CommandContext(ctx, "sh", "-c", command).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", command, err, out)
	}
	return nil
}

func keyPerPartition(n int) [][]byte {
	keys := make([][]byte, n)
	for i, left := 0, n; left > 0; i++ {
		key := fmt.Appendf(nil, "availability-%d", i)
		if p := base.PartitionIndex(base.CRC64(key), int32(n)); keys[p] == nil {
			keys[p] = key
			left--
		}
	}
	return keys
}
