package seeded

import (
	"time"
)

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
