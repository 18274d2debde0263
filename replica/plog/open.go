package plog

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/internal/host"
)

// Open opens the log in dir and creates it when there is none. It reads all file headers and the whole
// last file, whose torn tail is left out. Anything else that does not fit is a *CorruptError: then
// nothing was changed.
func Open(dir string, o Options) (*Log, error) {
	l := newLog(dir, o)
	open := l.open
	if j := l.o.Syncer.journal; j.owes(l.name) {
		open = func() error { return j.complete(l) }
	}
	if err := open(); err != nil {
		return nil, err
	}
	return l, nil
}

// newLog is a log that was not read yet.
func newLog(dir string, o Options) *Log {
	l := &Log{dir: dir, o: o.withDefaults()}
	l.fs = l.o.FS
	l.opMu, l.tail.lock, l.syncLock = host.NewMutex(), host.NewMutex(), host.NewMutex()
	l.name = l.o.Syncer.journal.nameOf(dir)
	return l
}

func (l *Log) open() error {
	if err := l.makeDir(); err != nil {
		return err
	}
	found, err := l.list()
	if err != nil {
		return err
	}
	if len(found) == 0 {
		// Whoever created the directory may have ended before it was durable.
		if err := l.syncEmptyDir(); err != nil {
			return err
		}
	}
	plan, err := l.arrange(found)
	if err != nil {
		return err
	}
	l.files = plan.chain
	if err := l.recoverLast(); err != nil {
		return err
	}
	return l.removeAll(plan.drop)
}

// makeDir creates the directory; syncEmptyDir makes it survive a crash.
func (l *Log) makeDir() error {
	if _, err := l.fs.Stat(l.dir); err == nil {
		return nil
	}
	return ioErr("mkdir", l.dir, l.fs.MkdirAll(l.dir, 0o755))
}

func (l *Log) syncEmptyDir() error {
	if err := syncDir(l.fs, l.fs.PathDir(l.dir)); err != nil {
		return err
	}
	return syncDir(l.fs, l.dir)
}

// foundFile is a file as it lies in the directory.
type foundFile struct {
	number uint64
	path   string
	size   int64
	info   vfs.FileInfo
	header fileHeader
	chain  uint32
	bad    string // why the header cannot be used; "" when it can
}

