package plog

import "maps"

// A log that failed writes nothing more to its file, which may lack what was acknowledged since, or not have it on disk: Journal.lacking has it. Before
// it is opened again, or the journal lets go of its blocks, all of them are written once more and synced.

// complete opens a log once it has got what it lacked. Until then no file of the journal becomes free.
func (j *Journal) complete(l *Log) error {
	j.settleLock.Lock(j.o.Host)
	defer j.settleLock.Unlock()
	if err := j.repeat(l.name); err != nil {
		return err
	}
	if err := l.open(); err != nil {
		return err
	}
	return j.completed(l.name, l)
}

// repeat writes all that the journal has of a log. Called with settleLock held.
func (j *Journal) repeat(name string) error {
	r, err := readJournal(j.fs, j.dir, j.root)
	if err != nil {
		return err
	}
	return r.applyAll(name)
}

// completed notes that a log lacks nothing any more. opened, if it is that, must have all of it.
func (j *Journal) completed(name string, opened *Log) error {
	j.mu.Lock()
	failed := j.lacking[name]
	j.mu.Unlock()
	if failed != nil && opened != nil {
		f, was := opened.current(), failed.current()
		if f != nil && was != nil && f.number == was.number && f.born == was.born && f.end < failed.durable {
			return &CorruptError{File: f.path, Offset: f.end, Reason: "the journal has no block here, but one was acknowledged"}
		}
	}
	j.mu.Lock()
	delete(j.lacking, name)
	delete(j.unhealed, name)
	j.mu.Unlock()
	if failed != nil {
		failed.dropTail()
		failed.mu.Lock()
		failed.unsynced = nil
		failed.mu.Unlock()
	}
	j.settleSoon()
	return nil
}

// owes reports whether the log of that name lacks something.
func (j *Journal) owes(name string) bool {
	if j == nil {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lacking[name] != nil || j.unhealed[name]
}

// lacks notes that a log failed and was closed: what it acknowledged may be nowhere but in the journal.
func (j *Journal) lacks(l *Log) bool {
	if j == nil || l.name == "" {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lacking[l.name] = l
	return true
}

// repetition is what a settling has of the journal for logs that lack something: it is read once, unless further logs fail meanwhile.
type repetition struct {
	read   *redo
	covers map[string]*Log  // failed before it was read
	failed map[string]error // not to be tried again in this settling
}

// repeatIn is repeat for a settling.
func (j *Journal) repeatIn(a *repetition, name string, l *Log) error {
	if err := a.failed[name]; err != nil {
		return err
	}
	if a.covers[name] != l {
		j.mu.Lock()
		a.covers = maps.Clone(j.lacking)
		j.mu.Unlock()
		var err error
		if a.read, err = readJournal(j.fs, j.dir, j.root); err != nil {
			a.covers = nil
			return err
		}
	}
	err := a.read.applyAll(name)
	if err == nil {
		return j.completed(name, nil)
	}
	if a.failed == nil {
		a.failed = map[string]error{}
	}
	a.failed[name] = err
	return err
}
