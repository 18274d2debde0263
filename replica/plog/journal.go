package plog

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/internal/host"
)

const (
	// DefaultJournalFileBytes is the default of JournalOptions.FileBytesMax.
	DefaultJournalFileBytes = 32 << 20
	// journalFilesMax bounds the files of a journal. While none of them is free, logs sync for themselves.
	journalFilesMax = 4
	// journalBlockBytesMax ends a block: what else a round has goes to the next.
	journalBlockBytesMax = 1 << 20
	// journalRecordBytesMax is the largest group that goes through the journal. Above it, a sync of its own costs less than
	// writing the group twice.
	journalRecordBytesMax = 64 << 10
	// journalZeroBytes is how far space is written with zeros ahead of the blocks: a sync over bytes that exist has no
	// extents to convert.
	journalZeroBytes = 1 << 20
	// settlePause lies between the syncs of log files in the background, so that rounds do not wait behind them all.
	settlePause = time.Millisecond
	// settleRetry lies between attempts to free one of the files when none is.
	settleRetry = 10 * time.Second

	journalPrefix = "journal."
)

// JournalOptions of OpenJournal. The zero value of a field means its default.
type JournalOptions struct {
	FS vfs.FS // default vfs.Default
	// FileBytesMax: a file that has reached it gets a successor, and the log files with blocks in it are synced. Negative: the journal
	// is repeated, and takes nothing new.
	FileBytesMax int64
	Host         host.Host // default host.System
	Logger       *slog.Logger
}

