package zkmeta

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// snapshotFrameBytes is about how much state one frame of a snapshot carries.
const snapshotFrameBytes = 256 << 10

// endOfSnapshot opens the last frame of a snapshot: it and the node count.
const endOfSnapshot = 'E'

func snapshotName(n uint64) string { return fmt.Sprintf("state-%016d.snap", n) }
func logName(n uint64) string      { return fmt.Sprintf("state-%016d.log", n) }

type generations struct {
	snapshot uint64   // highest, 0 when there is none
	files    []uint64 // all numbers seen, sorted
}

// scan lists the generations and checks that what is missing may be missing.
func (j *journal) scan() (generations, error) {
	names, err := j.fs.List(j.dir)
	if err != nil {
		return generations{}, err
	}
	var g generations
	var logs []uint64
	for _, name := range names {
		var n uint64
		switch {
		case scanName(name, "state-%016d.snap", &n) && name == snapshotName(n):
			g.snapshot = max(g.snapshot, n)
		case scanName(name, "state-%016d.log", &n) && name == logName(n):
			logs = append(logs, n)
		default:
			continue
		}
		g.files = append(g.files, n)
	}
	slices.Sort(g.files)
	g.files = slices.Compact(g.files)
	for _, n := range logs {
		if err := j.checkEarlyLog(n, g.snapshot); err != nil {
			return generations{}, err
		}
	}
	return g, nil
}

func scanName(name, format string, n *uint64) bool {
	_, err := fmt.Sscanf(name, format, n)
	return err == nil
}

// checkEarlyLog: a log without its snapshot is what a crash during rotate leaves,
// but then nothing was appended to it.
func (j *journal) checkEarlyLog(n, snapshot uint64) error {
	if n <= snapshot {
		return nil
	}
	b, err := j.read(logName(n))
	if err != nil {
		return err
	}
	if len(b) > headerBytes {
		return fmt.Errorf("%w: %s holds frames but its snapshot is missing", ErrCorrupt, logName(n))
	}
	return nil
}

// rotate begins the next generation: log first, then the snapshot under a
// temporary name, then the rename that makes both count. A failure on the way
// breaks the journal: the rename may or may not be on disk, so neither log may
// be appended to.
func (j *journal) rotate(t *tree) error {
	if j.broken != nil {
		return j.broken
	}
	n := j.generation + 1
	log, salt, err := j.startLog(n)
	if err != nil {
		return j.fail("begin", logName(n), err)
	}
	size, err := j.writeSnapshot(t, n)
	if err != nil {
		return j.fail("write", snapshotName(n), errors.Join(err, log.Close()))
	}
	if j.log != nil {
		if err := j.log.Close(); err != nil {
			j.logger.Warn("zkmeta: close the old log", "file", logName(j.generation), "err", err)
		}
	}
	j.log, j.salt, j.generation = log, salt, n
	j.logBytes, j.snapshotBytes = headerBytes, size
	j.dropOld()
	return nil
}

func (j *journal) startLog(n uint64) (vfs.File, uint64, error) {
	f, err := j.fs.Create(j.fs.PathJoin(j.dir, logName(n)), fileCategory)
	if err != nil {
		return nil, 0, err
	}
	h := fileHeader{kind: kindLog, salt: newSalt(), sequence: j.sequence}
	if _, err = f.Write(h.append(nil)); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = j.syncDir()
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, h.salt, nil
}

func (j *journal) writeSnapshot(t *tree, n uint64) (int64, error) {
	tmp := j.fs.PathJoin(j.dir, snapshotName(n)+".tmp")
	f, err := j.fs.Create(tmp, fileCategory)
	if err != nil {
		return 0, err
	}
	size, err := j.encodeSnapshot(t, f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return 0, err
	}
	if err := j.fs.Rename(tmp, j.fs.PathJoin(j.dir, snapshotName(n))); err != nil {
		return 0, err
	}
	return size, j.syncDir()
}

func (j *journal) encodeSnapshot(t *tree, f vfs.File) (size int64, err error) {
	h := fileHeader{kind: kindSnapshot, salt: newSalt(), sequence: j.sequence}
	out := h.append(nil)
	var payload []byte
	frames := uint64(0)
	flush := func() error {
		frames++
		out = appendFrame(out, h.salt, frames, payload)
		payload = payload[:0]
		n, err := f.Write(out)
		size += int64(n)
		out = out[:0]
		return err
	}
	if len(t.root.data) > 0 {
		payload = appendOp(payload, Op{Kind: OpSet, Path: "/", Data: t.root.data})
	}
	err = t.walk(func(path string, data []byte) error {
		payload = appendOp(payload, Op{Kind: OpCreate, Path: path, Data: data})
		if len(payload) < snapshotFrameBytes {
			return nil
		}
		return flush()
	})
	if err == nil && len(payload) > 0 {
		err = flush()
	}
	if err == nil {
		payload = binary.AppendUvarint(append(payload, endOfSnapshot), uint64(t.nodes))
		err = flush()
	}
	return size, err
}

// loadSnapshot tolerates nothing: the file got its name after it was synced.
func (j *journal) loadSnapshot(t *tree, b []byte) error {
	h, err := readFileHeader(b, kindSnapshot)
	if err != nil {
		return err
	}
	rest := b[headerBytes:]
	for frame := uint64(1); ; frame++ {
		sequence, payload, next, ok := readFrame(rest, h.salt)
		if !ok || sequence != frame {
			return fmt.Errorf("%w: damaged at byte %d", ErrCorrupt, len(b)-len(rest))
		}
		rest = next
		if len(payload) > 0 && payload[0] == endOfSnapshot {
			n, _ := binary.Uvarint(payload[1:])
			if n != uint64(t.nodes) || len(rest) != 0 {
				return fmt.Errorf("%w: %d nodes of %d, %d bytes behind the end", ErrCorrupt, t.nodes, n, len(rest))
			}
			j.sequence = h.sequence
			return nil
		}
		if err := applyPayload(t, payload); err != nil {
			return fmt.Errorf("frame %d: %w", frame, err)
		}
	}
}

// dropOld keeps the current generation and the one before it.
func (j *journal) dropOld() {
	names, err := j.fs.List(j.dir)
	if err != nil {
		j.logger.Warn("zkmeta: list the directory", "err", err)
		return
	}
	for _, name := range names {
		var n uint64
		ours := scanName(name, "state-%016d.", &n)
		if !ours || n+1 >= j.generation {
			continue
		}
		if err := j.fs.Remove(j.fs.PathJoin(j.dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			j.logger.Warn("zkmeta: remove an old generation", "file", name, "err", err)
		}
	}
}

func (j *journal) syncDir() error {
	d, err := j.fs.OpenDir(j.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
