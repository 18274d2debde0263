package trouble

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pegasus-go/pegasus/bench/box"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// trouble is one thing that happens to a cluster.
type trouble struct {
	name, title string
	about       string
	prepare     func(ctx context.Context, s *stage) error // before the quiet phase
	run         func(ctx context.Context, s *stage) error // opens and closes windows; its time has a bound
}

// list is every trouble in the order of measuring. The slow peer is last: primaries stay where it puts them.
var list = []trouble{
	{"learn", "Learning of a big partition", "A partition of another table moves to a server that has nothing of it, which copies a checkpoint from its primary.",
		func(ctx context.Context, s *stage) error { return s.needBig(ctx, s.say) }, learn},
	{"checkpoint", "Checkpoints", "All servers are told to flush their stores (`replica.trigger-checkpoint`), every five seconds; each time counts for a second at least.",
		nil, checkpoint},
	{"compact", "Manual compaction", "All members of the big table compact at once (`manual_compact.once.trigger_time`), with every row rewritten (`bottommost_level_compaction = force`).",
		func(ctx context.Context, s *stage) error { return s.needBig(ctx, s.say) }, compact},
	{"balance", "Balance moves", "Every second a primary of the clients' table moves to a secondary, one partition after the other, by the steps in which the balancer orders it.", nil, balance},
	{"slow-peer", "A slow peer", "A server that is but secondary is stopped for 50 ms of every 100 ms (SIGSTOP, SIGCONT). A write waits for every member, so that those of its partitions wait for it.",
		demote, slowPeer},
}

// learn moves the last secondary of the big partition to a server that is no member.
func learn(ctx context.Context, s *stage) error {
	parts, err := s.config(ctx, bigTable)
	if err != nil {
		return err
	}
	nodes, err := s.nodes()
	if err != nil {
		return err
	}
	p := parts[0]
	if !p.GetPrimary().Val().IsValid() || len(p.Secondaries) != members-1 {
		return fmt.Errorf("partition %v has %d secondaries, want %d", p.Pid, len(p.Secondaries), members-1)
	}
	spare := slices.IndexFunc(nodes, func(n base.RPCAddress) bool { return n != p.GetPrimary().Val() && !isSecondary(p, n) })
	if spare < 0 {
		return fmt.Errorf("all servers are members of %v", p.Pid)
	}
	from, to := p.Secondaries[members-2].Val(), nodes[spare]
	kind := metaadmin.BalancerRequestType_copy_secondary
	primary := p.GetPrimary().Val()
	s.begin("learning begins")
	err = s.propose(ctx, bigTable, p.Pid, &kind, func(now *layer2.PartitionConfiguration) bool {
		return isSecondary(now, to) && len(now.Secondaries) == members-1
	},
		action(primary, to, metaadmin.ConfigType_CT_ADD_SECONDARY_FOR_LB), action(primary, from, metaadmin.ConfigType_CT_DOWNGRADE_TO_INACTIVE))
	s.end("healthy")
	s.note("%d MB in %.1f s", s.o.LearnBytes>>20, s.windows[len(s.windows)-1].length().Seconds())
	return err
}

const (
	checkpointEvery = 5 * time.Second
	checkpointLeast = time.Second
)

func checkpoint(ctx context.Context, s *stage) error {
	var longest time.Duration
	rounds := max(1, int(s.o.Length/checkpointEvery))
	for range rounds {
		began := time.Now()
		s.begin("flush")
		err := s.flush(ctx)
		took := time.Since(began)
		longest = max(longest, took)
		err = errors.Join(err, sleep(ctx, checkpointLeast-took))
		s.end("")
		if err != nil {
			return err
		}
		if err := sleep(ctx, checkpointEvery-time.Since(began)); err != nil {
			return err
		}
	}
	s.note("%d times, the longest took %.2f s", rounds, longest.Seconds())
	return nil
}

const flushPoll = 100 * time.Millisecond

// flush returns when all servers have flushed what their stores hold now. The answer to the order does not wait for that for long.
func (s *stage) flush(ctx context.Context) error {
	before, err := s.decrees(ctx, "last_applied_decree")
	if err != nil {
		return err
	}
	texts, err := s.command(ctx, "replica.trigger-checkpoint")
	if err != nil {
		return err
	}
	for _, text := range texts {
		if lines := strings.Split(strings.TrimSpace(text), "\n"); len(lines)-1 != strings.Count(text, ": triggered") {
			return fmt.Errorf("replica.trigger-checkpoint answered %q", text)
		}
	}
	for {
		flushed, err := s.decrees(ctx, "last_durable_decree")
		if err != nil {
			return err
		}
		behind := 0
		for id, decree := range before {
			if now, open := flushed[id]; open && now < decree {
				behind++
			}
		}
		if behind == 0 {
			return nil
		}
		if err := sleep(ctx, flushPoll); err != nil {
			return fmt.Errorf("%d stores are not flushed: %w", behind, err)
		}
	}
}

