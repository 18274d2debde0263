package replica

import (
	"time"

	"github.com/pegasus-go/pegasus/replica/disk"
)

// openDisks opens the data directories of the options.
func openDisks(o Options) (*disk.Manager, error) {
	m, err := disk.Open(disk.Options{
		FS: o.FS, DataDirs: o.DataDirs, DefaultDir: o.DefaultDataDir, BlackListFile: o.DataDirsBlackList,
		FailOnBrokenDisk: o.FailOnBrokenDisk, MinFreePercent: o.DiskMinFreePercent, Keep: o.KeepAside, Logger: o.Logger,
	})
	if err != nil {
		return nil, fatal("data directories", err)
	}
	return m, nil
}

// diskLoop looks at free space and removes what was set aside long ago.
func (s *Server) diskLoop() {
	t := time.NewTicker(s.opts.DiskCheckInterval)
	defer t.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-t.C:
		}
		s.disks.UpdateSpace()
		removed, err := s.disks.Clean()
		if len(removed) > 0 || err != nil {
			s.log.Info("directories set aside long ago", "removed", removed, "err", err)
		}
	}
}
