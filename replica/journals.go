package replica

import (
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/pegasus-go/pegasus/replica/plog"
)

// journals are what the logs of each disk share: the order in which they write, and the journal that saves them syncs.
type journals struct {
	mu    sync.Mutex
	byTag map[string]journal
}

// journal is that of one disk. The zero value is none.
type journal struct {
	syncer *plog.Syncer
	kept   *plog.Journal
}

// syncer returns what the logs share on the disk that holds a replica's directory. The first one on a disk
// completes the logs from the journal; when that fails, no replica there can be opened, and the next one tries again.
func (s *Server) syncer(dir string) (*plog.Syncer, error) {
	tag := s.disks.TagOf(dir)
	s.journals.mu.Lock()
	defer s.journals.mu.Unlock()
	if j, ok := s.journals.byTag[tag]; ok {
		return j.syncer, nil
	}
	j, err := s.openJournal(dir)
	if err != nil {
		return nil, err
	}
	s.journals.byTag[tag] = j
	return j.syncer, nil
}

func (s *Server) openJournal(dir string) (j journal, err error) {
	j.syncer = plog.NewSyncer(plog.DefaultSyncsConcurrent, s.host)
	path, root := s.disks.JournalDir(dir)
	if path == "" {
		return j, nil
	}
	j.kept, err = plog.OpenJournal(path, root, plog.JournalOptions{
		FS: s.opts.FS, FileBytesMax: s.opts.JournalFileBytes, Host: s.host, Logger: s.log,
	})
	if err == nil {
		j.syncer.UseJournal(j.kept)
	}
	return j, err
}

// syncs counts those of all logs, and of the journals.
func (j *journals) syncs() (n uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, one := range j.byTag {
		n += one.syncer.Metrics().Syncs
	}
	return n
}

// close settles the journals. All logs are closed before.
func (j *journals) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var errs []error
	for _, tag := range slices.Sorted(maps.Keys(j.byTag)) {
		if one := j.byTag[tag]; one.kept != nil {
			errs = append(errs, one.kept.Close())
		}
	}
	return errors.Join(errs...)
}
