package rrdb

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// stateKey holds the state record. It sorts after every data key.
var stateKey = []byte("\xFF\xFFstate")

// The state record: format, value schema, decree, timestamp (µs).
const (
	stateFormat = 1
	stateLen    = 18
)

func appendState(dst []byte, schema uint8, decree, timestampUs int64) []byte {
	dst = append(dst, stateFormat, schema)
	dst = binary.BigEndian.AppendUint64(dst, uint64(decree))
	return binary.BigEndian.AppendUint64(dst, uint64(timestampUs))
}

func parseState(b []byte) (schema uint8, decree, timestampUs int64, err error) {
	if len(b) > 0 && b[0] != stateFormat {
		return 0, 0, 0, fmt.Errorf("state record of format %d; this program knows %d", b[0], stateFormat)
	}
	if len(b) != stateLen {
		return 0, 0, 0, fmt.Errorf("state record of %d bytes; want %d", len(b), stateLen)
	}
	if b[1] > schemaV1 {
		return 0, 0, 0, fmt.Errorf("values of schema %d; this program writes up to %d", b[1], schemaV1)
	}
	decree = int64(binary.BigEndian.Uint64(b[2:]))
	timestampUs = int64(binary.BigEndian.Uint64(b[10:]))
	if decree < 0 || timestampUs < 0 {
		return 0, 0, 0, fmt.Errorf("state record with decree %d, timestamp %d", decree, timestampUs)
	}
	return b[1], decree, timestampUs, nil
}

// Open opens the store in dir, creating it unless o.MustExist. A directory whose content cannot
// be understood gives an error for which IsCorruption holds; nothing in it is changed then.
func (e *Engine) Open(dir string, o StoreOptions) (_ *Store, err error) {
	s := &Store{
		engine: e,
		id:     e.lives.Add(1),
		dir:    dir,
		opts:   o,
		log:    e.opts.Logger.With("gpid", o.Gpid.String()),
		tails:  newTails(o.Gpid, o.Server),
		schema: schemaV1,
		closed: true, // until the end: the engine knows the store from here on
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.scans.init(e.opts.ScanContextsMax, e.opts.ScanContextLife)
	s.envs.Store(e.defaultEnvs())
	if err := e.add(s); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.cancel()
			e.remove(s)
		}
	}()
	po := e.pebbleOptions(s, false)
	po.ErrorIfNotExists = o.MustExist
	s.db, err = openPebble(dir, po)
	if err != nil {
		return nil, err
	}
	e.reserveElsewhere(s)
	if err := errors.Join(s.Err(), s.loadState()); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	s.await()
	s.durable = s.lastDecree.Load()
	s.sweeper.init(e.nextSweep(time.Now()))
	s.life.Lock()
	s.closed = false
	s.life.Unlock()
	return s, nil
}

// openPebble classifies what goes wrong and turns a panic over damaged files into an error.
func openPebble(dir string, po *pebble.Options) (db *pebble.DB, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &Error{Op: "open " + dir, Class: ClassCorruption, Err: fmt.Errorf("engine panic: %v", r)}
			if cause, ok := r.(error); ok { // some calls of the file system must not fail, says the engine
				err = &Error{Op: "open " + dir, Class: openClass(cause), Err: fmt.Errorf("engine panic: %w", cause)}
			}
		}
	}()
	if err := refuseOrphans(dir, po); err != nil {
		return nil, err
	}
	if !po.ReadOnly {
		if err := removeEmptyLogs(dir, po.FS); err != nil {
			return nil, wrap("open "+dir, err)
		}
	}
	db, err = pebble.Open(dir, po)
	if err != nil {
		class := openClass(err)
		if errors.Is(err, pebble.ErrDBDoesNotExist) {
			class = ClassOther
		}
		return nil, &Error{Op: "open " + dir, Class: class, Err: err}
	}
	return db, nil
}

// logBytesMin is less than any batch takes in a log of the engine; a closed log without one has a trailer of 11 bytes.
const logBytesMin = 12

// removeEmptyLogs deletes the engine's own log files, which hold nothing because that log is off. For those of the last
// life, Open would flush memtables without a row, and wait for ever on a disk that refuses.
func removeEmptyLogs(dir string, fsys vfs.FS) error {
	names, err := fsys.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".log") {
			continue
		}
		path := fsys.PathJoin(dir, name)
		info, statErr := fsys.Stat(path)
		if statErr != nil {
			return statErr
		}
		if info.Size() < logBytesMin {
			err = errors.Join(err, fsys.Remove(path))
		}
	}
	return err
}

// refuseOrphans finds tables without the manifest that names them. The engine would take such a
// directory for a new one and remove them.
func refuseOrphans(dir string, po *pebble.Options) error {
	names, err := po.FS.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var table string
	for _, name := range names {
		if strings.HasSuffix(name, ".sst") {
			table = name
		}
	}
	if err != nil || table == "" {
		return wrap("open "+dir, err)
	}
	desc, err := pebble.Peek(dir, po.FS)
	if err == nil && !desc.Exists {
		err = fmt.Errorf("table %s without a manifest", table)
	}
	if err != nil {
		return &Error{Op: "open " + dir, Class: openClass(err), Err: err}
	}
	return nil
}

func (s *Store) loadState() error {
	schema, decree, ts, err := readState(s.db, false)
	if err != nil {
		return err
	}
	s.schema = schema
	s.lastDecree.Store(decree)
	s.lastTimestamp.Store(ts)
	return nil
}

// readState finds the state record. A store without one must be empty. With durable set only what
// is certainly on disk is looked at.
func readState(db *pebble.DB, durable bool) (schema uint8, decree, timestampUs int64, err error) {
	it, err := db.NewIter(&pebble.IterOptions{OnlyReadGuaranteedDurable: durable})
	if err != nil {
		return 0, 0, 0, wrap("read state", err)
	}
	defer it.Close()
	if it.SeekGE(stateKey) && string(it.Key()) == string(stateKey) {
		v, err := it.ValueAndErr()
		if err != nil {
			return 0, 0, 0, wrap("read state", err)
		}
		schema, decree, timestampUs, err = parseState(v)
		if err != nil {
			return 0, 0, 0, &Error{Op: "read state", Class: ClassCorruption, Err: err}
		}
		return schema, decree, timestampUs, nil
	}
	if err := it.Error(); err != nil {
		return 0, 0, 0, wrap("read state", err)
	}
	if it.First() {
		return 0, 0, 0, &Error{Op: "read state", Class: ClassCorruption, Err: errors.New("rows without a state record")}
	}
	return schemaV1, 0, 0, wrap("read state", it.Error())
}
