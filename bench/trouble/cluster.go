package trouble

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/pegasus-go/pegasus/bench"
	"github.com/pegasus-go/pegasus/bench/box"
	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/rpc"
)

const (
	configPoll = 20 * time.Millisecond
	createMax  = time.Minute
	moveMax    = 30 * time.Second // of one primary
)

// cluster is a box, and what is done to it.
type cluster struct {
	o      *Options
	box    *box.Box
	client *client.Client
	big    bool // the big table is there
}

func (c *cluster) nodes() ([]base.RPCAddress, error) {
	var nodes []base.RPCAddress
	for _, text := range c.box.Replicas {
		a, err := base.ResolveAddress(text)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, a)
	}
	return nodes, nil
}

func (c *cluster) config(ctx context.Context, table string) ([]*layer2.PartitionConfiguration, error) {
	config, err := c.client.Admin().QueryConfig(ctx, table)
	if err != nil {
		return nil, err
	}
	return config.Partitions, nil
}

// needBig makes and loads the big table, once, and waits until its log no longer holds what a learner needs.
func (c *cluster) needBig(ctx context.Context, say func(string, ...any)) error {
	if c.big {
		return nil
	}
	if err := c.needRoom(); err != nil {
		return err
	}
	say("loading a partition of %d MB", c.o.LearnBytes>>20)
	began := time.Now()
	admin := c.client.Admin()
	if _, err := admin.CreateApp(ctx, bigTable, client.CreateOptions{Partitions: 1, Replicas: members, FailIfExist: true}); err != nil {
		return err
	}
	ready, cancel := context.WithTimeout(ctx, createMax)
	defer cancel()
	if _, err := admin.WaitHealthy(ready, bigTable, nil); err != nil {
		return err
	}
	load := bench.Options{Metas: c.box.Metas, Table: bigTable, Dialect: rpc.THFTv1, Workload: "set", LoadOnly: true, Rows: max(1, c.o.LearnBytes/bigValueBytes), ValueBytes: bigValueBytes, Seed: 1}
	if _, err := bench.Run(ctx, load); err != nil {
		return err
	}
	say("loaded in %.0f s; waiting for compactions and until the log of it is collected", time.Since(began).Seconds())
	c.big = true
	if _, err := c.box.Settle(ctx, collectMax); err != nil {
		return err
	}
	return c.awaitCollected(ctx)
}

// needRoom reports whether the disk has room for the big partition: below a tenth of their disk servers refuse writes.
func (c *cluster) needRoom() error {
	dir := cmp.Or(c.o.Dir, os.TempDir())
	usage, err := vfs.Default.GetDiskUsage(dir)
	if err != nil {
		return fmt.Errorf("trouble: free space of %s: %w", dir, err)
	}
	need := uint64(bigCopies*c.o.LearnBytes) + usage.TotalBytes/10
	if usage.AvailBytes < need {
		return fmt.Errorf("trouble: %s has %d GB free, and a partition of %d MB needs %d: use --dir or a smaller --learn-bytes", dir, usage.AvailBytes>>30, c.o.LearnBytes>>20, need>>30)
	}
	return nil
}

// collectMax bounds the wait for the servers to compact what was loaded, and that for them to flush the big partition and drop its log.
const collectMax = 2 * time.Minute

func (c *cluster) awaitCollected(ctx context.Context) error {
	for end := time.Now().Add(collectMax); ; {
		parts, err := c.config(ctx, bigTable)
		if err != nil {
			return err
		}
		texts, err := c.command(ctx, "replica.query-progress", parts[0].Pid.String())
		if err != nil {
			return err
		}
		kept := slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, `"max_gc_decree":0,`) })
		if !kept {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("the log of the big partition was not collected within %v, so that a learner would not copy a checkpoint: %q", collectMax, texts)
		}
		if err := sleep(ctx, time.Second); err != nil {
			return err
		}
	}
}

// command runs a remote command on all replica servers at once and returns what each printed.
func (c *cluster) command(ctx context.Context, name string, args ...string) ([]string, error) {
	nodes, err := c.nodes()
	if err != nil {
		return nil, err
	}
	texts, errs := make([]string, len(nodes)), make([]error, len(nodes))
	var all sync.WaitGroup
	for i, node := range nodes {
		all.Go(func() { texts[i], errs[i] = c.client.Admin().RemoteCommand(ctx, node, name, args...) })
	}
	all.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("%s on %s: %w", name, nodes[i], err)
		}
	}
	return texts, nil
}

// movePrimary makes a secondary the primary and waits until it is.
func (c *cluster) movePrimary(ctx context.Context, p *layer2.PartitionConfiguration, to base.RPCAddress) error {
	kind := metaadmin.BalancerRequestType_move_primary
	from := p.GetPrimary().Val()
	return c.propose(ctx, box.Table, p.Pid, &kind, func(now *layer2.PartitionConfiguration) bool { return now.GetPrimary().Val() == to },
		action(from, from, metaadmin.ConfigType_CT_DOWNGRADE_TO_SECONDARY), action(to, to, metaadmin.ConfigType_CT_UPGRADE_TO_PRIMARY))
}

// propose sends the actions and waits until the partition is as wanted.
func (c *cluster) propose(ctx context.Context, table string, pid *base.Gpid, kind *metaadmin.BalancerRequestType, done func(*layer2.PartitionConfiguration) bool,
	actions ...*metaadmin.ConfigurationProposalAction) error {
	err := c.client.Admin().Propose(ctx, &metaadmin.ConfigurationBalancerRequest{Gpid: pid, ActionList: actions, BalanceType: kind})
	if err != nil {
		return err
	}
	for {
		config, err := c.client.Admin().QueryConfig(ctx, table, pid.PartitionIndex)
		if err != nil {
			return err
		}
		if len(config.Partitions) == 1 && done(config.Partitions[0]) {
			return nil
		}
		if err := sleep(ctx, configPoll); err != nil {
			return fmt.Errorf("%s of %v: %w", kind, pid, err)
		}
	}
}

func action(target, node base.RPCAddress, typ metaadmin.ConfigType) *metaadmin.ConfigurationProposalAction {
	return &metaadmin.ConfigurationProposalAction{Target: target.Ptr(), Node: node.Ptr(), Type: typ}
}

func isSecondary(p *layer2.PartitionConfiguration, node base.RPCAddress) bool {
	return slices.ContainsFunc(p.Secondaries, func(s *base.RPCAddress) bool { return s.Val() == node })
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
