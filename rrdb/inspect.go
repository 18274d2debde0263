package rrdb

import (
	"context"
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// Inspection is what a store consists of.
type Inspection struct {
	Decree        int64 // last applied
	TimestampUs   int64
	ValueSchema   uint8
	FormatVersion uint64 // of the engine's files
	Tables        int
	Bytes         int64 // of all tables
	Rows          int64 // expired ones included
}

// inspectReport is how often progress hears of rows.
const inspectReport = time.Second / 4

// Inspect opens the store in dir read-only, compares the checksums of all blocks as Verify does, and then reads all rows,
// which also checks their order. progress, which may be nil, hears of bytes verified and rows read. With EngineOptions.FS
// read-only nothing is changed. A nil error says that every row can be read.
func (e *Engine) Inspect(ctx context.Context, dir string, progress func(bytes, rows int64)) (i Inspection, err error) {
	db, po, err := e.openReadOnly(dir)
	if err != nil {
		return i, err
	}
	defer func() {
		if r := recover(); r != nil {
			err = &Error{Op: "inspect " + dir, Class: ClassCorruption, Err: errors.New("engine panic")}
		}
		err = errors.Join(err, wrap("close "+dir, db.Close()))
	}()
	i.FormatVersion = uint64(db.FormatMajorVersion())
	if i.ValueSchema, i.Decree, i.TimestampUs, err = readState(db, false); err != nil {
		return i, err
	}
	if err = e.eachTable(db, dir, func(_ string, bytes int64) error { i.Tables++; i.Bytes += bytes; return nil }); err != nil {
		return i, err
	}
	verified := int64(0)
	tell := func() {
		if progress != nil {
			progress(verified, i.Rows)
		}
	}
	if err = e.verifyTables(ctx, db, po, dir, nil, func(bytes int64) { verified += bytes; tell() }); err != nil {
		return i, err
	}
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: dataStart, UpperBound: dataEnd})
	if err != nil {
		return i, wrap("inspect "+dir, err)
	}
	told := time.Now()
	for ok := it.First(); ok; ok = it.Next() {
		if i.Rows++; i.Rows%1024 == 0 && time.Since(told) > inspectReport {
			if ctx.Err() != nil {
				return i, errors.Join(ctx.Err(), it.Close())
			}
			told = time.Now()
			tell()
		}
	}
	return i, errors.Join(wrap("inspect "+dir, it.Error()), wrap("inspect "+dir, it.Close()))
}
