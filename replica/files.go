package replica

import (
	"context"
	"path/filepath"

	"github.com/pegasus-go/pegasus/replica/nfs"
	"github.com/pegasus-go/pegasus/replica/pacifica"
)

// registerFiles lets other servers copy files below the data directories.
func (s *Server) registerFiles() {
	s.fileServer = nfs.NewServer(nfs.ServerOptions{
		FS: s.opts.FS, Host: s.host, Roots: s.disks.Roots, RateMBps: s.opts.SendRateMBps, CheckMBps: s.opts.CheckMBps, Logger: s.log,
	})
	s.fileServer.Register(s.rpc.Handle)
}

func (s *Server) newFileClient() *nfs.Client {
	o := s.opts.FileCopy
	o.FS, o.Host, o.Logger = s.opts.FS, s.host, s.log
	return nfs.NewClient(s.filePool, o)
}

// fetchCheckpoint copies the files of a primary's checkpoint into the learn directory, which is
// emptied first.
func (p *partition) fetchCheckpoint(ctx context.Context, e pacifica.InstallCheckpoint) error {
	dest := filepath.Join(p.dir, learnDirName)
	if err := p.srv.opts.FS.RemoveAll(dest); err != nil {
		return err
	}
	if _, err := p.srv.files.Fetch(ctx, nfs.Copy{
		From: e.From, SourceDir: e.Answer.Dir, Files: e.Answer.Files, Sizes: e.Answer.FileSizes, DestDir: dest, Gpid: p.gpid,
		DestDiskTag: p.srv.disks.TagOf(p.dir),
	}); err != nil {
		return err
	}
	// Sums of whole files only say that this is what the peer has.
	return p.srv.verify(ctx, dest)
}

// verify compares the checksums of all blocks of a checkpoint, at the rate of such checks.
func (s *Server) verify(ctx context.Context, dir string) error {
	return s.engine.Verify(ctx, dir, func(bytes int) error { return s.fileServer.TakeCheck(ctx, bytes) })
}
