package rrdb

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// The memtables of all stores share MemtableBudgetBytes. Above tightPercent of it the largest are flushed; a write that meets a spent
// budget waits until a flush has made room.
const tightPercent = 75

func (e *Engine) tight() bool {
	return e.unflushed.Load() > e.opts.MemtableBudgetBytes/100*tightPercent
}
func (e *Engine) spent() bool { return e.unflushed.Load() > e.opts.MemtableBudgetBytes }

// roomWaitMax bounds how long the budget holds a mutation back. It is less than the time after which a primary gives a member up that does not
// answer. A disk that hangs in a flush then slows the stores of other disks down, and does not stop them; each store's own memtable has a limit still.
const roomWaitMax = 2 * time.Second

// awaitRoom holds a write back while the budget is spent and somebody makes room. Where flushes cannot make room, there is nothing to wait
// for: stores that cannot be flushed refuse by themselves, see applyRoom, and the others go on.
func (e *Engine) awaitRoom(s *Store) {
	if !e.spent() {
		return
	}
	s.stats.stalledWrites.Add(1)
	enough := time.NewTimer(roomWaitMax)
	defer enough.Stop()
	for !s.closing.Load() && s.failed.Load() == nil {
		made := e.room.next()
		if !e.spent() || !e.relieving.Load() {
			return
		}
		select {
		case <-made:
		case <-s.ctx.Done():
		case <-enough.C:
			return
		}
	}
}

// roomSignal wakes all who wait for room. The zero value is ready.
type roomSignal struct {
	mu sync.Mutex
	ch chan struct{} // nil: nobody waits
}

// next is closed by the next broadcast.
func (r *roomSignal) next() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ch == nil {
		r.ch = make(chan struct{})
	}
	return r.ch
}

func (r *roomSignal) broadcast() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ch != nil {
		close(r.ch)
		r.ch = nil
	}
}

// relieve flushes the store with the largest memtables, and the next, until the budget is kept
// again. It returns at once.
func (e *Engine) relieve() {
	if !e.relieving.CompareAndSwap(false, true) {
		return
	}
	go func() {
		ok, stuck := true, map[*Store]bool{}
		for ok && e.tight() {
			ok = e.flushLargest(stuck)
		}
		e.relieving.Store(false)
		if ok && e.tight() {
			e.relieve() // somebody asked between the last look and now
		}
		e.room.broadcast() // whether there is room or never will be
	}()
}

// relieveRetryMs is the pause when a flush won nothing because the store grew meanwhile.
const relieveRetryMs = 5

// stuckPart of the budget is for the other stores when those that cannot be flushed take all of it.
const stuckPart = 4

// flushesAtOnce is how many stores are flushed together: the disk has something to write while a table of another store is synced.
const flushesAtOnce = 2

// flushLargest flushes the largest stores but those that are stuck, to which it adds those that
// cannot flush (a full disk must not keep the stores of other disks from making room). False when
// those that are left have nothing worth a flush: what is too much is on a disk that refuses.
func (e *Engine) flushLargest(stuck map[*Store]bool) bool {
	stores := slices.DeleteFunc(e.openStores(), func(s *Store) bool { return stuck[s] })
	var left int64
	for _, s := range stores {
		left += s.unflushed.Load()
	}
	if len(stores) == 0 || len(stuck) > 0 && left < e.opts.MemtableBudgetBytes/stuckPart {
		return false
	}
	slices.SortFunc(stores, func(a, b *Store) int { return cmp.Compare(b.unflushed.Load(), a.unflushed.Load()) })
	stores = stores[:min(len(stores), flushesAtOnce)]
	var flushes sync.WaitGroup
	failed := make([]bool, len(stores))
	for i, s := range stores {
		flushes.Go(func() { failed[i] = !e.flushOne(s) })
	}
	flushes.Wait()
	for i, s := range stores {
		if failed[i] {
			stuck[s] = true
		}
	}
	return true
}

// budgetWarnEvery is how often a store whose flushes fail says so: every write asks for one.
const budgetWarnEvery = 10 * time.Second

// flushOne reports false when the store cannot be flushed.
func (e *Engine) flushOne(s *Store) bool {
	before := s.unflushed.Load()
	if err := s.Flush(); err != nil {
		if !IsClosed(err) && s.budgetWarned.due(time.Now(), budgetWarnEvery) {
			s.log.Warn("flush for the memtable budget failed", "err", err)
		}
		return false
	}
	if s.unflushed.Load() >= before {
		time.Sleep(relieveRetryMs * time.Millisecond)
	}
	return true
}
