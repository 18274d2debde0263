package faultfs

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
)

// EntryRule says which unsynced changes of names survive a crash.
type EntryRule uint8

const (
	EntriesLost   EntryRule = iota // none
	EntriesKept                    // all
	EntriesPrefix                  // those before a random instant, over the whole disk, as with a metadata journal
	EntriesAny                     // in each directory those before a random instant of its own: each further one with EntryPercent
)

// CrashOptions say what a crash does to what was not synced. The zero value loses all of it.
type CrashOptions struct {
	// KeepAll: the process died and the system lives on. Nothing is lost, and what was not synced still is not.
	KeepAll bool

	Entries      EntryRule
	EntryPercent int

	// Of a hundred files with unsynced data, this many keep it, this many keep a torn part of it: a prefix, a prefix with
	// a sector of zeros or garbage in it, or sectors as if they had been written in any order. The others lose it.
	DataKeptPercent, DataTornPercent int
}

// sectorBytes is what a disk writes at once.
const sectorBytes = 512

// AnyCrash draws the options of a power loss.
func AnyCrash(rng *rand.Rand) CrashOptions {
	kept := rng.IntN(3) * 50
	return CrashOptions{
		Entries: EntryRule(rng.IntN(4)), EntryPercent: 20 + rng.IntN(70),
		DataKeptPercent: kept, DataTornPercent: rng.IntN(101 - kept),
	}
}

// Crash ends this life of the disk and returns the next one, without hooks. It draws from rng, which may be nil
// when o leaves nothing to chance. Everything done to the old one, handles and locks included, fails with ErrPowerOff.
func (d *Disk) Crash(rng *rand.Rand, o CrashOptions) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		panic("faultfs: Crash after Crash")
	}
	d.off = true
	next := &Disk{o: d.o, root: d.root, seq: d.seq}
	d.root = nil
	next.settle(rng, o)
	return next
}

// Clone returns what Crash would, and lets this life go on.
func (d *Disk) Clone(rng *rand.Rand, o CrashOptions) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		panic("faultfs: Clone after Crash")
	}
	c := copier{nodes: map[*node]*node{}, changes: map[*change]*change{}}
	next := &Disk{o: d.o, root: c.node(d.root), seq: d.seq}
	next.settle(rng, o)
	return next
}

// settle turns a disk that nobody uses yet into what a crash leaves.
func (d *Disk) settle(rng *rand.Rand, o CrashOptions) {
	dirs := directories(d.root)
	if !o.KeepAll {
		kept := keptChanges(dirs, rng, o)
		for _, n := range dirs {
			for _, c := range n.pending {
				for _, e := range c.edits {
					if e.dir == n && kept[c] {
						e.apply(n.syncedEntries)
					}
				}
			}
			n.entries, n.pending = maps.Clone(n.syncedEntries), nil
		}
	}
	d.used = 0
	seen := map[*node]bool{}
	d.settleTree(d.root, seen, func(n *node) {
		if !o.KeepAll {
			n.settle(rng, o)
		}
	})
}

// settleTree visits what has a name, in the order of the names, and forgets handles and locks.
func (d *Disk) settleTree(n *node, seen map[*node]bool, settle func(*node)) {
	n.links++
	if seen[n] {
		return
	}
	seen[n] = true
	n.links, n.handles, n.locked = 1, 0, false
	if !n.dir {
		settle(n)
		d.used += n.space()
	}
	for _, name := range sortedNames(n.entries) {
		d.settleTree(n.entries[name], seen, settle)
	}
}

// directories lists those of the current and of the synced state.
func directories(root *node) (dirs []*node) {
	seen := map[*node]bool{}
	var visit func(*node)
	visit = func(n *node) {
		if !n.dir || seen[n] {
			return
		}
		seen[n] = true
		dirs = append(dirs, n)
		for _, entries := range [...]map[string]*node{n.entries, n.syncedEntries} {
			for _, child := range entries {
				visit(child)
			}
		}
		for _, c := range n.pending {
			for _, e := range c.edits {
				if e.node != nil {
					visit(e.node)
				}
			}
		}
	}
	visit(root)
	return dirs // in any order: callers must not depend on it
}

