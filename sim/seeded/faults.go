package seeded

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/sim/faultfs"
)

const primaryStatus = pacifica.Primary

var keepAll = faultfs.CrashOptions{KeepAll: true}

// nemesis injects faults until the end of the safety phase.
type nemesis struct {
	c   *cluster
	end time.Duration
	all []fault
}

// fault is one kind. do begins it, ends it later by itself, and reports whether it could be done now.
type fault struct {
	name   string
	weight int
	do     func() bool
}

func newNemesis(c *cluster) *nemesis {
	n := &nemesis{c: c}
	n.all = []fault{
		{"kill", 10, n.killProcess},
		{"power loss", 10, n.powerLoss},
		{"stop", 6, n.stopServer},
		{"pause", 8, n.pause},
		{"isolate", 8, n.isolate},
		{"cut one way", 6, n.cutOneWay},
		{"cut from metas", 5, n.cutFromMetas},
		{"lossy link", 5, n.lossy},
		{"lossy network", 4, n.lossyEverywhere},
		{"slow network", 4, n.slowEverywhere},
		{"slow disk", 5, n.slowDisk},
		{"disk error", 4, n.diskError},
		{"disk full", 4, n.diskFull},
		{"clock rate", 4, n.clockRate},
		{"clock jump", 4, n.clockJump},
		{"meta kill", 6, n.metaKill},
		{"meta pause", 5, n.metaPause},
		{"meta state lost", 5, n.metaStateLost},
		{"everything at once", 3, n.everything},
		{"disk lost", 4, n.diskLost},
		{"flipped bit", 5, n.flippedBit},
		{"server joins", 2, n.join},
		{"table created", 3, n.createTable},
		{"table dropped", 3, n.dropTable},
		{"env changed", 2, n.changeEnv},
		{"manual move", 4, n.move},
		{"partition killed", 4, n.killPartition},
		{"balancer", 2, n.balance},
		{"compaction", 5, n.compact},
	}
	if len(c.opts.Only) > 0 {
		n.all = slices.DeleteFunc(n.all, func(f fault) bool { return !slices.Contains(c.opts.Only, f.name) })
	}
	return n
}

func (n *nemesis) start(end time.Duration) {
	n.end = end
	n.next()
}

// next injects one fault after a while: mostly when the one before may be over, sometimes earlier.
func (n *nemesis) next() {
	w := n.c.w
	pause := w.between(20*time.Second, 150*time.Second)
	if w.chance(35) {
		pause = w.between(0, 15*time.Second)
	}
	w.at(pause, nil, func() {
		if w.now >= n.end-30*time.Second {
			return
		}
		f := n.draw()
		if f.do() {
			n.c.faults[f.name]++
		}
		n.next()
	})
}

func (n *nemesis) draw() fault {
	sum := 0
	for _, f := range n.all {
		sum += f.weight
	}
	at := n.c.w.rng.IntN(sum)
	for _, f := range n.all {
		if at -= f.weight; at < 0 {
			return f
		}
	}
	panic("unreachable")
}

// later ends a fault after a while.
func (n *nemesis) later(lo, hi time.Duration, f func()) {
	n.c.w.at(n.c.w.between(lo, hi), nil, f)
}

// running lists the machines of a list that serve.
func running(list []*machine) (up []*machine) {
	for _, m := range list {
		if m.up && !m.node.paused {
			up = append(up, m)
		}
	}
	return up
}

// server draws a replica server that serves.
func (n *nemesis) server() *machine {
	if up := running(n.c.replicas); len(up) > 0 {
		return pick(n.c.w, up)
	}
	return nil
}

// backIn is how long a machine stays down: usually shortly, sometimes until others took its place.
func (n *nemesis) backIn() (lo, hi time.Duration) {
	switch n.c.w.rng.IntN(6) {
	case 0:
		return 300 * time.Second, 500 * time.Second
	case 1, 2:
		return 15 * time.Second, 60 * time.Second
	}
	return 100 * time.Millisecond, 8 * time.Second
}

