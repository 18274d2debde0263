//go:build linux

package chaos

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/pegasus-go/pegasus/compat-tests/netlab"
)

// fault is an entry of the menu.
type fault struct {
	kind     string
	alone    bool                   // harms the whole cluster: nothing else happens meanwhile
	needs    func(*theCluster) bool // nil: every cluster will do
	min, max time.Duration          // how long it lasts
	itself   bool                   // inject lasts as long as the fault
	// inject harms and says how to undo that. undo is nil when the harm ends by itself.
	inject func(r *run, s step) (undo func() error, err error)
}

// Longer than the lease (7 s) and the grace (8 s) of the failure detector, and shorter.
const (
	short    = 2 * time.Second
	medium   = 6 * time.Second
	beyond   = 9 * time.Second
	longest  = 15 * time.Second
	leaderIn = 20 * time.Second
)

// menu is all faults. What a kind is called is what the report calls it.
func menu() []fault {
	isolated := func(c *theCluster) bool { return c.lab.Isolated() }
	ensemble := func(c *theCluster) bool { return len(c.of(roleZooKeeper)) > 0 }
	return []fault{
		{kind: "kill -9 a replica server", max: longest, inject: killOne},
		{kind: "kill -9 two replica servers", max: medium, alone: true, inject: killTwo},
		{kind: "kill -9 everything", max: short, alone: true, inject: killEverything},
		{kind: "pause a replica server beyond its lease", min: beyond, max: longest, inject: pauseOne},
		{kind: "pause a replica server shortly", min: short, max: medium, inject: pauseOne},
		{kind: "kill -9 a replica server again and again", max: short, inject: killAgain},
		{kind: "kill -9 one server after the other", min: medium, max: longest, alone: true, itself: true, inject: killStorm},
		{kind: "lose the disk of a replica server", max: medium, alone: true, inject: loseDisk},
		{kind: "stop a replica server gracefully", max: medium, inject: stopOne},
		{kind: "rolling restart of the replica servers", alone: true, inject: rollingRestart},
		{kind: "move primaries and secondaries by hand", min: short, max: medium, itself: true, inject: movePartitions},
		{kind: "kill -9 the leading meta server", max: longest, inject: killLeader},
		{kind: "stop the leading meta server gracefully", max: medium, inject: stopLeader},
		{kind: "pause the leading meta server", min: medium, max: longest, inject: pauseLeader},
		{kind: "cut off a replica server", min: medium, max: longest, needs: isolated, inject: link(all, netlab.Link{Cut: true}, both)},
		{kind: "cut what a replica server sends", min: medium, max: longest, needs: isolated, inject: link(all, netlab.Link{Cut: true}, outbound)},
		{kind: "cut what a replica server gets", min: medium, max: longest, needs: isolated, inject: link(all, netlab.Link{Cut: true}, inbound)},
		{kind: "cut a replica server from the metas", min: beyond, max: longest, needs: isolated, inject: link(onlyMetas, netlab.Link{Cut: true}, both)},
		{kind: "cut what the metas send to a replica server", min: beyond, max: longest, needs: isolated, inject: link(onlyMetas, netlab.Link{Cut: true}, inbound)},
		{kind: "cut a replica server from another", min: medium, max: longest, needs: isolated, inject: link(onlyNext, netlab.Link{Cut: true}, both)},
		{kind: "cut one way between two replica servers", min: medium, max: longest, needs: isolated, inject: link(onlyNext, netlab.Link{Cut: true}, outbound)},
		{kind: "cut a replica server from the clients", min: medium, max: longest, needs: isolated, inject: link(onlyClients, netlab.Link{Cut: true}, both)},
		{kind: "lossy links of a replica server", min: medium, max: longest, needs: isolated, inject: link(all, netlab.Link{Loss: 0.15}, both)},
		{kind: "slow links of a replica server", min: medium, max: longest, needs: isolated, inject: link(all, netlab.Link{Delay: 100 * time.Millisecond, Jitter: 150 * time.Millisecond}, both)},
		{kind: "duplicated and reordered packets everywhere", min: medium, max: longest, needs: isolated, inject: troubleEverywhere},
		{kind: "full disk", min: medium, max: longest, needs: isolated, inject: fillDisk},
		{kind: "full disk, and kill -9", min: short, max: medium, needs: isolated, inject: fillDiskAndKill},
		{kind: "kill -9 a ZooKeeper member", min: short, max: longest, needs: ensemble, inject: killMembers(1)},
		{kind: "kill -9 two ZooKeeper members", min: medium, max: longest, needs: ensemble, inject: killMembers(2)},
		{kind: "cut the leading meta server from ZooKeeper", min: beyond, max: longest, needs: ensemble, inject: cutLeaderFromZooKeeper},
	}
}

// restart undoes the end of servers.
func restart(list ...*server) func() error {
	return func() error {
		var errs []error
		for _, s := range list {
			errs = append(errs, s.start())
		}
		return errors.Join(errs...)
	}
}

