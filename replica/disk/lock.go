package disk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrInUse says that another server holds a data directory.
var ErrInUse = errors.New("data directory is in use by another server")

// The holder is named in a file of its own: a lock file must not be opened, closing it would give the lock up.
const (
	lockFileName   = ".lock"
	holderFileName = ".lock.holder"
)

// lockDir takes root for this server; closing the result gives it up.
func lockDir(fs vfs.FS, root string, now time.Time) (io.Closer, error) {
	lock, err := fs.Lock(filepath.Join(root, lockFileName))
	if err != nil {
		if !heldByOther(err) {
			return nil, fmt.Errorf("lock: %w", err)
		}
		holder, readErr := readFile(fs, filepath.Join(root, holderFileName), 1<<10)
		if readErr != nil || len(holder) == 0 {
			return nil, ErrInUse
		}
		return nil, fmt.Errorf("%w: %s", ErrInUse, strings.TrimSpace(string(holder)))
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	text := fmt.Sprintf("process %d on %s, since %s\n", os.Getpid(), host, now.Format(time.RFC3339))
	if err := writeFile(fs, filepath.Join(root, holderFileName), []byte(text)); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// heldByOther tells a lock that somebody has from a disk that fails.
func heldByOther(err error) bool {
	return errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) || strings.Contains(err.Error(), "held by current process")
}