func (o JournalOptions) withDefaults() JournalOptions {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	o.FileBytesMax = min(orDefault(o.FileBytesMax, DefaultJournalFileBytes), fileBytesLimit)
	if o.Host == nil {
		o.Host = host.System
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Journal lets the logs of one disk share a sync. Blocks are written to the files of their logs, at once or soon, which are not synced then,
// and once more to the journal, which is. When a file of the journal is full, the log files with blocks in it are
// synced in the background, and it is used again. After a crash OpenJournal writes to the log files what they lost.
//
// A nil *Journal is none.
type Journal struct {
	o          JournalOptions
	fs         vfs.FS
	dir, root  string
	metrics    *counters // of the Syncer
	tasks      host.Group
	position   atomic.Uint64 // see at
	full       atomic.Bool   // no file is free, or the journal failed: logs sync for themselves
	doubt      bool
	settleLock host.Mutex // held while a file of the journal becomes free

	// Owned by the round in progress.
	file   vfs.File // of the last of files, nil before the first block
	path   string   // its
	number uint64   // its
	end    int64    // its written bytes
	synced int64    // its synced bytes
	zeroed int64    // bytes of it that exist
	tight  bool     // the disk had no room for more
	chain  uint32
	buf    []byte // a block header, then the records of the block that is being built
	count  uint32 // of these records

	mu       sync.Mutex
	err      error           // final: no more blocks are taken
	files    []*journalFile  // with blocks that somebody may need, oldest first
	free     []string        // paths of files whose blocks nobody needs
	stuck    []*journalFile  // that could not be settled
	unhealed map[string]bool // logs that could not be completed at the start
	lacking  map[string]*Log // failed and closed, and not opened again
	kept     int             // files of an earlier life that a log still needs; they are not used in this one
	next     uint64          // number of the next file
	settling bool
	retrying bool // settleSoon will be called in a while
	closed   bool
}

// journalFile is a file of the journal with blocks that log files may not have on disk.
type journalFile struct {
	path   string
	number uint64
	owed   []owed
}

// owed is a log file that has to be synced before the journal's file is free.
type owed struct {
	l    *Log // nil when it was
	path string
	id   logID
}

var errJournalFull = errors.New("no file of the journal is free")

// recordMax is the largest group in bytes that the journal takes.
func (j *Journal) recordMax() int {
	if j == nil || j.o.FileBytesMax < 0 || j.full.Load() {
		return -1
	}
	return int(min(journalRecordBytesMax, j.o.FileBytesMax/4))
}

func (j *Journal) blockMax() int { return int(min(journalBlockBytesMax, j.o.FileBytesMax/4)) }

// nameOf is how records name the log in dir; "" when it does not lie under the journal's root.
func (j *Journal) nameOf(dir string) string {
	if j == nil {
		return ""
	}
	name, err := filepath.Rel(j.root, dir)
	if err != nil || strings.HasPrefix(name, "..") || len(name) > nameBytesMax {
		return ""
	}
	return name
}

// at tells a log file that is begun now from all that began before a later record. It is 0 without a journal.
func (j *Journal) at() uint64 {
	if j == nil || j.o.FileBytesMax < 0 || j.failed() != nil {
		return 0
	}
	return j.position.Load()
}

func (j *Journal) failed() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

// add puts a block that was just put at the end of the log's current file, or its tail, into the next block of the journal. It
// reports false when the journal does not take it.
func (j *Journal) add(l *Log, block []byte) bool {
	f := l.current()
	if f.born == 0 || len(block) > j.recordMax() || j.failed() != nil {
		return false
	}
	if err := j.begin(); err != nil {
		return false
	}
	j.owe(l, f)
	j.buf = appendRecord(j.buf, record{name: l.name, number: f.number, born: f.born, offset: f.end - int64(len(block)), block: block})
	j.count++
	if len(j.buf) < j.blockMax() {
		return true
	}
	return j.writeBlock() == nil
}

// begin makes sure that the block being built will fit into the current file.
func (j *Journal) begin() error {
	if j.count > 0 {
		return nil
	}
	if cap(j.buf) < blockHeaderLen || cap(j.buf) > 2*journalBlockBytesMax {
		j.buf = make([]byte, blockHeaderLen, 64<<10)
	}
	j.buf = j.buf[:blockHeaderLen]
	need := int64(blockHeaderLen + j.blockMax() + j.recordMax() + recordHeaderMax)
	for range 2 {
		if j.file != nil && j.end+need <= j.o.FileBytesMax && j.zeroUpTo(j.end+need) {
			return nil
		}
		if err := j.nextFile(); err != nil {
			return err
		}
	}
	return errJournalFull
}

// zeros is never written to, so that it takes no memory.
var zeros [journalZeroBytes]byte

// zeroUpTo makes bytes up to end exist; false when the disk has no room for them.
func (j *Journal) zeroUpTo(end int64) bool {
	for j.zeroed < end {
		n, err := j.file.WriteAt(zeros[:min(journalZeroBytes, max(j.o.FileBytesMax-j.zeroed, end-j.zeroed))], j.zeroed)
		j.zeroed += int64(n)
		if err != nil {
			if !j.tight {
				j.o.Logger.Warn("log journal cannot grow, logs sync for themselves meanwhile", "dir", j.dir, "error", err)
			}
			j.tight = true
			return false
		}
	}
	j.tight = false
	return true
}

// owe notes that the log file has to be synced before the current file is free.
func (j *Journal) owe(l *Log, f *logFile) {
	if f.owedIn == j.number {
		return
	}
	f.owedIn = j.number
	j.mu.Lock()
	defer j.mu.Unlock()
	current := j.files[len(j.files)-1]
	current.owed = append(current.owed, owed{l: l, path: f.path, id: logID{l.name, f.number, f.born}})
}

// writeBlock writes the block being built. After an error the journal is not used any more.
func (j *Journal) writeBlock() error {
	if j.count == 0 {
		return nil
	}
	h := blockHeader{entries: j.count, offset: j.end, synced: j.synced, chain: j.chain, number: j.number}
	j.count = 0
	crc := sealBlock(j.buf, h)
	if _, err := j.file.WriteAt(j.buf, j.end); err != nil {
		return j.fail(ioErr("write", j.path, err))
	}
	j.chain = crc
	j.end += int64(len(j.buf))
	j.metrics.bytes.Add(uint64(len(j.buf)))
	j.position.Store(j.number<<32 | uint64(j.end))
	return nil
}

// sync makes everything that add took durable.
func (j *Journal) sync() error {
	if err := j.failed(); err != nil {
		return err
	}
	if err := j.writeBlock(); err != nil {
		return err
	}
	if j.file == nil || j.synced == j.end {
		return nil
	}
	if err := j.file.SyncData(); err != nil {
		return j.fail(ioErr("sync", j.path, err))
	}
	j.synced = j.end
	j.metrics.syncs.Add(1)
	return nil
}

// nextFile makes a free file the current one, durably.
func (j *Journal) nextFile() error {
	if j.file != nil {
		if j.synced < j.end {
			if err := j.file.SyncData(); err != nil {
				return j.fail(ioErr("sync", j.path, err))
			}
			j.synced = j.end
		}
	}
	f, fresh := j.takeFree()
	if f == nil {
		j.settleSoon()
		return errJournalFull
	}
	file, err := j.startFile(f, fresh)
	if err != nil {
		j.mu.Lock()
		j.free = append(j.free, f.path)
		j.mu.Unlock()
		return j.fail(err)
	}
	if j.file != nil {
		if err := j.file.Close(); err != nil {
			j.o.Logger.Warn("close", "file", j.path, "error", err)
		}
	}
	j.file, j.path, j.number, j.end, j.synced = file, f.path, f.number, fileHeaderLen, fileHeaderLen
	j.position.Store(j.number<<32 | uint64(j.end))
	j.mu.Lock()
	j.files = append(j.files, f)
	j.mu.Unlock()
	j.settleSoon()
	return nil
}

// takeFree returns a file to be used, nil when all are needed.
func (j *Journal) takeFree() (f *journalFile, fresh bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f = &journalFile{number: j.next}
	switch {
	case len(j.free) > 0:
		f.path, j.free = j.free[0], j.free[1:]
	case len(j.files)+len(j.stuck)+j.kept < journalFilesMax:
		f.path, fresh = j.fs.PathJoin(j.dir, journalName(j.next)), true
	default:
		j.full.Store(true)
		return nil, false
	}
	j.next++
	return f, fresh
}

func (j *Journal) startFile(f *journalFile, fresh bool) (vfs.File, error) {
	file, err := j.fs.OpenReadWrite(f.path, writeCategory)
	if err != nil {
		return nil, ioErr("open", f.path, err)
	}
	chain, err := stamp(file, f.path, f.number, flagJournal)
	if err == nil && fresh {
		err = syncDir(j.fs, j.dir)
	}
	info, statErr := file.Stat()
	if err = errors.Join(err, ioErr("stat", f.path, statErr)); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	j.chain, j.zeroed = chain, info.Size()
	return file, nil
}

// stamp writes and syncs the header of a journal's file.
func stamp(file vfs.File, path string, number uint64, flags uint32) (chain uint32, err error) {
	header, chain := (&fileHeader{number: number, prevMin: noDecree, flags: flags}).encode()
	if _, err := file.WriteAt(header[:], 0); err != nil {
		return 0, ioErr("write", path, err)
	}
	return chain, ioErr("sync", path, file.SyncData())
}

// fail ends the use of the journal: from now on logs sync for themselves, and what is owed is settled.
func (j *Journal) fail(err error) error {
	j.mu.Lock()
	first := j.err == nil
	if first {
		j.err = err
		j.full.Store(true)
	}
	j.mu.Unlock()
	if first {
		j.o.Logger.Error("log journal failed; until the next start each log syncs for itself", "dir", j.dir, "error", err)
		j.settleSoon()
	}
	return err
}

// doubtful reports whether a part of the journal could not be read when it was opened: logs that were not closed may lack
// their last blocks.
func (j *Journal) doubtful() bool { return j != nil && j.doubt }

func journalName(number uint64) string {
	return fmt.Sprintf("%s%0*d", journalPrefix, nameDigits, number)
}
