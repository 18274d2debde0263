package table

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pegasus-go/pegasus/bench"
	"github.com/pegasus-go/pegasus/bench/box"
	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/rpc"
)

const (
	idleWait    = 5 * time.Second // between being quiet and counting memory
	idleSettle  = 30 * time.Second
	factPoll    = 20 * time.Millisecond
	factWait    = 2 * time.Minute // of one of the times that are measured
	startServer = 1               // the replica server that is stopped and started
)

// scene is a cluster on which facts are measured.
type scene struct {
	facts   []string
	options box.Options
	loaded  bool          // with the rows of the table
	takes   time.Duration // about, with one run
	perRun  time.Duration // about, each run
	measure func(s *stand, ctx context.Context, fact string) (float64, error)
	once    bool // further runs would find the same
}

var scenes = []scene{
	{facts: []string{memory24}, options: box.Options{Partitions: partitions, Copies: members}, takes: 10 * time.Second, measure: (*stand).memory, once: true},
	{facts: []string{newTable}, options: box.Options{Partitions: partitions, Copies: members}, takes: 3 * time.Second, perRun: time.Second, measure: (*stand).newTable},
	{facts: []string{memory1000}, options: box.Options{Partitions: 1000, Replicas: 1, Copies: 1}, takes: 20 * time.Second, measure: (*stand).memory, once: true},
	{facts: []string{startClean, startKill}, options: box.Options{Partitions: 300, Copies: members}, loaded: true, takes: 30 * time.Second, perRun: 10 * time.Second, measure: (*stand).restart},
}

// stand is a running scene.
type stand struct {
	options *Options
	box     *box.Box
	client  *client.Client
	tables  int // made so far
}

// measureFacts measures those of the list, in order of the scenes. Facts of a scene that fails say why.
func measureFacts(ctx context.Context, o *Options, list []Fact, p *pace) error {
	for _, s := range scenes {
		of := s.of(list)
		if len(of) == 0 {
			continue
		}
		p.say("starting a cluster with %d partitions × %d", s.options.Partitions, s.options.Copies)
		err := s.run(ctx, o, of, p)
		if ctx.Err() != nil {
			return err
		}
		if err != nil {
			p.say("**failed**: %v", err)
		}
		p.over(s.takes)
		for _, f := range of {
			if err != nil && f.Failed == "" {
				f.Failed = err.Error()
			}
		}
	}
	return nil
}

// of picks the facts that are measured in this scene.
func (s *scene) of(list []Fact) []*Fact {
	var of []*Fact
	for i := range list {
		if slices.Contains(s.facts, list[i].Name) {
			of = append(of, &list[i])
		}
	}
	return of
}

func (s *scene) runs(o *Options) int {
	if s.once {
		return 1
	}
	return o.Runs
}

// run starts the cluster of a scene and measures facts on it, in rounds.
func (s *scene) run(ctx context.Context, o *Options, facts []*Fact, p *pace) (failed error) {
	with := s.options
	with.Executable, with.Dir, with.PlogSync, with.Sets = o.Executable, o.Dir, synced, o.Sets
	b, err := box.Start(ctx, with)
	if err != nil {
		return err
	}
	defer func() { failed = b.Close(failed) }()
	c, err := client.New(b.Metas, client.Options{Dialect: rpc.THFTv1, DialectSet: true})
	if err != nil {
		return err
	}
	defer c.Close()
	st := &stand{options: o, box: b, client: c}
	if s.loaded {
		if _, err := bench.Run(ctx, o.fill(b, bench.Options{Workload: "set", ValueBytes: 100, LoadOnly: true})); err != nil {
			return fmt.Errorf("load: %w", err)
		}
	}
	for range s.runs(o) {
		for _, f := range facts {
			if _, err := b.Settle(ctx, idleSettle); err != nil {
				return err
			}
			value, err := s.measure(st, ctx, f.Name)
			if err := errors.Join(err, b.Alive()); err != nil {
				return fmt.Errorf("%s: %w", f.Name, err)
			}
			f.Values = append(f.Values, value)
			p.over(s.perRun)
			p.say("%s %.3g %s", f.Name, value, f.Unit)
		}
	}
	return nil
}

// memory returns the resident memory of all replica servers in MB (10⁶ bytes), when they have been idle for a while.
func (s *stand) memory(ctx context.Context, _ string) (float64, error) {
	select {
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	case <-time.After(idleWait):
	}
	pids, err := s.box.ReplicaPids()
	if err != nil {
		return 0, err
	}
	used, err := bench.ProcessUsage(pids)
	return float64(used.RSSBytes) / 1e6, err
}

// newTable returns the seconds from the request to create a table until each of its partitions has taken a write.
func (s *stand) newTable(ctx context.Context, _ string) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, factWait)
	defer cancel()
	s.tables++
	name := fmt.Sprintf("new_%d", s.tables)
	keys := keyPerPartition(partitions)
	began := time.Now()
	if _, err := s.client.Admin().CreateApp(ctx, name, client.CreateOptions{Partitions: partitions, Replicas: members, FailIfExist: true}); err != nil {
		return 0, err
	}
	table, err := s.client.Open(ctx, name)
	if err != nil {
		return 0, err
	}
	for _, key := range keys {
		if err := table.Set(ctx, key, []byte("s"), []byte("v"), 0); err != nil {
			return 0, err
		}
	}
	return time.Since(began).Seconds(), nil
}

// restart ends a server, waits until no partition counts on it, and returns the seconds from its start until it is a
// member of all partitions again.
func (s *stand) restart(ctx context.Context, fact string) (float64, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, factWait, fmt.Errorf("not done within %v", factWait))
	defer cancel()
	end := s.box.StopServer
	if fact == startKill {
		end = s.box.KillServer
	}
	if err := end(ctx, startServer); err != nil {
		return 0, err
	}
	without := func(p *layer2.PartitionConfiguration) bool { return client.LiveReplicas(p) < members }
	if err := s.await(ctx, "the loss of the server", without); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := s.box.StartServer(ctx, startServer); err != nil {
		return 0, err
	}
	whole := func(p *layer2.PartitionConfiguration) bool { return client.LiveReplicas(p) == members }
	if err := s.await(ctx, "all partitions with the server", whole); err != nil {
		return 0, err
	}
	return time.Since(began).Seconds(), nil
}

// await returns when every partition of the table is as wanted.
func (s *stand) await(ctx context.Context, what string, wanted func(*layer2.PartitionConfiguration) bool) error {
	for {
		config, err := s.client.Admin().QueryConfig(ctx, box.Table)
		missing := 0
		if err == nil {
			for _, p := range config.Partitions {
				if !wanted(p) {
					missing++
				}
			}
			if missing == 0 && len(config.Partitions) > 0 {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("wait for %s: %d partitions are missing: %w", what, missing, context.Cause(ctx)), err)
		case <-time.After(factPoll):
		}
	}
}

// keyPerPartition returns a hash key of each partition.
func keyPerPartition(n int) [][]byte {
	keys := make([][]byte, n)
	for i, left := 0, n; left > 0; i++ {
		key := fmt.Appendf(nil, "key-%d", i)
		if at := base.PartitionIndex(base.CRC64(key), int32(n)); keys[at] == nil {
			keys[at] = key
			left--
		}
	}
	return keys
}
