package seeded

import (
	"slices"
	"time"
)

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
		{"meta loads slowly", 5, n.metaLoadsSlowly},
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

// heal ends all faults and starts what is down.
func (c *cluster) heal() {
	c.state.slow = 0
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
