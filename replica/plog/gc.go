package plog

import "time"

// GC deletes the oldest files whose entries are all at or below durableDecree and which the reserve
// does not keep. It never touches the newest file or one that is being read, and stops at the first
// file that has to stay, so the log never has a hole. Collected files are kept for reuse up to
// RecycleFilesMax.
func (l *Log) GC(durableDecree int64) error {
	l.opMu.Lock(l.o.Host)
	defer l.opMu.Unlock()
	for {
		f := l.takeCollectable(durableDecree)
		if f == nil {
			return nil
		}
		if err := l.discard(f); err != nil {
			return l.fail(err)
		}
		l.count(func(c *counters) { c.collected.Add(1) })
	}
}

// takeCollectable removes the oldest file from the list when it may go.
func (l *Log) takeCollectable(durableDecree int64) *logFile {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil || l.closed || len(l.files) < 2 {
		return nil
	}
	f := l.files[0]
	// afterDecree of the next file is the highest decree of this one and all before it.
	if f.pins > 0 || l.files[1].afterDecree > durableDecree || l.reserved(f) {
		return nil
	}
	l.files = append([]*logFile(nil), l.files[1:]...)
	return f
}

func (l *Log) reserved(f *logFile) bool {
	if l.o.ReserveBytesMax < 0 || l.o.ReserveSecondsMax < 0 || len(l.files) > reserveFilesMax {
		return false
	}
	age := l.o.Now().Sub(f.writtenAt)
	return l.bytes() <= l.o.ReserveBytesMax && age <= time.Duration(l.o.ReserveSecondsMax)*time.Second
}

// discard takes a file off the disk, or renames it for reuse. The directory is synced for each, so
// that of two removals the older one is never the one that a crash undoes.
func (l *Log) discard(f *logFile) error {
	l.mu.Lock()
	keep := len(l.recycled) < l.o.RecycleFilesMax && f.physical >= l.o.FileBytesMax/2 && f.physical <= 2*l.o.FileBytesMax
	l.mu.Unlock()
	if !keep {
		if err := l.fs.Remove(f.path); err != nil {
			return ioErr("remove", f.path, err)
		}
		return syncDir(l.fs, l.dir)
	}
	if err := l.fs.Rename(f.path, l.fs.PathJoin(l.dir, recycledFile(f.number))); err != nil {
		return ioErr("rename", f.path, err)
	}
	if err := syncDir(l.fs, l.dir); err != nil {
		return err
	}
	l.mu.Lock()
	l.recycled = append(l.recycled, f.number)
	l.mu.Unlock()
	return nil
}

// Reset drops everything: the log continues after decree, for a learner that took over a checkpoint
// of that decree. It waits for pending appends first. A crash at any moment leaves either the old log
// or the new, empty one: the new file's header drops all older files at once.
func (l *Log) Reset(decree int64) error {
	l.opMu.Lock(l.o.Host)
	defer l.opMu.Unlock()
	l.acquire()
	defer l.release()
	l.mu.Lock()
	err, closed, old := l.err, l.closed, l.files
	l.mu.Unlock()
	if err != nil {
		return err
	}
	if closed {
		return ErrClosed
	}
	if err := l.beginFile(fileHeader{afterDecree: decree, prevMin: noDecree, flags: flagReset}); err != nil {
		return l.fail(err)
	}
	l.mu.Lock()
	l.files = []*logFile{l.files[len(l.files)-1]}
	l.last = decree
	l.mu.Unlock()
	for _, f := range old {
		if err := l.fs.Remove(f.path); err != nil {
			return l.fail(ioErr("remove", f.path, err))
		}
	}
	if len(old) == 0 {
		return nil
	}
	if err := syncDir(l.fs, l.dir); err != nil {
		return l.fail(err)
	}
	return nil
}