// keptChanges chooses which of the pending changes survive.
func keptChanges(dirs []*node, rng *rand.Rand, o CrashOptions) map[*change]bool {
	all := map[*change]bool{}
	for _, n := range dirs {
		for _, c := range n.pending {
			all[c] = false
		}
	}
	order := slices.SortedFunc(maps.Keys(all), func(a, b *change) int { return cmp.Compare(a.seq, b.seq) })
	switch o.Entries {
	case EntriesKept:
		for _, c := range order {
			all[c] = true
		}
	case EntriesPrefix:
		if len(order) > 0 {
			for _, c := range order[:rng.IntN(len(order)+1)] {
				all[c] = true
			}
		}
	case EntriesAny:
		lost := map[*node]bool{} // directories that lost a change
		for _, c := range order {
			all[c] = rng.IntN(100) < o.EntryPercent && !continues(c, lost)
			for _, e := range c.edits {
				lost[e.dir] = lost[e.dir] || !all[c]
			}
		}
	}
	return all
}

// continues says whether c comes after a lost change: in the same directory, or in the one that c removes.
func continues(c *change, lost map[*node]bool) bool {
	removes := len(c.edits) == 1 && c.edits[0].node == nil
	return slices.ContainsFunc(c.edits, func(e edit) bool { return lost[e.dir] || removes && lost[e.was] })
}

// settle turns a file into what a power loss leaves of it.
func (n *node) settle(rng *rand.Rand, o CrashOptions) {
	if len(n.dirty) == 0 {
		return
	}
	roll := 100
	if o.DataKeptPercent+o.DataTornPercent > 0 {
		roll = rng.IntN(100)
	}
	switch {
	case roll < o.DataKeptPercent:
	case roll < o.DataKeptPercent+o.DataTornPercent:
		n.data, n.shared = n.tear(rng), false
	default:
		n.data = n.base()
	}
	n.sync()
}

// tear returns the synced bytes and a part of what was written since.
func (n *node) tear(rng *rand.Rand) []byte {
	var sectors []span
	for _, s := range n.dirty {
		for s.off < s.end {
			end := min(s.off-s.off%sectorBytes+sectorBytes, s.end)
			sectors = append(sectors, span{s.off, end})
			s.off = end
		}
	}
	out := slices.Clone(n.base())
	put := func(s span) {
		if grow := s.end - int64(len(out)); grow > 0 {
			out = append(out, make([]byte, grow)...)
		}
		copy(out[s.off:s.end], n.data[s.off:])
	}
	kind := rng.IntN(4)
	if kind == 3 { // in any order; the length may have reached the disk before the data
		for _, s := range sectors {
			if rng.IntN(2) == 0 {
				put(s)
			}
		}
		if grow := len(n.data) - len(out); grow > 0 && rng.IntN(2) == 0 {
			out = append(out, make([]byte, grow)...)
		}
		return out
	}
	whole := rng.IntN(len(sectors))
	for _, s := range sectors[:whole] {
		put(s)
	}
	last := sectors[whole]
	if last.end = last.off + rng.Int64N(last.end-last.off); last.end > last.off {
		put(last)
	}
	if kind > 0 && whole > 0 {
		s := sectors[rng.IntN(whole)]
		for i := s.off; i < s.end; i++ {
			out[i] = 0
			if kind == 2 {
				out[i] = byte(rng.Uint32())
			}
		}
	}
	return out
}

// copier copies a tree with its unsynced state. Data is shared until somebody overwrites it.
type copier struct {
	nodes   map[*node]*node
	changes map[*change]*change
}

func (c *copier) node(n *node) *node {
	if n == nil {
		return nil
	}
	if to := c.nodes[n]; to != nil {
		return to
	}
	n.data, n.shared = n.data[:len(n.data):len(n.data)], true
	to := &node{
		dir: n.dir, modTime: n.modTime, data: n.data, shared: true, synced: n.synced, old: maps.Clone(n.old), dirty: slices.Clone(n.dirty),
		allocated: n.allocated,
	}
	c.nodes[n] = to
	if n.dir {
		to.entries, to.syncedEntries = c.entries(n.entries), c.entries(n.syncedEntries)
	}
	for _, p := range n.pending {
		to.pending = append(to.pending, c.change(p))
	}
	return to
}

func (c *copier) entries(m map[string]*node) map[string]*node {
	to := make(map[string]*node, len(m))
	for name, n := range m {
		to[name] = c.node(n)
	}
	return to
}

func (c *copier) change(p *change) *change {
	if to := c.changes[p]; to != nil {
		return to
	}
	to := &change{seq: p.seq}
	c.changes[p] = to
	for _, e := range p.edits {
		to.edits = append(to.edits, edit{dir: c.node(e.dir), name: e.name, node: c.node(e.node), was: c.node(e.was)})
	}
	return to
}
