//go:build linux

package chaos

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/pegasus-go/pegasus/compat-tests/thft"
)

// ballastChunkBytes is the step in which the disk is filled, down to the last block.
const ballastChunkBytes = 1 << 20

// fillDisk takes all space that is left on the small disk and asks for a flush; undoing frees the space.
func fillDisk(r *run, _ step) (func() error, error) {
	if !r.takeServer(r.c.small) {
		return nil, errNoVictim
	}
	ballast := filepath.Join(r.c.smallDir, "ballast")
	var written int64
	err := r.c.small.host.OnThread(func() (err error) {
		written, err = fill(ballast)
		return err
	})
	r.logf("%d MiB of ballast on the disk of %s", written>>20, r.c.small.name)
	if err == nil {
		_ = r.c.clients.Do(func() error { // that it fails is the point
			_, err := thft.RemoteCommand(r.c.small.addr, "replica.trigger-checkpoint")
			return err
		})
	}
	// Freed by the thread of the host: the file system is mounted there only.
	return func() error { return r.c.small.host.OnThread(func() error { return os.Remove(ballast) }) }, err
}

// fillDiskAndKill makes the server start with the full disk, too. It ends with an error then, which is right: there is nothing
// it could work on. It is started again when there is space.
func fillDiskAndKill(r *run, s step) (func() error, error) {
	victim := r.c.small
	free, err := fillDisk(r, s)
	if err != nil {
		return free, err
	}
	victim.tolerateEnd(true)
	undo := func() error {
		if err := free(); err != nil {
			return err
		}
		victim.tolerateEnd(false)
		return errors.Join(victim.kill(), victim.start())
	}
	return undo, errors.Join(victim.kill(), victim.start())
}

// fill writes a file until no byte more fits.
func fill(ballast string) (written int64, err error) {
	f, err := os.Create(ballast)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for chunk := make([]byte, ballastChunkBytes); len(chunk) > 0; {
		n, err := f.Write(chunk)
		written += int64(n)
		if errors.Is(err, syscall.ENOSPC) {
			chunk = chunk[:len(chunk)/2]
		} else if err != nil {
			return written, err
		}
		if written > smallDiskBytes {
			return written, fmt.Errorf("%s never fills up its disk", ballast)
		}
	}
	return written, nil
}
