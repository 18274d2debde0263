package plog

import (
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// writeCategory labels the log's writes in the file system's statistics.
const writeCategory vfs.DiskWriteCategory = "pegasus-plog"

// commit writes a group as one block, and syncs it when the mode asks for that.
func (l *Log) commit(g *group) error {
	if err := l.put(g, false); err != nil || g.entries == 0 {
		return err
	}
	switch l.o.Sync {
	case SyncAlways:
		return l.syncWritten()
	case SyncInterval:
		l.armTimer()
	}
	return nil
}

// put writes a group as one block without syncing it. The block may wait in the tail when the journal is offered it next.
func (l *Log) put(g *group, journal bool) error {
	if err := l.Err(); err != nil {
		return err
	}
	if g.entries == 0 {
		return nil
	}
	if err := l.ensureFile(); err != nil {
		return l.fail(err)
	}
	if err := l.writeBlock(g.buf, g.entries, g.min, g.max, journal); err != nil {
		return l.fail(err)
	}
	l.count(func(c *counters) { c.writes.Add(1); c.entries.Add(uint64(g.entries)) })
	return nil
}

func (l *Log) count(f func(*counters)) {
	f(&l.metrics)
	f(&l.o.Syncer.metrics)
}

// current is the file that takes appends, nil before the first. The caller owns l.active, so that it
// stays the current one; the list it ends may be cut at its other end meanwhile.
func (l *Log) current() *logFile {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.files) == 0 {
		return nil
	}
	return l.files[len(l.files)-1]
}

// ensureFile opens the first file after Open, and the next one when the current is full.
func (l *Log) ensureFile() error {
	if l.ioFile != nil && l.current().end < l.o.FileBytesMax {
		return nil
	}
	h := fileHeader{afterDecree: l.last, prevMin: noDecree}
	if p := l.current(); p != nil {
		if l.ioFile != nil && l.durable < p.end {
			if err := l.syncWritten(); err != nil {
				return err
			}
		}
		h.prevNumber, h.prevEnd, h.prevChain, h.prevMin = p.number, p.end, p.chain, p.min
	}
	return l.beginFile(h)
}

// beginFile makes the file with header h the current one, durably: header first, then its name. The
// file before it stays open until that is done.
func (l *Log) beginFile(h fileHeader) error {
	if err := l.flush(); err != nil {
		return err
	}
	h.born = l.o.Syncer.journal.at()
	l.mu.Lock()
	h.number = l.next
	l.next++
	var old uint64
	if n := len(l.recycled); n > 0 {
		old, l.recycled = l.recycled[n-1], l.recycled[:n-1]
	}
	l.mu.Unlock()

	f := &logFile{fileHeader: h, path: l.fs.PathJoin(l.dir, fileName(h.number)), min: noDecree, indexed: true}
	file, err := l.createFile(f, old)
	if err != nil {
		return err
	}
	header, chain := h.encode()
	if err := writeHeader(file, f.path, header[:]); err != nil {
		file.Close()
		return err
	}
	if err := syncDir(l.fs, l.dir); err != nil {
		file.Close()
		return err
	}
	l.count(func(c *counters) { c.files.Add(1); c.syncs.Add(1); c.bytes.Add(fileHeaderLen) })
	f.end, f.chain = fileHeaderLen, chain
	if l.ioFile != nil {
		if err := l.ioFile.Close(); err != nil {
			file.Close()
			return ioErr("close", l.current().path, err)
		}
	}
	l.ioFile, l.synced, l.durable = file, fileHeaderLen, fileHeaderLen
	l.mu.Lock()
	l.files = append(l.files, f)
	l.mu.Unlock()
	return nil
}

// createFile overwrites a recycled file when there is one: then the space is there, the size does not
// change, and syncing costs no journal write.
func (l *Log) createFile(f *logFile, recycled uint64) (vfs.File, error) {
	l.preallocEnd = 0
	if recycled == 0 {
		file, err := l.fs.Create(f.path, writeCategory)
		return file, ioErr("create", f.path, err)
	}
	old := l.fs.PathJoin(l.dir, recycledFile(recycled))
	file, err := l.fs.ReuseForWrite(old, f.path, writeCategory)
	if err != nil {
		return nil, ioErr("reuse", old, err)
	}
	if info, err := file.Stat(); err == nil {
		f.physical = info.Size()
		l.preallocEnd = info.Size()
	}
	l.count(func(c *counters) { c.recycled.Add(1) })
	return file, nil
}