func killOne(r *run, s step) (func() error, error) {
	victim := r.take(roleReplica, s.victim)
	return restart(victim), victim.kill()
}

func killTwo(r *run, s step) (func() error, error) {
	a, b := r.take(roleReplica, s.victim), r.take(roleReplica, s.victim+1)
	return restart(a, b), errors.Join(a.kill(), b.kill())
}

func killEverything(r *run, _ step) (func() error, error) {
	var list []*server
	var errs []error
	for _, s := range r.c.servers {
		if s.role != roleZooKeeper {
			list = append(list, s)
			_, err := s.end(syscall.SIGKILL) // as good as at once
			errs = append(errs, err)
		}
	}
	for _, s := range list {
		errs = append(errs, s.kill())
	}
	r.logf("killed all %d servers", len(list))
	return restart(list...), errors.Join(errs...)
}

func pauseOne(r *run, s step) (func() error, error) {
	victim := r.take(roleReplica, s.victim)
	return victim.resume, victim.pause()
}

func stopOne(r *run, s step) (func() error, error) {
	victim := r.take(roleReplica, s.victim)
	return restart(victim), victim.stop(syscall.SIGTERM)
}

// rollingRestart stops and starts one replica server after the other, as an operator does: the next when all is well again.
func rollingRestart(r *run, _ step) (func() error, error) {
	for _, s := range r.c.of(roleReplica) {
		if err := errors.Join(s.stop(syscall.SIGTERM), s.start()); err != nil {
			return nil, err
		}
		r.logf("%s was restarted", s.name)
		if _, err := r.c.awaitHealthy(healWithin); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func killLeader(r *run, _ step) (func() error, error) {
	victim, err := r.takeLeader()
	if err != nil {
		return nil, err
	}
	return restart(victim), victim.kill()
}

func pauseLeader(r *run, _ step) (func() error, error) {
	victim, err := r.takeLeader()
	if err != nil {
		return nil, err
	}
	return victim.resume, victim.pause()
}

func killMembers(n int) func(*run, step) (func() error, error) {
	return func(r *run, s step) (func() error, error) {
		var list []*server
		var errs []error
		for i := range n {
			list = append(list, r.take(roleZooKeeper, s.victim+i))
			errs = append(errs, list[i].kill())
		}
		return restart(list...), errors.Join(errs...)
	}
}

// killAgain kills a server that has hardly begun to learn what it missed.
func killAgain(r *run, s step) (func() error, error) {
	victim := r.take(roleReplica, s.victim)
	var errs []error
	for i := range 4 {
		errs = append(errs, victim.kill(), victim.start())
		time.Sleep(time.Duration(i) * 400 * time.Millisecond)
	}
	return restart(victim), errors.Join(append(errs, victim.kill())...)
}

// Of a storm: how many servers are down at most, and the longest time between two kills.
const (
	stormDownMax  = 3
	stormPauseMax = 800 * time.Millisecond
)

// killStorm kills meta and replica servers at random without waiting for anything. Some are down at any time, and those that
// come back have seldom caught up when the next one goes.
func killStorm(r *run, s step) (func() error, error) {
	rng := rand.New(rand.NewPCG(*seed, uint64(s.victim)))
	list := append(r.c.of(roleMeta), r.c.of(roleReplica)...)
	var down []*server
	kills := 0
	for end := time.Now().Add(s.last); time.Now().Before(end); time.Sleep(time.Duration(rng.Int64N(int64(stormPauseMax)))) {
		if victim := list[rng.IntN(len(list))]; victim.running() {
			if err := victim.kill(); err != nil {
				return restart(down...), err
			}
			kills++
			down = append(down, victim)
		}
		if len(down) > rng.IntN(stormDownMax+1) {
			if err := down[0].start(); err != nil {
				return restart(down...), err
			}
			down = down[1:]
		}
	}
	r.logf("%d kills", kills)
	return restart(down...), nil
}

// loseDisk makes a server come back with an empty disk. Before that all is well, so that two others have everything.
func loseDisk(r *run, s step) (func() error, error) {
	if _, err := r.c.awaitHealthy(healWithin); err != nil {
		return nil, err
	}
	victim := r.take(roleReplica, s.victim)
	if err := victim.kill(); err != nil {
		return nil, err
	}
	data := filepath.Join(victim.dir, "data")
	return restart(victim), victim.host.OnThread(func() error { // which sees the mounts of the host
		entries, err := os.ReadDir(data)
		for _, e := range entries {
			err = errors.Join(err, os.RemoveAll(filepath.Join(data, e.Name())))
		}
		return err
	})
}

func stopLeader(r *run, _ step) (func() error, error) {
	victim, err := r.takeLeader()
	if err != nil {
		return nil, err
	}
	return restart(victim), victim.stop(syscall.SIGTERM)
}