func (l *Log) list() ([]*foundFile, error) {
	names, err := l.fs.List(l.dir)
	if err != nil {
		return nil, ioErr("list", l.dir, err)
	}
	slices.Sort(names)
	var found []*foundFile
	l.next = 1
	for _, name := range names {
		if n, ok := parseName(name, recycledName); ok {
			l.recycled = append(l.recycled, n)
			l.next = max(l.next, n+1)
		} else if n, ok := parseName(name, filePrefix); ok {
			found = append(found, &foundFile{number: n, path: l.fs.PathJoin(l.dir, name)})
			l.next = max(l.next, n+1)
		} else {
			l.o.Logger.Warn("private log ignores a file with a strange name", "dir", l.dir, "name", name)
		}
	}
	slices.SortFunc(found, func(a, b *foundFile) int { return cmp.Compare(a.number, b.number) })
	for _, f := range found {
		if err := l.readHeader(f); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (l *Log) readHeader(f *foundFile) error {
	file, err := l.fs.Open(f.path)
	if err != nil {
		return ioErr("open", f.path, err)
	}
	defer file.Close()
	if f.info, err = file.Stat(); err != nil {
		return ioErr("stat", f.path, err)
	}
	f.size = f.info.Size()
	var b [fileHeaderLen]byte
	n, err := file.ReadAt(b[:], 0)
	if err != nil && err != io.EOF {
		return ioErr("read", f.path, err)
	}
	f.header, f.chain, err = decodeFileHeader(b[:n])
	var version *versionError
	switch {
	case errors.As(err, &version):
		return fmt.Errorf("plog: open %s: %w", f.path, err)
	case err != nil:
		f.bad = err.Error()
	case f.header.number != f.number:
		f.bad = fmt.Sprintf("file header has number %d", f.header.number)
	}
	return nil
}

// arrangement says which files make up the log, oldest first, and which are left over.
type arrangement struct {
	chain []*logFile
	drop  []string
}

// arrange follows the headers from the newest file back. What is left over must be explained: by a
// reset, or as a file whose creation a crash interrupted.
func (l *Log) arrange(found []*foundFile) (a arrangement, err error) {
	byNumber := map[uint64]*foundFile{}
	newest := -1
	for i, f := range found {
		byNumber[f.number] = f
		if f.bad == "" {
			newest = i
		}
	}
	inChain := map[uint64]bool{}
	oldest := (*foundFile)(nil)
	if newest >= 0 {
		for f := found[newest]; f != nil; f = byNumber[f.header.prevNumber] {
			if f.bad != "" {
				return a, &CorruptError{File: f.path, Reason: f.bad}
			}
			inChain[f.number] = true
			a.chain = append(a.chain, newLogFile(f))
			if oldest != nil {
				if err := checkLink(f, oldest); err != nil {
					return a, err
				}
			}
			oldest = f
			if f.header.reset() || f.header.prevNumber == 0 {
				break
			}
		}
		slices.Reverse(a.chain)
		closeChain(a.chain)
	}
	for _, f := range found {
		if inChain[f.number] {
			continue
		}
		if !(oldest != nil && oldest.header.reset() && f.number < oldest.number) {
			if err := l.checkUnfinished(f); err != nil {
				return a, err
			}
		}
		a.drop = append(a.drop, f.path)
	}
	return a, nil
}

// newLogFile takes what the file's own header says; closeChain and recoverLast add the rest.
func newLogFile(f *foundFile) *logFile {
	return &logFile{fileHeader: f.header, path: f.path, chain: f.chain, physical: f.size, writtenAt: f.info.ModTime(), min: noDecree}
}

// checkLink checks that f can be what its successor says.
func checkLink(f, successor *foundFile) error {
	h := &successor.header
	switch {
	case h.prevEnd < fileHeaderLen || h.prevEnd > f.size:
		return &CorruptError{File: f.path, Offset: f.size, Reason: fmt.Sprintf("file has %d bytes, its successor says %d", f.size, h.prevEnd)}
	case f.number >= successor.number:
		return &CorruptError{File: successor.path, Reason: fmt.Sprintf("file claims to follow file %d", f.number)}
	case h.afterDecree < f.header.afterDecree:
		return &CorruptError{File: successor.path, Reason: fmt.Sprintf("file follows decree %d, the one before it %d", h.afterDecree, f.header.afterDecree)}
	}
	return nil
}

// closeChain gives every file but the last the end that its successor states.
func closeChain(chain []*logFile) {
	for i := 0; i+1 < len(chain); i++ {
		h := &chain[i+1].fileHeader
		chain[i].end, chain[i].chain, chain[i].min = h.prevEnd, h.prevChain, h.prevMin
	}
}

// checkUnfinished accepts a file outside the chain only when its creation was never finished: no valid
// header and no block of its own.
func (l *Log) checkUnfinished(f *foundFile) error {
	if f.bad == "" {
		return &CorruptError{File: f.path, Reason: "no other file continues this one, a file is missing"}
	}
	file, err := l.fs.Open(f.path)
	if err != nil {
		return ioErr("open", f.path, err)
	}
	defer file.Close()
	s := &scanner{file: file, path: f.path, number: f.number, limit: f.size}
	used, err := s.provesSynced(0)
	if err != nil {
		return err
	}
	if used {
		return &CorruptError{File: f.path, Reason: f.bad}
	}
	return nil
}

// recoverLast finds the end of the last file, and writes what is not proven to be on disk once more and syncs it when the log was not closed
// cleanly: what was read may so far be in memory only, even after a sync that failed, and callers act on it.
func (l *Log) recoverLast() error {
	if len(l.files) == 0 {
		return nil
	}
	f := l.files[len(l.files)-1]
	file, err := l.fs.Open(f.path)
	if err != nil {
		return ioErr("open", f.path, err)
	}
	defer file.Close()
	proven, clean, err := l.readLast(f, file)
	if err != nil || clean {
		return err
	}
	f.cut = f.cut || l.o.Syncer.journal.doubtful()
	if err := l.rewrite(f, proven); err != nil {
		return err
	}
	return syncDir(l.fs, l.dir)
}

// rewrite makes what f holds from an offset on durable.
func (l *Log) rewrite(f *logFile, from int64) (err error) {
	file, err := l.fs.OpenReadWrite(f.path, writeCategory)
	if err != nil {
		return ioErr("open", f.path, err)
	}
	defer func() { err = errors.Join(err, ioErr("close", f.path, file.Close())) }()
	buf := make([]byte, min(scanBytes, max(f.end-from, 0)))
	for from < f.end {
		b := buf[:min(int64(len(buf)), f.end-from)]
		if _, err := file.ReadAt(b, from); err != nil {
			return ioErr("read", f.path, err)
		}
		if _, err := file.WriteAt(b, from); err != nil {
			return ioErr("write", f.path, err)
		}
		from += int64(len(b))
	}
	return ioErr("sync", f.path, file.SyncData())
}

// readLast finds the end of the last file and of the log. Later blocks prove that the file was on disk, or in the journal, up to proven.
func (l *Log) readLast(f *logFile, file vfs.File) (proven int64, clean bool, err error) {
	s := &scanner{file: file, path: f.path, number: f.number, off: fileHeaderLen, limit: f.physical, chain: f.chain, linked: true}
	if proven, clean, err = f.scanLast(s); err != nil {
		return 0, false, err
	}
	l.last = max(f.afterDecree, f.max)
	return proven, clean, nil
}

// scanLast indexes the file up to its end, which is a clean one when an end mark is there.
func (f *logFile) scanLast(s *scanner) (proven int64, clean bool, err error) {
	f.end, f.indexed = fileHeaderLen, true
	for {
		h, body, err := s.next()
		var hurt *damage
		switch {
		case err == io.EOF:
			return proven, false, nil
		case errors.As(err, &hurt):
			synced, err := s.provesSynced(hurt.offset)
			if err != nil {
				return 0, false, err
			}
			if synced {
				return 0, false, hurt.in(f.path)
			}
			f.cut, err = s.used(hurt.offset)
			return proven, false, err
		case err != nil:
			return 0, false, err
		}
		if h.end {
			// The mark may be lost in a power cut while all before it is not: it stays outside the file's end.
			return proven, true, nil
		}
		if err := f.index(h, body); err != nil {
			return 0, false, err
		}
		f.end, f.chain = s.off, s.chain
		proven = max(proven, h.synced)
	}
}

// removeAll deletes files that a reset or an interrupted creation left behind, and recycled ones
// beyond their number.
func (l *Log) removeAll(paths []string) error {
	for len(l.recycled) > max(l.o.RecycleFilesMax, 0) {
		n := len(l.recycled) - 1
		paths = append(paths, l.fs.PathJoin(l.dir, recycledFile(l.recycled[n])))
		l.recycled = l.recycled[:n]
	}
	if len(paths) == 0 {
		return nil
	}
	for _, p := range paths {
		if err := l.fs.Remove(p); err != nil {
			return ioErr("remove", p, err)
		}
	}
	return syncDir(l.fs, l.dir)
}