// decrees reads one of the decrees of replica.query-progress, by replica.
func (s *stage) decrees(ctx context.Context, which string) (map[string]int64, error) {
	texts, err := s.command(ctx, "replica.query-progress")
	if err != nil {
		return nil, err
	}
	decrees := map[string]int64{}
	for _, text := range texts {
		for _, line := range strings.Split(strings.TrimSpace(text), "\n")[1:] {
			id, progress, _ := strings.Cut(strings.TrimSpace(line), " : ")
			var fields map[string]any
			if err := json.Unmarshal([]byte(progress), &fields); err != nil {
				return nil, fmt.Errorf("replica.query-progress answered %q", line)
			}
			if decree, ok := fields[which].(float64); ok && (strings.HasSuffix(id, "@P") || strings.HasSuffix(id, "@S")) {
				decrees[id] = int64(decree)
			}
		}
	}
	return decrees, nil
}

const compactPoll = 100 * time.Millisecond

func compact(ctx context.Context, s *stage) error {
	parts, err := s.config(ctx, bigTable)
	if err != nil {
		return err
	}
	s.begin("compaction begins")
	defer s.end("finished")
	now := time.Now()
	err = s.client.Admin().SetAppEnvs(ctx, bigTable, []string{"manual_compact.once.bottommost_level_compaction", "manual_compact.once.trigger_time"},
		[]string{"force", strconv.FormatInt(now.Unix(), 10)})
	if err != nil {
		return err
	}
	for {
		texts, err := s.command(ctx, "replica.query-compact", parts[0].Pid.String())
		if err != nil {
			return err
		}
		finished := 0
		for _, text := range texts {
			finished += strings.Count(text, `"last_finish":"2`) // a year
		}
		if finished == members {
			s.note("%d MB in each of %d members in %.1f s", s.o.LearnBytes>>20, members, time.Since(now).Seconds())
			return nil
		}
		if err := sleep(ctx, compactPoll); err != nil {
			return fmt.Errorf("%d of %d members have compacted: %q: %w", finished, members, texts, err)
		}
	}
}

const moveEvery = time.Second

func balance(ctx context.Context, s *stage) error {
	s.begin("moves begin")
	defer s.end("moves end")
	began, moves, longest := time.Now(), 0, time.Duration(0)
	for time.Since(began) < s.o.Length {
		parts, err := s.config(ctx, box.Table)
		if err != nil {
			return err
		}
		for _, p := range parts {
			if time.Since(began) >= s.o.Length || len(p.Secondaries) == 0 {
				continue
			}
			bounded, cancel := context.WithTimeoutCause(ctx, moveMax, fmt.Errorf("not done after %v", moveMax))
			moved := time.Now()
			err := s.movePrimary(bounded, p, p.Secondaries[0].Val())
			cancel()
			if err != nil {
				return err
			}
			moves, longest = moves+1, max(longest, time.Since(moved))
			if err := sleep(ctx, moveEvery-time.Since(moved)); err != nil {
				return err
			}
		}
	}
	s.note("%d moves, the longest took %.2f s", moves, longest.Seconds())
	return nil
}

// victim is the replica server that is slow, by its place in the box.
const victim = servers - 1

// demote leaves the victim without primaries.
func demote(ctx context.Context, s *stage) error {
	nodes, err := s.nodes()
	if err != nil {
		return err
	}
	parts, err := s.config(ctx, box.Table)
	if err != nil {
		return err
	}
	member := 0
	for _, p := range parts {
		if p.GetPrimary().Val() == nodes[victim] {
			if len(p.Secondaries) == 0 {
				return fmt.Errorf("partition %v has no secondary to take its primary", p.Pid)
			}
			if err := s.movePrimary(ctx, p, p.Secondaries[0].Val()); err != nil {
				return err
			}
			member++
		} else if isSecondary(p, nodes[victim]) {
			member++
		}
	}
	s.note("member of %d of %d partitions", member, len(parts))
	return nil
}

// The slow peer's duty cycle.
const (
	stopped = 50 * time.Millisecond
	running = 50 * time.Millisecond
)

func slowPeer(ctx context.Context, s *stage) (failed error) {
	pids, err := s.box.ReplicaPids()
	if err != nil {
		return err
	}
	s.begin("slow")
	defer s.end("as before")
	defer func() { failed = errors.Join(failed, syscall.Kill(pids[victim], syscall.SIGCONT)) }()
	for began := time.Now(); time.Since(began) < s.o.Length; {
		if err := syscall.Kill(pids[victim], syscall.SIGSTOP); err != nil {
			return fmt.Errorf("stop process %d: %w", pids[victim], err)
		}
		err := sleep(ctx, stopped)
		if err := errors.Join(err, syscall.Kill(pids[victim], syscall.SIGCONT)); err != nil {
			return err
		}
		if err := sleep(ctx, running); err != nil {
			return err
		}
	}
	return nil
}
