package seeded

import (
	"context"
	"time"

	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/sim/faultfs"
)

const primaryStatus = pacifica.Primary

var keepAll = faultfs.CrashOptions{KeepAll: true}

func (n *nemesis) killProcess() bool {
	m := n.server()
	if m == nil {
		return false
	}
	n.c.note(m.name, "is killed")
	n.c.kill(m, keepAll)
	if n.c.w.chance(70) {
		n.c.testify(m, m.startMs)
	}
	n.restartLater(m)
	return true
}

func (n *nemesis) powerLoss() bool {
	m := n.server()
	if m == nil {
		return false
	}
	n.c.note(m.name, "loses power")
	n.c.kill(m, faultfs.AnyCrash(n.c.w.rng))
	n.restartLater(m)
	return true
}

func (n *nemesis) stopServer() bool {
	m := n.server()
	if m == nil {
		return false
	}
	n.c.stop(m, func() { n.restartLater(m) })
	return true
}

func (n *nemesis) pauseMachine(m *machine, lo, hi time.Duration) {
	node := m.node
	n.c.note(m.name, "is paused")
	node.pause()
	n.later(lo, hi, func() {
		if m.node == node {
			n.c.note(m.name, "goes on")
			node.resume()
		}
	})
}

func (n *nemesis) pause() bool {
	m := n.server()
	if m == nil {
		return false
	}
	n.pauseMachine(m, 200*time.Millisecond, 25*time.Second)
	return true
}

// meta draws a meta server, mostly the leader.
func (n *nemesis) meta() *machine {
	up := running(n.c.metas)
	if len(up) == 0 {
		return nil
	}
	if n.c.w.chance(70) {
		for _, m := range up {
			if m.state.leads {
				return m
			}
		}
	}
	return pick(n.c.w, up)
}

func (n *nemesis) metaKill() bool {
	m := n.meta()
	if m == nil {
		return false
	}
	if n.c.w.chance(30) {
		n.c.stop(m, func() { n.restartLater(m) })
		return true
	}
	n.c.note(m.name, "is killed")
	n.c.kill(m, keepAll)
	n.restartLater(m)
	return true
}

func (n *nemesis) metaPause() bool {
	m := n.meta()
	if m == nil {
		return false
	}
	n.pauseMachine(m, time.Second, 30*time.Second)
	return true
}

func (n *nemesis) metaStateLost() bool {
	m := n.meta()
	if m == nil {
		return false
	}
	n.c.note("network", "%s is cut off from its state", m.name)
	n.change([]int{m.index}, []int{n.c.state.machine}, cut, uncut, time.Second, 20*time.Second)
	if n.c.w.chance(60) {
		n.change([]int{n.c.state.machine}, []int{m.index}, cut, uncut, time.Second, 20*time.Second)
	}
	return true
}

// metaLoadsSlowly changes the leader while reading the state takes its time: a few round trips, up to twice the lease.
func (n *nemesis) metaLoadsSlowly() bool {
	if n.c.state.slow > 0 || !n.metaKill() {
		return false
	}
	n.c.state.slow = n.c.w.between(500*time.Millisecond, 2900*time.Millisecond)
	n.c.note("state", "answers reads after %v", n.c.state.slow)
	n.later(10*time.Second, 60*time.Second, func() { n.c.state.slow = 0 })
	return true
}

func (n *nemesis) everything() bool {
	n.c.note("world", "everything loses power")
	for _, m := range n.c.allMachines() {
		if m.node == nil {
			continue
		}
		n.c.kill(m, faultfs.AnyCrash(n.c.w.rng))
		n.later(100*time.Millisecond, 10*time.Second, func() { n.c.restart(m) })
	}
	return true
}
func (n *nemesis) join() bool {
	for _, m := range n.c.replicas {
		if m.lives == 0 {
			n.c.startReplica(m)
			return true
		}
	}
	return false
}

// compact sweeps the expired rows out of one replica: its members must stay equal.
func (n *nemesis) compact() bool {
	m := n.server()
	if m == nil {
		return false
	}
	server, g := m.replica, pick(n.c.w, n.c.state.partitions()).gpid
	n.c.note(m.name, "compacts %v", g)
	m.node.Go(func() {
		if err := server.Compact(context.Background(), g); err != nil {
			n.c.w.trace.comment(n.c.w.now, err.Error())
		}
	})
	return true
}

// clockRate: within the bound that the lease and the grace period allow for, 7 s against 8 s.
func (n *nemesis) clockRate() bool {
	m := pick(n.c.w, n.c.allMachines())
	m.rate = 0.97 + 0.06*n.c.w.rng.Float64()
	n.c.note(m.name, "has a clock of rate %.3f", m.rate)
	if m.node != nil {
		m.node.setRate(m.rate)
	}
	return true
}

func (n *nemesis) clockJump() bool {
	m := pick(n.c.w, n.c.allMachines())
	m.skew = n.c.w.between(-10*time.Minute, 10*time.Minute)
	n.c.note(m.name, "has a wall clock that is %v off", m.skew)
	if m.node != nil {
		m.node.skew = m.skew
	}
	return true
}
func (c *cluster) allMachines() []*machine {
	return append(append([]*machine{}, c.metas...), c.replicas...)
}
