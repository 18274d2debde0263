package replica

import (
	"errors"
	"sync"

	"github.com/pegasus-go/pegasus/replica/plog"
)

// journals are what the logs of each disk share: the order in which they write, and the journal that saves them syncs.
type journals struct {
	mu    sync.Mutex
	byTag map[string]*journal
}

// journal is that of one disk.
type journal struct {
	once   sync.Once
	syncer *plog.Syncer
	kept   *plog.Journal
	err    error
}

// syncer returns what the logs share on the disk that holds a replica's directory. The first one on a disk
// completes the logs from the journal.
func (s *Server) syncer(dir string) (*plog.Syncer, error) {
	tag := s.disks.TagOf(dir)
	s.journals.mu.Lock()
	j := s.journals.byTag[tag]
	if j == nil {
		j = new(journal)
		s.journals.byTag[tag] = j
	}
	s.journals.mu.Unlock()
	j.once.Do(func() { s.openJournal(j, dir) })
	return j.syncer, j.err
}

func (s *Server) openJournal(j *journal, dir string) {
	path, root := s.disks.JournalDir(dir)
	j.syncer = plog.NewSyncer(plog.DefaultSyncsConcurrent, s.host)
	if path == "" {
		return
	}
	j.kept, j.err = plog.OpenJournal(path, root, plog.JournalOptions{
		FS: s.opts.FS, FileBytesMax: max(s.opts.JournalFileBytes, 0), Host: s.host, Logger: s.log,
	})
	if j.err == nil && s.opts.JournalFileBytes >= 0 {
		j.syncer.UseJournal(j.kept)
	}
}

// syncs counts those of all logs, and of the journals.
func (j *journals) syncs() (n uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, one := range j.byTag {
		if one.syncer != nil {
			n += one.syncer.Metrics().Syncs
		}
	}
	return n
}

// close settles the journals. All logs are closed before.
func (j *journals) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var errs []error
	for _, one := range j.byTag {
		if one.kept != nil {
			errs = append(errs, one.kept.Close())
		}
	}
	return errors.Join(errs...)
}