func (n *nemesis) restartLater(m *machine) {
	lo, hi := n.backIn()
	n.later(lo, hi, func() { n.c.restart(m) })
}

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

// others are all machine numbers but one; among them the clients and the state service.
func (n *nemesis) others(m int) (list []int) {
	for i := range n.c.state.machine + 1 {
		if i != m {
			list = append(list, i)
		}
	}
	return list
}

// change alters links until later.
func (n *nemesis) change(from, to []int, set, unset func(*link), lo, hi time.Duration) {
	for _, a := range from {
		for _, b := range to {
			if a != b {
				set(&n.c.net.links[a][b])
			}
		}
	}
	n.later(lo, hi, func() {
		for _, a := range from {
			for _, b := range to {
				unset(&n.c.net.links[a][b])
			}
		}
		n.c.note("network", "links between %v and %v are as before", from, to)
	})
}

func cut(l *link)   { l.cut = true }
func uncut(l *link) { l.cut = false }

func (n *nemesis) isolate() bool {
	m := n.server()
	if m == nil {
		return false
	}
	n.c.note("network", "%s is cut off", m.name)
	n.change([]int{m.index}, n.others(m.index), cut, uncut, time.Second, 40*time.Second)
	n.change(n.others(m.index), []int{m.index}, cut, uncut, time.Second, 40*time.Second)
	return true
}

func (n *nemesis) cutOneWay() bool {
	m := n.server()
	if m == nil {
		return false
	}
	others := n.others(m.index)
	if n.c.w.chance(60) {
		others = []int{pick(n.c.w, others)}
	}
	if n.c.w.chance(50) {
		n.c.note("network", "%s is not heard by %v", m.name, others)
		n.change([]int{m.index}, others, cut, uncut, time.Second, 40*time.Second)
	} else {
		n.c.note("network", "%s does not hear %v", m.name, others)
		n.change(others, []int{m.index}, cut, uncut, time.Second, 40*time.Second)
	}
	return true
}

func (n *nemesis) metaNumbers() (list []int) {
	for _, m := range n.c.metas {
		list = append(list, m.index)
	}
	return list
}

func (n *nemesis) cutFromMetas() bool {
	m := n.server()
	if m == nil {
		return false
	}
	n.c.note("network", "%s is cut off from the metas", m.name)
	n.change([]int{m.index}, n.metaNumbers(), cut, uncut, 2*time.Second, 40*time.Second)
	n.change(n.metaNumbers(), []int{m.index}, cut, uncut, 2*time.Second, 40*time.Second)
	return true
}

func (n *nemesis) lossy() bool {
	m := n.server()
	if m == nil {
		return false
	}
	percent := 5 + n.c.w.rng.IntN(60)
	n.c.note("network", "%s loses %d%% of its messages", m.name, percent)
	n.change([]int{m.index}, n.others(m.index), func(l *link) { l.loss, l.twice, l.resets = percent, 10, 5 }, clearLink, 5*time.Second, 60*time.Second)
	return true
}

func clearLink(l *link) { l.loss, l.twice, l.resets, l.delay = 0, 0, 0, 0 }

func (n *nemesis) lossyEverywhere() bool {
	percent := 1 + n.c.w.rng.IntN(15)
	n.c.note("network", "loses %d%% of all messages and brings some twice", percent)
	n.change(n.others(-1), n.others(-1), func(l *link) { l.loss, l.twice, l.resets = percent, 5, 2 }, clearLink, 5*time.Second, 60*time.Second)
	return true
}

func (n *nemesis) slowEverywhere() bool {
	delay := n.c.w.between(5*time.Millisecond, 1500*time.Millisecond)
	n.c.note("network", "is slow: up to %v", delay)
	n.change(n.others(-1), n.others(-1), func(l *link) { l.delay, l.twice = delay, 3 }, clearLink, 5*time.Second, 40*time.Second)
	return true
}

// isLog: the private log is the one place where a task may wait for the disk, and where an error
// meets the same operation in every run: the engine's own files are touched by its goroutines.
func isLog(path string) bool { return strings.Contains(path, "/plog/") }

