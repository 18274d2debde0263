package faultfs

import (
	"slices"
	"time"
)

// pageBytes is the grain in which overwritten synced bytes are remembered.
const pageBytes = 4096

// node is a file or a directory (an inode). Disk.mu guards it.
type node struct {
	dir     bool
	links   int // names in the current state
	handles int
	locked  bool
	modTime time.Time

	// Of a file. Bytes below synced that no entry of old covers are synced.
	data      []byte
	shared    bool             // data belongs to another disk too: copy before overwriting
	synced    int64            // length of the file at the last sync
	old       map[int64][]byte // by page: synced bytes as they were at the last sync
	dirty     []span           // written since the last sync, in order
	allocated int64            // by Preallocate

	// Of a directory.
	entries       map[string]*node
	syncedEntries map[string]*node
	pending       []*change // since the last sync, in order; it makes entries out of syncedEntries
}

type span struct{ off, end int64 }

// change is an atomic change of names: of one directory, or of two when something moves between them.
type change struct {
	seq   uint64
	edits []edit
}

// edit gives a name in a directory to a node, or to nobody.
type edit struct {
	dir  *node
	name string
	node *node // nil: the name is gone
	was  *node
}

func newDir(now time.Time) *node {
	return &node{dir: true, modTime: now, entries: map[string]*node{}, syncedEntries: map[string]*node{}}
}

// write puts b at off. The caller has found room for it.
func (n *node) write(b []byte, off int64) {
	end := off + int64(len(b))
	if end == off {
		return
	}
	n.remember(off, end)
	if size := int64(len(n.data)); off > size {
		n.markDirty(size, off) // the hole
		n.data = append(n.data, make([]byte, off-size)...)
	}
	if off < int64(len(n.data)) && n.shared {
		n.data, n.shared = slices.Clone(n.data), false
	}
	k := copy(n.data[off:], b)
	n.data = append(n.data, b[k:]...)
	n.markDirty(off, end)
}

// remember keeps the synced bytes of the pages that are about to be overwritten.
func (n *node) remember(off, end int64) {
	for at := off - off%pageBytes; at < min(end, n.synced); at += pageBytes {
		if _, known := n.old[at]; known {
			continue
		}
		if n.old == nil {
			n.old = map[int64][]byte{}
		}
		n.old[at] = slices.Clone(n.data[at:min(at+pageBytes, n.synced)])
	}
}

func (n *node) markDirty(off, end int64) {
	if k := len(n.dirty); k > 0 && n.dirty[k-1].end == off {
		n.dirty[k-1].end = end
		return
	}
	n.dirty = append(n.dirty, span{off, end})
}

// sync makes the current state of a file the synced one.
func (n *node) sync() {
	n.synced = int64(len(n.data))
	n.old, n.dirty = nil, n.dirty[:0]
}

// base returns the bytes as of the last sync. They may be shared with the node.
func (n *node) base() []byte {
	b := n.data[:n.synced:n.synced]
	if len(n.old) == 0 {
		return b
	}
	b = slices.Clone(b)
	for at, page := range n.old { // pages are disjoint: the order does not matter
		copy(b[at:], page)
	}
	return b
}

// space is what the file takes of the disk.
func (n *node) space() int64 { return max(int64(len(n.data)), n.allocated) }

// syncDir makes the names of a directory durable.
func (n *node) syncDir() {
	n.commit(len(n.pending))
}

// commit makes the first k pending changes of a directory durable. The move of a directory reaches the other parent's
// synced names as well, with all that came before it there: no directory is ever in two places.
func (n *node) commit(k int) {
	todo := slices.Clone(n.pending[:k])
	n.pending = slices.Delete(n.pending, 0, k)
	for _, c := range todo {
		for _, e := range c.edits {
			if e.dir == n {
				e.apply(n.syncedEntries)
			} else if c.movesDir() {
				if i := slices.Index(e.dir.pending, c); i >= 0 {
					e.dir.commit(i + 1)
				}
			}
		}
	}
}

func (c *change) movesDir() bool {
	return slices.ContainsFunc(c.edits, func(e edit) bool { return e.node != nil && e.node.dir })
}

func (e edit) apply(entries map[string]*node) {
	if e.node == nil {
		delete(entries, e.name)
	} else {
		entries[e.name] = e.node
	}
}
