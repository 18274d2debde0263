package pacifica

import "slices"

// entry is a mutation in the prepare list.
type entry struct {
	m      *Mutation
	logged bool
	// waiting are the nodes whose acknowledgement is missing (primary only).
	waiting []Node
	// preparedMs is when the current round of prepares began.
	preparedMs int64
	// ackTokens are received prepares to be answered when the entry is logged (members only).
	ackTokens []uint64
}

// prepareList holds the mutations min..M, some of them committed already; L is the last committed.
// Invariant: every decree of (L, M] is present; the committed part below is contiguous up to L.
type prepareList struct {
	ring           []entry // by decree modulo its length
	min            int64   // lowest decree present; M+1 when empty
	last           int64   // M
	committed      int64   // L
	committedBytes int64   // encoded bytes of the entries min..L
	bytesMax       int64
}

func newPrepareList(decreesMax, bytesMax int64) *prepareList {
	return &prepareList{ring: make([]entry, decreesMax), min: 1, bytesMax: bytesMax}
}

func (l *prepareList) slot(d int64) *entry { return &l.ring[d%int64(len(l.ring))] }

// get returns the entry of a decree, nil when it is not in the list.
func (l *prepareList) get(d int64) *entry {
	if d < l.min || d > l.last {
		return nil
	}
	return l.slot(d)
}

// reset empties the list: L = M = d.
func (l *prepareList) reset(d int64) {
	clear(l.ring)
	l.min, l.last, l.committed, l.committedBytes = d+1, d, d, 0
}

// dropUncommitted forgets everything above L.
func (l *prepareList) dropUncommitted() {
	for d := l.committed + 1; d <= l.last; d++ {
		*l.slot(d) = entry{}
	}
	l.last = l.committed
	l.min = min(l.min, l.last+1)
}

// room reports whether decree d can be put without pushing out an uncommitted one.
func (l *prepareList) room(d int64) bool { return d-l.committed < int64(len(l.ring)) }

// put stores a mutation at L < decree <= M+1, replacing what is there.
func (l *prepareList) put(m *Mutation) *entry {
	d := m.Decree
	if d <= l.committed || d > l.last+1 || !l.room(d) {
		panic("pacifica: prepare list: decree out of order")
	}
	for d-l.min >= int64(len(l.ring)) {
		l.popOldest()
	}
	e := l.slot(d)
	*e = entry{m: m}
	l.last = max(l.last, d)
	return e
}

func (l *prepareList) popOldest() {
	e := l.slot(l.min)
	l.committedBytes -= int64(len(e.m.Raw))
	*e = entry{}
	l.min++
}

// advance commits L+1, which must be present.
func (l *prepareList) advance() *entry {
	l.committed++
	e := l.slot(l.committed)
	e.waiting, e.ackTokens = nil, nil
	l.committedBytes += int64(len(e.m.Raw))
	l.trim()
	return e
}

// trim forgets the oldest committed mutations, but for the last, while they have too many bytes.
func (l *prepareList) trim() {
	for l.committedBytes > l.bytesMax && l.min < l.committed {
		l.popOldest()
	}
}

// lastLogged is the end of the contiguous logged run that starts at L.
func (l *prepareList) lastLogged() int64 {
	d := l.committed
	for d < l.last && l.slot(d+1).logged {
		d++
	}
	return d
}

// covers reports whether every decree of [from, L] is in the list.
func (l *prepareList) covers(from int64) bool { return from > l.committed || from >= l.min }

// removeWaiting strikes a node off an entry's missing acknowledgements.
func (e *entry) removeWaiting(n Node) bool {
	i := slices.Index(e.waiting, n)
	if i < 0 {
		return false
	}
	e.waiting = slices.Delete(e.waiting, i, i+1)
	return true
}
