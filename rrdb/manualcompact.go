package rrdb

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// A manual compaction leaves its time in a reserved key, so that an order is not carried out again after a restart
// (rrdb.md §15). Checkpoints carry it along.
var compactedKey = []byte{0xFF, 0xFF, 'c', 'o', 'm', 'p', 'a', 'c', 't', 'e', 'd'}

// The keys of two deletions that make the youngest table span everything.
var (
	beforeAll = []byte{0x00}
	afterAll  = []byte{0xFF, 0xFF, 0xFF}
)

// CompactManually is Compact on order: it notes when it was done. With force, rows that stand alone at the bottom are
// rewritten, too; that takes free space of the store's size for a while.
func (s *Store) CompactManually(ctx context.Context, force bool, now func() time.Time) error {
	if _, err := s.Sweep(ctx); err != nil {
		return err
	}
	from, to := dataStart, dataEnd
	if force {
		// No data lies there; the table that holds both overlaps every other, so that none is left out.
		if err := s.reserved(func(b *pebble.Batch) error { return errors.Join(b.Delete(beforeAll, nil), b.Delete(afterAll, nil)) }); err != nil {
			return err
		}
		from, to = beforeAll, append(afterAll[:len(afterAll):len(afterAll)], 0)
	}
	if err := s.compactSlowly(ctx, from, to); err != nil {
		return err
	}
	return s.reserved(func(b *pebble.Batch) error {
		return b.Set(compactedKey, binary.BigEndian.AppendUint64(nil, uint64(now().UnixMilli())), nil)
	})
}

func (s *Store) compactSlowly(ctx context.Context, from, to []byte) error {
	if s.engine.opts.Deterministic {
		return s.compact(ctx, from, to)
	}
	if err := s.enter("compact"); err != nil {
		return err
	}
	defer s.life.RUnlock()
	defer s.paceManual()()
	return s.compactEntered(ctx, from, to)
}

// reserved writes keys that are no rows, in order with the mutations: on disk they never come before a mutation that was applied
// before them. A store to which nothing was applied has no state record, and must stay empty.
func (s *Store) reserved(fill func(*pebble.Batch) error) error {
	s.applyMu.Lock()
	defer s.applyMu.Unlock()
	if err := s.enter("compact"); err != nil {
		return err
	}
	defer s.life.RUnlock()
	if s.LastApplied() == 0 {
		return nil
	}
	if err := s.applyRoom(); err != nil {
		return err
	}
	b := s.db.NewBatch()
	defer b.Close()
	if err := fill(b); err != nil {
		return wrap("compact", err)
	}
	bytes, entries := b.Len(), int(b.Count())
	if err := b.Commit(pebble.NoSync); err != nil {
		return wrap("compact", err)
	}
	s.grew(bytes, entries)
	return nil
}

// CompactedMs is when the last manual compaction was done, in Unix milliseconds; 0: never.
func (s *Store) CompactedMs() (int64, error) {
	if err := s.enter("read the time of compaction"); err != nil {
		return 0, err
	}
	defer s.life.RUnlock()
	v, closer, err := s.db.Get(compactedKey)
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, wrap("read the time of compaction", err)
	}
	defer closer.Close()
	if len(v) != 8 {
		return 0, &Error{Op: "read the time of compaction", Class: ClassCorruption, Err: errors.New("not 8 bytes")}
	}
	return int64(binary.BigEndian.Uint64(v)), nil
}
