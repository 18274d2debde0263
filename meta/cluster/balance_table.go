package cluster

import (
	"math"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// tableBalance balances one table over the servers (meta.md 8.2). It keeps a model that it changes
// with each move it plans. The partitions are looked at only when there is something to move.
type tableBalance struct {
	s         *State
	a         *App
	nodes     []base.RPCAddress
	low, high int // primaries per server when balanced
	primary   map[base.RPCAddress]int
	replicas  map[base.RPCAddress]int
	held      map[base.RPCAddress][]*Partition // by member, in the order of partitions; see partitions
	disks     map[disk]int                     // primaries; see partitions
	taken     map[*Partition]bool
}

// disk is one disk of a server.
type disk struct {
	node base.RPCAddress
	tag  string
}

func newTableBalance(s *State, a *App, nodes []base.RPCAddress) *tableBalance {
	n := len(nodes)
	b := &tableBalance{
		s: s, a: a, nodes: nodes, low: len(a.parts) / n, high: (len(a.parts) + n - 1) / n,
		primary: make(map[base.RPCAddress]int, n), replicas: make(map[base.RPCAddress]int, n), taken: map[*Partition]bool{},
	}
	for _, x := range nodes {
		t := a.tally(s.nodes[x])
		b.primary[x], b.replicas[x] = int(t.primaries), int(t.partitions)
	}
	return b
}

// partitions returns those of which a server is a member.
func (b *tableBalance) partitions(n base.RPCAddress) []*Partition {
	if b.held == nil {
		b.held, b.disks = make(map[base.RPCAddress][]*Partition, len(b.nodes)), map[disk]int{}
		for _, p := range b.a.parts {
			c := &p.config
			b.held[c.Primary] = append(b.held[c.Primary], p)
			b.disks[p.diskOn(c.Primary)]++
			for _, x := range c.Secondaries {
				b.held[x] = append(b.held[x], p)
			}
		}
	}
	return b.held[n]
}

func (p *Partition) diskOn(n base.RPCAddress) disk { return disk{n, p.servedBy(n).diskTag} }

// primaries plans moves of primaries along the widest path from servers with too many to servers
// with too few; where no path of secondaries leads there, a replica is copied.
func (b *tableBalance) primaries() []move {
	above, below := 0, 0
	for _, n := range b.nodes {
		if b.primary[n] > b.high {
			above++
		}
		if b.primary[n] < b.low {
			below++
		}
	}
	if above == 0 && below == 0 {
		return nil
	}
	path, flow := b.widestPath(above > 0 && below == 0)
	if flow > 0 {
		return b.movesAlong(path, flow)
	}
	if b.s.opts.OnlyMovePrimary {
		return nil
	}
	return b.copies(copyPrimary)
}

// capacities is the flow graph: vertex 0 is the source, the last one the sink, the servers between.
// An edge between servers is the number of primaries of the one that have a secondary on the other.
func (b *tableBalance) capacities(spread bool) [][]int {
	n := len(b.nodes)
	index := map[base.RPCAddress]int{}
	cells := make([]int, (n+2)*(n+2))
	capacity := make([][]int, n+2)
	for i := range capacity {
		capacity[i], cells = cells[:n+2], cells[n+2:]
	}
	for i, x := range b.nodes {
		index[x] = i + 1
		more := b.primary[x] - b.low
		switch {
		case more > 0 && spread: // nobody has too few: bring those above the average down to it
			capacity[0][i+1] = more - 1
		case more > 0:
			capacity[0][i+1] = more
		case spread:
			capacity[i+1][n+1] = 1 - more
		default:
			capacity[i+1][n+1] = -more
		}
	}
	for _, p := range b.a.parts {
		for _, x := range p.config.Secondaries {
			capacity[index[p.config.Primary]][index[x]]++
		}
	}
	return capacity
}

// widestPath finds the path from source to sink with the largest bottleneck.
func (b *tableBalance) widestPath(spread bool) (path []base.RPCAddress, flow int) {
	capacity := b.capacities(spread)
	n := len(capacity)
	width, from, done := make([]int, n), make([]int, n), make([]bool, n)
	width[0] = math.MaxInt
	for {
		at := -1
		for i := range n {
			if !done[i] && width[i] > 0 && (at < 0 || width[i] > width[at]) {
				at = i
			}
		}
		if at < 0 || at == n-1 {
			break
		}
		done[at] = true
		for i := range n {
			if w := min(width[at], capacity[at][i]); w > width[i] {
				width[i], from[i] = w, at
			}
		}
	}
	if width[n-1] == 0 {
		return nil, 0
	}
	for i := from[n-1]; i != 0; i = from[i] {
		path = append([]base.RPCAddress{b.nodes[i-1]}, path...)
	}
	return path, width[n-1]
}

// movesAlong moves so many primaries over every hop, those first that even out the disks most.
func (b *tableBalance) movesAlong(path []base.RPCAddress, count int) (moves []move) {
	for i := len(path) - 2; i >= 0; i-- {
		from, to := path[i], path[i+1]
		for range count {
			var best *Partition
			gain := math.MinInt
			for _, p := range b.partitions(from) {
				if p.config.Primary != from || !p.config.isSecondary(to) || b.taken[p] {
					continue
				}
				g := b.disks[p.diskOn(from)] - b.disks[p.diskOn(to)]
				if g > gain {
					best, gain = p, g
				}
			}
			if best == nil {
				break
			}
			b.taken[best] = true
			b.disks[best.diskOn(from)]--
			b.disks[best.diskOn(to)]++
			moves = append(moves, move{part: best, kind: movePrimary, from: from, to: to})
		}
	}
	return moves
}

// copies plans copies from the server with the most to the server with the least, until they are
// even enough. kind says whether primaries or all replicas count.
func (b *tableBalance) copies(kind moveKind) (moves []move) {
	counts := b.replicas
	if kind == copyPrimary {
		counts = b.primary
	}
	some := false // somebody has fewer than the average
	for _, n := range b.nodes {
		some = some || counts[n] < b.low
	}
	givers := append([]base.RPCAddress(nil), b.nodes...)
	for len(givers) > 0 {
		from, to := givers[0], b.nodes[0]
		for _, n := range givers {
			if counts[n] > counts[from] {
				from = n
			}
		}
		for _, n := range b.nodes {
			if counts[n] < counts[to] {
				to = n
			}
		}
		if counts[from]-counts[to] <= 1 || kind == copyPrimary && some && counts[to] >= b.low {
			break
		}
		p := b.pick(kind, from, to)
		if p == nil {
			givers = without(givers, from)
			continue
		}
		b.taken[p] = true
		counts[from]--
		counts[to]++
		moves = append(moves, move{part: p, kind: kind, from: from, to: to})
	}
	return moves
}

// pick chooses a replica to copy: on the fullest disk of the giving server.
func (b *tableBalance) pick(kind moveKind, from, to base.RPCAddress) *Partition {
	onDisk := map[string]int{}
	var fit []*Partition
	for _, p := range b.partitions(from) {
		if kind == copyPrimary && p.config.Primary != from {
			continue
		}
		onDisk[p.servedBy(from).diskTag]++
		if b.taken[p] || p.config.isMember(to) || kind == copySecondary && p.config.Primary == from {
			continue
		}
		fit = append(fit, p)
	}
	var best *Partition
	for _, p := range fit {
		if best == nil || onDisk[p.servedBy(from).diskTag] > onDisk[best.servedBy(from).diskTag] {
			best = p
		}
	}
	return best
}
