package plog

import "github.com/pegasus-go/pegasus/internal/host"

// OpenJournal opens the journal in dir for the logs below root, and creates it when there is none. What it holds is first
// written to the log files that may have lost it; no log may be open. A log whose file could not be completed
// cannot be opened before that is done; it is the only one.
func OpenJournal(dir, root string, o JournalOptions) (*Journal, error) {
	o = o.withDefaults()
	j := &Journal{o: o, fs: o.FS, dir: dir, root: root, tasks: host.Group{On: o.Host}, metrics: new(counters),
		settleLock: host.NewMutex(), unhealed: map[string]bool{}, lacking: map[string]*Log{}}
	r, err := readJournal(j.fs, dir, root)
	if err != nil {
		return nil, err
	}
	if len(r.files) == 0 {
		if err := j.makeDir(); err != nil {
			return nil, err
		}
	}
	j.next = r.number + 1
	j.position.Store(j.next << 32)
	j.doubt = r.unread > 0
	if j.doubt {
		o.Logger.Error("log journal is damaged; logs that were not closed in order are completed by other members", "dir", dir, "places", r.unread)
	}
	written := int64(0)
	for _, id := range r.order {
		n, err := r.apply(id)
		written += n
		if err != nil {
			o.Logger.Error("log journal cannot complete a log", "file", r.path(id), "error", err)
			j.unhealed[id.name] = true
		}
	}
	if len(r.order) > 0 {
		o.Logger.Info("log journal repeated", "dir", dir, "bytes", r.bytesRead, "log_files", len(r.order), "bytes_written", written)
	}
	return j, j.reuse(r)
}

// reuse makes the files of an earlier life free, unless a log still needs them.
func (j *Journal) reuse(r *redo) error {
	if len(j.unhealed) > 0 {
		j.kept = len(r.files)
		return nil
	}
	for _, path := range r.files {
		if err := j.retire(&journalFile{path: path, number: r.number}); err != nil {
			return err
		}
		j.free = append(j.free, path)
	}
	// Whoever created the last of them may have ended before its name was durable.
	return syncDir(j.fs, j.dir)
}

// makeDir creates the directory. Whoever did before may have ended before it was durable.
func (j *Journal) makeDir() error {
	if err := j.fs.MkdirAll(j.dir, 0o755); err != nil {
		return ioErr("mkdir", j.dir, err)
	}
	if err := syncDir(j.fs, j.fs.PathDir(j.dir)); err != nil {
		return err
	}
	return syncDir(j.fs, j.dir)
}