func (n *nemesis) slowDisk() bool {
	m := n.server()
	if m == nil {
		return false
	}
	node, disk, most := m.node, m.disk, n.c.w.between(5*time.Millisecond, 800*time.Millisecond)
	n.c.note(m.name, "has a slow disk: up to %v", most)
	disk.Delay(func(op faultfs.Op) {
		if op.Kind == faultfs.OpSyncData && isLog(op.Path) && n.c.w.cur != nil && n.c.w.cur.n == node {
			node.Wait(n.c.w.between(0, most))
		}
	})
	n.later(5*time.Second, 60*time.Second, func() { disk.Delay(nil) })
	return true
}

func (n *nemesis) diskError() bool {
	m := n.server()
	if m == nil {
		return false
	}
	disk, kinds := m.disk, []faultfs.Kind{faultfs.OpSyncData}
	if n.c.w.chance(50) {
		kinds = []faultfs.Kind{faultfs.OpWrite, faultfs.OpCreate}
	}
	n.c.note(m.name, "has a disk that refuses %v", kinds)
	disk.Fail(onLog(syscall.EIO, kinds))
	n.later(50*time.Millisecond, 20*time.Second, func() { disk.Fail(nil) })
	return true
}

func (n *nemesis) diskFull() bool {
	m := n.server()
	if m == nil {
		return false
	}
	disk := m.disk
	n.c.note(m.name, "has a full disk")
	disk.Fail(onLog(syscall.ENOSPC, []faultfs.Kind{faultfs.OpWrite, faultfs.OpCreate, faultfs.OpPreallocate}))
	n.later(50*time.Millisecond, 20*time.Second, func() { disk.Fail(nil) })
	return true
}

func onLog(err error, kinds []faultfs.Kind) func(faultfs.Op) error {
	refuse := faultfs.Refuse(err, kinds...)
	return func(op faultfs.Op) error {
		if !isLog(op.Path) {
			return nil
		}
		return refuse(op)
	}
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

// diskLost takes everything from one machine. It, and a flipped bit, happen only while every
// partition is whole: then others have what is lost.
func (n *nemesis) diskLost() bool {
	m := n.server()
	if m == nil || !n.c.whole() {
		return false
	}
	n.c.note(m.name, "loses its disk")
	n.c.kill(m, keepAll)
	m.disk = faultfs.New(faultfs.Options{Now: m.now, CapacityBytes: diskBytes})
	n.c.checks.forget(m)
	n.later(100*time.Millisecond, 60*time.Second, func() { n.c.restart(m) })
	return true
}

func (n *nemesis) flippedBit() bool {
	m := n.server()
	if m == nil || !n.c.whole() {
		return false
	}
	n.c.kill(m, keepAll)
	path, bit, ok := m.disk.RandomBit(n.c.w.rng, "/", func(p string) bool { return isLog(p) || strings.HasSuffix(p, "-info") })
	if ok {
		n.c.note(m.name, "has a flipped bit: %s %d", path, bit)
		if err := m.disk.FlipBit(path, bit); err != nil {
			n.c.w.fail("flip bit %d of %s: %v", bit, path, err)
		}
		n.c.checks.forget(m)
		m.hurt = true
	}
	n.later(100*time.Millisecond, 10*time.Second, func() { n.c.restart(m) })
	return ok
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

func (n *nemesis) join() bool {
	for _, m := range n.c.replicas {
		if m.lives == 0 {
			n.c.startReplica(m)
			return true
		}
	}
	return false
}

// heal ends all faults and starts what is down.
func (c *cluster) heal() {
	for a := range c.net.links {
		for b := range c.net.links[a] {
			c.net.links[a][b] = link{}
		}
	}
	for _, m := range c.allMachines() {
		if m.disk != nil {
			m.disk.Fail(nil)
			m.disk.Delay(nil)
		}
		if m.node != nil && m.node.paused {
			m.node.resume()
		}
		if m.node == nil && (m.lives > 0 || m.disk == nil) {
			c.restart(m)
		}
	}
}

func (n *nemesis) String() string { return fmt.Sprintf("%d kinds of faults", len(n.all)) }
