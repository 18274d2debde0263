package zkmeta

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// fileCategory labels our writes in Pebble's disk statistics.
const fileCategory vfs.DiskWriteCategory = "pegasus-zkmeta"

// fileBytesMax bounds what is read of one file into memory when opening.
const fileBytesMax = 4 << 30

// journal is the durable side of the embedded store: generations of a snapshot
// and a log, state-N.snap and state-N.log in one directory.
//
// Invariants:
//   - The snapshot with the highest number is whole, and the state is that
//     snapshot plus the frames of the log with the same number.
//   - A log file is on disk, with its header, before the snapshot of its number
//     gets its name; nothing is appended to it earlier.
//   - A frame is written only after the one before it was synced. So only the
//     last frame can be torn; damage with an intact frame behind it is corruption.
//   - A file that was read is never written again: opening begins a new
//     generation. The generation before it stays for inspection.
//   - After one failed write or sync nothing is written any more.
type journal struct {
	fs     vfs.FS
	dir    string
	logger *slog.Logger

	generation    uint64
	sequence      uint64 // of the last frame
	salt          uint64 // of the open log
	log           vfs.File
	logBytes      int64
	snapshotBytes int64
	broken        error
	buf           []byte
}

// openJournal reads the state and begins a new generation.
func openJournal(fs vfs.FS, dir string, bytesMax int64, logger *slog.Logger) (*journal, *tree, error) {
	j := &journal{fs: fs, dir: dir, logger: logger}
	gens, err := j.scan()
	if err != nil {
		return nil, nil, err
	}
	t := newTree(bytesMax)
	if gens.snapshot > 0 {
		if err := j.load(t, gens.snapshot); err != nil {
			return nil, nil, err
		}
	}
	j.generation = gens.snapshot
	if err := j.rotate(t); err != nil {
		return nil, nil, err
	}
	return j, t, nil
}

// load rebuilds the tree of generation n.
func (j *journal) load(t *tree, n uint64) error {
	snapshot, err := j.read(snapshotName(n))
	if err != nil {
		return err
	}
	if err := j.loadSnapshot(t, snapshot); err != nil {
		return fmt.Errorf("%s: %w", snapshotName(n), err)
	}
	log, err := j.read(logName(n))
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: %s without its log", ErrCorrupt, snapshotName(n))
	}
	if err != nil {
		return err
	}
	if err := j.replay(t, log, logName(n)); err != nil {
		return fmt.Errorf("%s: %w", logName(n), err)
	}
	return nil
}

// replay applies the frames of a log and decides what a damaged one means.
func (j *journal) replay(t *tree, b []byte, name string) error {
	h, err := readFileHeader(b, kindLog)
	if err != nil {
		return err
	}
	if h.sequence != j.sequence {
		return fmt.Errorf("%w: log begins after frame %d, snapshot ends at %d", ErrCorrupt, h.sequence, j.sequence)
	}
	rest := b[headerBytes:]
	for len(rest) > 0 {
		sequence, payload, next, ok := readFrame(rest, h.salt)
		if !ok {
			offset := len(b) - len(rest)
			if at, found := findFrame(rest, h.salt); found {
				return fmt.Errorf("%w: damaged at byte %d, intact frame at byte %d", ErrCorrupt, offset, offset+at)
			}
			j.logger.Warn("zkmeta: cut the torn tail of the log", "file", name, "offset", offset, "bytes", len(rest))
			return nil
		}
		if sequence != j.sequence+1 {
			return fmt.Errorf("%w: frame %d follows frame %d", ErrCorrupt, sequence, j.sequence)
		}
		if err := applyPayload(t, payload); err != nil {
			return fmt.Errorf("frame %d: %w", sequence, err)
		}
		j.sequence, rest = sequence, next
	}
	return nil
}

func applyPayload(t *tree, payload []byte) error {
	ops, err := readOps(payload)
	if err != nil {
		return err
	}
	for _, op := range ops {
		if _, err := t.apply(op); err != nil {
			if errors.Is(err, ErrTooLarge) {
				return err
			}
			return fmt.Errorf("%w: %s %s: %v", ErrCorrupt, op.Kind, op.Path, err)
		}
	}
	return nil
}

// append makes one payload durable as one frame.
func (j *journal) append(payload []byte) error {
	if j.broken != nil {
		return j.broken
	}
	if len(payload) > payloadBytes {
		return fmt.Errorf("%w: frame of %d bytes, at most %d", ErrTooLarge, len(payload), payloadBytes)
	}
	j.buf = appendFrame(j.buf[:0], j.salt, j.sequence+1, payload)
	if _, err := j.log.Write(j.buf); err != nil {
		return j.fail("write", logName(j.generation), err)
	}
	if err := j.log.Sync(); err != nil {
		return j.fail("sync", logName(j.generation), err)
	}
	j.sequence++
	j.logBytes += int64(len(j.buf))
	return nil
}

// fail remembers the first failure: what reached the disk is unknown from here
// on, and a later sync that succeeds would prove nothing.
func (j *journal) fail(what, file string, err error) error {
	j.broken = fmt.Errorf("%s %s: %w", what, file, err)
	return j.broken
}

func (j *journal) close() error {
	if j.log == nil {
		return nil
	}
	err := j.log.Close()
	j.log = nil
	return err
}

func (j *journal) read(name string) ([]byte, error) {
	f, err := j.fs.Open(j.fs.PathJoin(j.dir, name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if st.Size() > fileBytesMax {
		return nil, fmt.Errorf("%w: %s has %d bytes, at most %d", ErrTooLarge, name, st.Size(), int64(fileBytesMax))
	}
	b := make([]byte, st.Size())
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return b, nil
}

func newSalt() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
}