func writeHeader(file vfs.File, path string, header []byte) error {
	if _, err := file.Write(header); err != nil {
		return ioErr("write", path, err)
	}
	return ioErr("sync", path, file.SyncData())
}

// writeBlock seals block and writes it at the end of the current file with one call, or leaves that to a later one. A block without
// entries marks a clean end.
func (l *Log) writeBlock(block []byte, entries uint32, lo, hi int64, journal bool) error {
	f := l.current()
	crc := sealBlock(block, blockHeader{
		entries: entries, offset: f.end, synced: l.durable, chain: f.chain, end: entries == 0, number: f.number,
	})
	reserved := l.preallocate(f.end + int64(len(block)))
	if err := l.write(block, journal && reserved && f.born != 0); err != nil {
		return err
	}
	l.count(func(c *counters) { c.bytes.Add(uint64(len(block))) })
	l.mu.Lock()
	defer l.mu.Unlock()
	f.addToIndex(f.end, int64(len(block)), lo, hi)
	f.end += int64(len(block))
	f.physical = max(f.physical, f.end)
	f.chain = crc
	f.writtenAt = l.o.Now()
	l.last = max(l.last, hi)
	return nil
}

// preallocate reserves space ahead of end, and reports whether it is there. It is advice: when the file system cannot, the write itself
// says what is wrong.
func (l *Log) preallocate(end int64) (reserved bool) {
	if end <= l.preallocEnd {
		return l.preallocEnd < preallocNever
	}
	if l.o.PreallocBytes < 0 {
		return false
	}
	step := l.o.PreallocBytes
	to := (end + step - 1) / step * step
	if err := allocate(l.ioFile, l.preallocEnd, to-l.preallocEnd); err != nil {
		l.o.Logger.Debug("private log cannot reserve space", "dir", l.dir, "error", err)
		to = preallocNever
	}
	l.preallocEnd = to
	return to < preallocNever
}

// syncWritten makes everything in the current file durable.
func (l *Log) syncWritten() error {
	if err := l.Err(); err != nil {
		return err
	}
	if l.ioFile == nil || l.synced == l.current().end {
		return nil
	}
	if err := l.flush(); err != nil {
		return err
	}
	f := l.current()
	if err := l.sync(l.ioFile, f.path); err != nil {
		return err
	}
	l.synced, l.durable = f.end, f.end
	l.count(func(c *counters) { c.syncs.Add(1) })
	return nil
}

// preallocNever is the end of what is reserved when the file system cannot, behind that of any file.
const preallocNever = fileBytesLimit << 2

// writeEnd marks a clean end, so that the next Open needs no sync and can tell damage from a torn tail.
func (l *Log) writeEnd() {
	if l.syncWritten() != nil {
		return
	}
	block := make([]byte, blockHeaderLen)
	if err := l.writeBlock(block, 0, noDecree, 0, false); err != nil {
		l.fail(err)
		return
	}
	if l.syncWritten() == nil {
		l.durable -= blockHeaderLen // the mark is outside of what was acknowledged
	}
}

// sync syncs one of the files. After one that failed there is no other: what it has left in memory counts as written, and is not on disk.
func (l *Log) sync(file vfs.File, path string) error {
	l.syncLock.Lock(l.o.Host)
	defer l.syncLock.Unlock()
	l.mu.Lock()
	err := l.unsynced
	l.mu.Unlock()
	if err != nil {
		return err
	}
	if err = ioErr("sync", path, file.SyncData()); err != nil {
		l.mu.Lock()
		l.unsynced = err
		l.mu.Unlock()
		l.fail(err)
	}
	return err
}

func (l *Log) armTimer() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timerSet || l.closed {
		return
	}
	l.timerSet = true
	l.o.Host.AfterFunc(time.Duration(l.o.SyncIntervalMs)*time.Millisecond, func() {
		l.mu.Lock()
		l.timerSet = false
		l.syncDue = !l.closed
		start := l.syncDue && l.activate()
		l.mu.Unlock()
		if start {
			l.o.Syncer.submit(l)
		}
	})
}

// syncDir makes the names in dir durable.
func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return ioErr("open", dir, err)
	}
	if err := d.Sync(); err != nil {
		d.Close()
		return ioErr("sync", dir, err)
	}
	return ioErr("close", dir, d.Close())
}
