package zkmeta

import (
	"fmt"
	"log/slog"
	"sync"
)

// commitBytesMax bounds what goes to disk under one sync: changes that wait are
// taken together until this is reached.
const commitBytesMax = 4 << 20

// change is one write on its way to the committer. build runs there, so it sees
// the state its operations will meet.
type change struct {
	build func(*tree) []Op
	done  chan error // capacity 1: the committer never waits for a caller
}

// ledStore is the embedded store while its handle leads. It is a Lease.
//
// Lock order: treeMu is a leaf. The committer holds it from the first applied
// operation to the end of the sync, so readers never see what is not on disk.
type ledStore struct {
	lock     *fileLock
	resigned func() // tells the handle, once, while the lock is still held
	logger   *slog.Logger
	logMax   int64

	treeMu  sync.RWMutex
	tree    *tree // nil after a failed commit
	journal *journal

	changes chan *change  // unbuffered: who gets through will be answered
	quit    chan struct{} // asks the committer to end
	lost    chan struct{}
	ended   chan struct{} // the lock is free
	once    sync.Once
}

func (s *ledStore) Lost() <-chan struct{} { return s.lost }

func (s *ledStore) Valid() bool {
	select {
	case <-s.lost:
		return false
	default:
		return true
	}
}

// Resign waits for a running commit, closes Lost, and frees the lock last.
func (s *ledStore) Resign() {
	s.once.Do(func() { close(s.quit) })
	<-s.ended
}

// run is the committer. It owns the journal.
func (s *ledStore) run() {
	err := s.commitLoop()
	if err != nil {
		s.logger.Error("zkmeta: leadership ends", "err", err)
	}
	s.resigned()
	close(s.lost)
	if err := s.journal.close(); err != nil {
		s.logger.Warn("zkmeta: close the log", "err", err)
	}
	s.lock.release()
	close(s.ended)
}

func (s *ledStore) commitLoop() error {
	for {
		select {
		case <-s.quit:
			return nil
		case first := <-s.changes:
			if err := s.commit(first); err != nil {
				return err
			}
		}
	}
}

// commit applies the first change and those that wait behind it, makes them
// durable together and answers them. An error means that leadership is over.
func (s *ledStore) commit(first *change) error {
	s.treeMu.Lock()
	defer s.treeMu.Unlock()
	var applied []*change
	var payload []byte
	for c := first; c != nil; c = s.next(len(payload)) {
		encoded, err := s.apply(payload, c.build(s.tree))
		if err != nil {
			c.done <- err
			continue
		}
		payload = encoded
		applied = append(applied, c)
	}
	if err := s.persist(payload); err != nil {
		s.tree = nil // it holds what is perhaps not on disk
		for _, c := range applied {
			c.done <- err
		}
		return err
	}
	for _, c := range applied {
		c.done <- nil
	}
	return s.maybeRotate()
}

// next takes a change that waits already, unless the batch is full.
func (s *ledStore) next(size int) *change {
	if size >= commitBytesMax {
		return nil
	}
	select {
	case c := <-s.changes:
		return c
	default:
		return nil
	}
}

func (s *ledStore) apply(payload []byte, ops []Op) ([]byte, error) {
	size := 0
	for _, op := range ops {
		size += opBytes(op)
	}
	if size > payloadBytes-2*commitBytesMax {
		return payload, fmt.Errorf("%w: change of %d bytes", ErrTooLarge, size)
	}
	if err := s.tree.applyAll(ops); err != nil {
		return payload, err
	}
	for _, op := range ops {
		payload = appendOp(payload, op)
	}
	return payload, nil
}

func (s *ledStore) persist(payload []byte) error {
	if len(payload) == 0 {
		return nil
	}
	if !s.lock.held() {
		return fmt.Errorf("%w: the lock file was removed or replaced", ErrNotLeader)
	}
	if err := s.journal.append(payload); err != nil {
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	return nil
}

func (s *ledStore) maybeRotate() error {
	if s.journal.logBytes < max(s.logMax, s.journal.snapshotBytes) {
		return nil
	}
	return s.journal.rotate(s.tree)
}
