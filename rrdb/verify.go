package rrdb

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/objstorage"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Verify opens the store in dir, which is not open, read-only and compares the checksum of every block of every table.
// IsCorruption holds for what it finds. pace, which may be nil, is called before so many bytes of a table are read; its error ends all.
//
// A learner verifies what it copied before it takes it for its state, and a primary what it hands out: a checkpoint is
// made of links to live tables, of which nobody may have read a block for months.
func (e *Engine) Verify(ctx context.Context, dir string, pace func(bytes int) error) error {
	db, po, err := e.openReadOnly(dir)
	if err != nil {
		return err
	}
	_, _, _, err = readState(db, false)
	if err == nil {
		err = e.verifyTables(ctx, db, po, dir, pace, func(int64) {})
	}
	return errors.Join(err, wrap("close "+dir, db.Close()))
}

func (e *Engine) openReadOnly(dir string) (*pebble.DB, *pebble.Options, error) {
	po := e.pebbleOptions(nil, true)
	po.ErrorIfNotExists = true
	db, err := openPebble(dir, po)
	return db, po, err
}

// eachTable calls fn for the path and size of each table of the store.
func (e *Engine) eachTable(db *pebble.DB, dir string, fn func(path string, bytes int64) error) error {
	levels, err := db.SSTables()
	if err != nil {
		return wrap("list tables of "+dir, err)
	}
	for _, level := range levels {
		for _, t := range level {
			path := e.opts.FS.PathJoin(dir, fmt.Sprintf("%06d.sst", uint64(t.BackingSSTNum)))
			if err := fn(path, int64(t.Size)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Engine) verifyTables(ctx context.Context, db *pebble.DB, po *pebble.Options, dir string, pace func(int) error, verified func(bytes int64)) error {
	po.EnsureDefaults()
	o := po.MakeReaderOptions()
	return e.eachTable(db, dir, func(path string, bytes int64) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		stopped := false
		err := e.verifyTable(ctx, path, o, func(bytes int) (err error) {
			if pace != nil {
				err = pace(bytes)
				stopped = err != nil
			}
			return err
		})
		if err != nil && !stopped {
			class := classOf(err)
			if class == ClassOther {
				class = ClassCorruption
			}
			return &Error{Op: "verify " + path, Class: class, Err: err}
		}
		if err == nil {
			verified(bytes)
		}
		return err
	})
}

func (e *Engine) verifyTable(ctx context.Context, path string, o sstable.ReaderOptions, pace func(bytes int) error) (err error) {
	defer func() {
		if r := recover(); r != nil { // over a table that makes no sense
			err = fmt.Errorf("engine panic: %v", r)
		}
	}()
	f, err := e.opts.FS.Open(path)
	if err != nil {
		return err
	}
	var readable objstorage.Readable
	if readable, err = sstable.NewSimpleReadable(pacedReads{f, pace}); err != nil {
		return errors.Join(err, f.Close())
	}
	r, err := sstable.NewReader(ctx, readable, o)
	if err != nil {
		return errors.Join(err, readable.Close())
	}
	return errors.Join(r.ValidateBlockChecksums(), r.Close())
}

// pacedReads reads at the pace that is given to it.
type pacedReads struct {
	vfs.File
	pace func(bytes int) error
}

func (f pacedReads) ReadAt(b []byte, at int64) (int, error) {
	if err := f.pace(len(b)); err != nil {
		return 0, err
	}
	return f.File.ReadAt(b, at)
}
