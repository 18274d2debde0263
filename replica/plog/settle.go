package plog

import (
	"errors"

	"github.com/cockroachdb/errors/oserror"
)

// settleSoon frees the files of the journal before the current one beside the rounds; of a failed journal, all.
func (j *Journal) settleSoon() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.settling || j.closed {
		return
	}
	j.settling = true
	stuck := j.stuck
	j.stuck = nil
	j.files = append(stuck, j.files...)
	j.tasks.Go(func() {
		for f := j.oldest(); f != nil; f = j.oldest() {
			j.settle(f, true)
		}
	})
}

// oldest is the file to settle next; nil ends the settling.
func (j *Journal) oldest() *journalFile {
	j.mu.Lock()
	defer j.mu.Unlock()
	if n := len(j.files); n > 1 || n == 1 && j.err != nil {
		return j.files[0]
	}
	j.settling = false
	if j.full.Load() && !j.retrying && !j.closed && j.err == nil {
		j.retrying = true
		j.o.Host.AfterFunc(settleRetry, func() {
			j.mu.Lock()
			j.retrying = false
			j.mu.Unlock()
			j.settleSoon()
		})
	}
	return nil
}

// settle syncs what is owed in f, the first of the files, and makes it free. When that fails, f stays as it is and is tried again with the
// next one; the next start repeats its blocks.
func (j *Journal) settle(f *journalFile, pause bool) error {
	j.settleLock.Lock(j.o.Host)
	defer j.settleLock.Unlock()
	err := j.pay(f, nil, pause)
	if err == nil {
		err = j.retire(f)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.files = j.files[1:]
	if err != nil {
		j.stuck = append(j.stuck, f)
		j.o.Logger.Error("log journal keeps a file", "file", f.path, "error", err)
		return err
	}
	j.free = append(j.free, f.path)
	j.full.Store(j.err != nil)
	return nil
}

// pay syncs the files owed in f: those of one log, or all when only is nil.
func (j *Journal) pay(f *journalFile, only *Log, pause bool) error {
	var errs []error
	var again repetition
	for i := 0; ; i++ {
		j.mu.Lock()
		if i >= len(f.owed) {
			j.mu.Unlock()
			return errors.Join(errs...)
		}
		o := f.owed[i]
		j.mu.Unlock()
		if o.l == nil || only != nil && o.l != only {
			continue
		}
		if err := j.syncFile(o, &again); err != nil {
			errs = append(errs, err)
			continue
		}
		j.mu.Lock()
		f.owed[i].l = nil
		pause = pause && !j.closed
		j.mu.Unlock()
		if pause {
			j.o.Host.Wait(settlePause)
		}
	}
}

// syncFile makes a log file whole and durable. One that is gone, or another one by now, was dropped with its log, or collected. What a log
// lacks that has failed and was not opened again is written once more.
func (j *Journal) syncFile(o owed, again *repetition) error {
	j.mu.Lock()
	failed := j.lacking[o.id.name]
	j.mu.Unlock()
	if failed != nil {
		return j.repeatIn(again, o.id.name, failed)
	}
	file, err := j.fs.Open(o.path)
	if oserror.IsNotExist(err) {
		return syncGone(j.fs, o.path)
	}
	if err != nil {
		return ioErr("open", o.path, err)
	}
	same, err := o.id.is(file, o.path)
	switch {
	case err != nil:
	case !same:
		err = syncGone(j.fs, o.path)
	default:
		if err = o.l.flush(); err == nil {
			err = o.l.sync(file, o.path)
		}
	}
	return errors.Join(err, ioErr("close", o.path, file.Close()))
}

// retire marks a file whose blocks nobody needs.
func (j *Journal) retire(f *journalFile) error {
	file, err := j.fs.OpenReadWrite(f.path, writeCategory)
	if err != nil {
		return ioErr("open", f.path, err)
	}
	_, err = stamp(file, f.path, f.number, flagJournal|flagFree)
	return errors.Join(err, ioErr("close", f.path, file.Close()))
}

// release syncs what is owed for a log that is being closed.
func (j *Journal) release(l *Log) error {
	if j == nil || l.name == "" {
		return nil
	}
	j.mu.Lock()
	files := append([]*journalFile(nil), j.files...)
	j.mu.Unlock()
	for _, f := range files {
		if err := j.pay(f, l, false); err != nil {
			return err // the file is kept
		}
	}
	return nil
}

// Close settles everything, so that the next start has nothing to repeat; what it cannot, the next start does. The logs are
// closed before.
func (j *Journal) Close() error {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	j.tasks.Wait()
	var err error
	if j.file != nil {
		err = ioErr("close", j.path, j.file.Close())
		j.file = nil
	}
	j.files, j.stuck = append(j.stuck, j.files...), nil
	for len(j.files) > 0 {
		err = errors.Join(err, j.settle(j.files[0], false))
	}
	return err
}
