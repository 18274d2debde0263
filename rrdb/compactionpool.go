package rrdb

import (
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// compactionPool bounds the compactions that run at the same time over all stores. Each store
// gets a member, which is the scheduler Pebble asks. A store that was refused is remembered and
// granted a slot when one is free.
//
// mu is never held while calling into a DB, except for GetAllowedWithoutPermission, which takes
// no lock.
type compactionPool struct {
	mu      sync.Mutex
	idle    *sync.Cond // a member's call into its DB ended
	max     int
	extra   int // one for each store that is compacted slowly by order: those hardly use theirs
	running int
	members map[*poolMember]struct{}
	waiting int // members whose waiting is set

	wake chan struct{}
	stop chan struct{}
	done chan struct{}
}

// compactionRetryMs is how often a refused store is offered a slot again when nothing else
// woke the granter.
const compactionRetryMs = 500

func newCompactionPool(slots int) *compactionPool {
	p := &compactionPool{
		max:     slots,
		members: map[*poolMember]struct{}{},
		wake:    make(chan struct{}, 1),
		stop:    make(chan struct{}),
		done:    make(chan struct{}),
	}
	p.idle = sync.NewCond(&p.mu)
	go p.grant()
	return p
}

// member is the scheduler of s, which may be nil in tests of the pool.
func (p *compactionPool) member(s *Store) *poolMember { return &poolMember{pool: p, store: s} }

// lend adds slots, or takes them back.
func (p *compactionPool) lend(n int) {
	p.mu.Lock()
	p.extra += n
	p.mu.Unlock()
	p.poke()
}

func (p *compactionPool) close() {
	close(p.stop)
	<-p.done
}

func (p *compactionPool) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// grant offers free slots to members that wait.
func (p *compactionPool) grant() {
	defer close(p.done)
	tick := time.NewTicker(compactionRetryMs * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-p.wake:
		case <-tick.C:
		}
		for tried := map[*poolMember]bool{}; p.grantOne(tried); {
		}
	}
}

// grantOne offers a slot to one waiting member that was not tried yet; false when there is none.
func (p *compactionPool) grantOne(tried map[*poolMember]bool) bool {
	p.mu.Lock()
	m := p.pick(tried)
	if m == nil {
		p.mu.Unlock()
		return false
	}
	tried[m] = true
	m.calling = true
	m.running++
	p.running++
	p.mu.Unlock()

	wants, _ := m.db.GetWaitingCompaction()
	accepted := wants && m.db.Schedule(m)

	p.mu.Lock()
	m.calling = false
	if !accepted {
		m.running--
		p.running--
	} else {
		delete(tried, m) // it may want another
	}
	if !wants {
		m.setWaiting(false)
	}
	p.idle.Broadcast()
	p.mu.Unlock()
	return true
}

// pick finds a waiting member with a right to another slot. The order of a map is random, which
// is fair enough.
func (p *compactionPool) pick(tried map[*poolMember]bool) *poolMember {
	if p.waiting == 0 || p.running >= p.max+p.extra {
		return nil
	}
	for m := range p.members {
		if m.waiting && !tried[m] && !m.ending() && m.running < m.db.GetAllowedWithoutPermission() {
			return m
		}
	}
	return nil
}

// poolMember is one store's scheduler and the handle of its grants.
type poolMember struct {
	pool    *compactionPool
	store   *Store
	db      pebble.DBForCompaction
	running int
	waiting bool
	calling bool // the granter is inside a call into db
	gone    bool
}

var (
	_ pebble.CompactionScheduler   = (*poolMember)(nil)
	_ pebble.CompactionGrantHandle = (*poolMember)(nil)
)

// ending: nothing is begun in a store that closes, or has failed. The engine's idea of its tables may be wrong then, and a compaction
// that meets that panics.
func (m *poolMember) ending() bool {
	return m.store != nil && (m.store.cutting.Load() || m.store.failed.Load() != nil)
}

func (m *poolMember) setWaiting(w bool) {
	if m.waiting == w {
		return
	}
	m.waiting = w
	if w {
		m.pool.waiting++
	} else {
		m.pool.waiting--
	}
}

// Register is called once when the store opens.
func (m *poolMember) Register(_ int, db pebble.DBForCompaction) {
	m.pool.mu.Lock()
	defer m.pool.mu.Unlock()
	m.db = db
	m.pool.members[m] = struct{}{}
}

// Unregister is called when the store closes; afterwards nobody calls into it.
func (m *poolMember) Unregister() {
	m.pool.mu.Lock()
	defer m.pool.mu.Unlock()
	m.gone = true
	m.setWaiting(false)
	delete(m.pool.members, m)
	for m.calling {
		m.pool.idle.Wait()
	}
}

// TrySchedule takes a slot at once or notes that the store waits for one.
func (m *poolMember) TrySchedule() (bool, pebble.CompactionGrantHandle) {
	m.pool.mu.Lock()
	defer m.pool.mu.Unlock()
	if m.gone || m.db == nil || m.ending() {
		return false, nil
	}
	if m.pool.running < m.pool.max+m.pool.extra && m.running < m.db.GetAllowedWithoutPermission() {
		m.pool.running++
		m.running++
		return true, m
	}
	m.setWaiting(true)
	return false, nil
}

// UpdateGetAllowedWithoutPermission says that the store may be allowed more than before.
func (m *poolMember) UpdateGetAllowedWithoutPermission() { m.pool.poke() }

// Started, MeasureCPU and CumulativeStats are hooks for pacing, which the pool does not do.
func (m *poolMember) Started()                                                {}
func (m *poolMember) MeasureCPU(pebble.CompactionGoroutineKind)               {}
func (m *poolMember) CumulativeStats(stats pebble.CompactionGrantHandleStats) {}

// Done gives the slot back.
func (m *poolMember) Done() {
	m.pool.mu.Lock()
	m.running--
	m.pool.running--
	m.pool.mu.Unlock()
	m.pool.poke()
}
