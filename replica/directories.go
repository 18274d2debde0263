package replica

import (
	"github.com/pegasus-go/pegasus/replica/disk"
)

// openDisks opens the data directories of the options.
func openDisks(o Options) (*disk.Manager, error) {
	m, err := disk.Open(disk.Options{
		FS: o.FS, DataDirs: o.DataDirs, DefaultDir: o.DefaultDataDir, BlackListFile: o.DataDirsBlackList,
		FailOnBrokenDisk: o.FailOnBrokenDisk, MinFreePercent: o.DiskMinFreePercent, Keep: o.KeepAside, Now: o.Host.Now, Logger: o.Logger,
	})
	if err != nil {
		return nil, fatal("data directories", err)
	}
	return m, nil
}

// diskLoop looks at free space and removes what was set aside long ago.
func (s *Server) diskLoop() {
	for s.sleep(s.opts.DiskCheckInterval) {
		s.disks.UpdateSpace()
		removed, err := s.disks.Clean()
		if len(removed) > 0 || err != nil {
			s.log.Info("directories set aside long ago", "removed", removed, "err", err)
		}
	}
}
