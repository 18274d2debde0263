package disk

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/gen-go/base"
)

// Status of a disk; the numbers are those of disk_status on the wire.
type Status int32

const (
	Normal            Status = 0
	SpaceInsufficient Status = 1
	// IOError stays until the process starts again.
	IOError Status = 2
)

func (s Status) String() string {
	switch s {
	case Normal:
		return "NORMAL"
	case SpaceInsufficient:
		return "SPACE_INSUFFICIENT"
	}
	return "IO_ERROR"
}

// Code is the error that a client's write gets when its replica lies on such a disk.
func (s Status) Code() base.ErrorCode {
	switch s {
	case Normal:
		return base.ErrOK
	case SpaceInsufficient:
		return base.ErrDiskInsufficient
	}
	return base.ErrDiskIOError
}

// Options of Open. Zero values take the defaults of upstream's configuration.
type Options struct {
	FS vfs.FS // default vfs.Default
	// DataDirs is "tag:/path,tag:/path"; empty: DefaultDir with the tag "default".
	DataDirs   string
	DefaultDir string
	// BlackListFile names paths that are not used although configured.
	BlackListFile string
	// FailOnBrokenDisk: a directory that cannot be used ends Open instead of being left out
	// (ignore_broken_disk = false).
	FailOnBrokenDisk bool
	// MinFreePercent: a disk with less available is SpaceInsufficient. Default 10.
	MinFreePercent int
	Keep           KeepTimes
	Logger         *slog.Logger
	Now            func() time.Time
}

// KeepTimes says how long directories stay that were set aside.
type KeepTimes struct {
	Error, Garbage, MigrateTmp, MigrateOrigin time.Duration // defaults 7 d, 1 d, 1 d, 7 d
}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.MinFreePercent <= 0 {
		o.MinFreePercent = 10
	}
	const day = 24 * time.Hour
	for _, k := range []struct {
		d   *time.Duration
		def time.Duration
	}{{&o.Keep.Error, 7 * day}, {&o.Keep.Garbage, day}, {&o.Keep.MigrateTmp, day}, {&o.Keep.MigrateOrigin, 7 * day}} {
		if *k.d <= 0 {
			*k.d = k.def
		}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Info is what a disk looks like now.
type Info struct {
	Tag         string
	Path        string // as configured
	Dir         string // where the replica directories are
	Status      Status
	CapacityMB  int64
	AvailableMB int64
	Replicas    int
}

// AvailablePercent is 0 when the capacity is not known.
func (i Info) AvailablePercent() int64 {
	if i.CapacityMB <= 0 {
		return 0
	}
	return i.AvailableMB * 100 / i.CapacityMB
}

type disk struct {
	DataDir
	reps   string
	status atomic.Int32
	lock   io.Closer
	// guarded by Manager.mu
	capacityMB, availableMB int64
}

func (d *disk) state() Status { return Status(d.status.Load()) }

// Manager owns the data directories of one server. Its methods may be called from any goroutine.
type Manager struct {
	o  Options
	fs vfs.FS

	disks atomic.Pointer[[]*disk] // replaced, never modified; Writable reads it for every write

	mu       sync.Mutex
	replicas map[base.Gpid]string // live directories
}

// Open locks and checks the data directories. Broken ones are left out, with a logged reason, as long
// as one works; a directory in use by another process is always an error.
func Open(o Options) (*Manager, error) {
	m := &Manager{o: o.withDefaults(), replicas: map[base.Gpid]string{}}
	m.fs = m.o.FS
	m.disks.Store(&[]*disk{})
	dirs, err := ParseDataDirs(m.o.DataDirs)
	if err != nil {
		return nil, err
	}
	if len(dirs) == 0 && m.o.DefaultDir != "" {
		dirs = []DataDir{{Tag: DefaultTag, Path: filepath.Clean(m.o.DefaultDir)}}
	}
	if len(dirs) == 0 {
		return nil, errors.New("data_dirs: no data directory is configured")
	}
	black, err := ReadBlackList(m.fs, m.o.BlackListFile)
	if err != nil {
		return nil, err
	}
	var broken []error
	for _, dir := range dirs {
		if black[dir.Path] {
			m.o.Logger.Warn("data directory is on the black list", "tag", dir.Tag, "dir", dir.Path)
			continue
		}
		d, err := m.openDisk(dir)
		if err == nil {
			m.add(d)
			continue
		}
		if m.o.FailOnBrokenDisk || errors.Is(err, ErrInUse) {
			return nil, errors.Join(err, m.Close())
		}
		m.o.Logger.Error("data directory cannot be used and is left out", "tag", dir.Tag, "dir", dir.Path, "err", err)
		broken = append(broken, err)
	}
	if len(m.all()) == 0 {
		return nil, errors.Join(append([]error{errors.New("data_dirs: no data directory can be used")}, broken...)...)
	}
	m.UpdateSpace()
	return m, nil
}

func (m *Manager) all() []*disk { return *m.disks.Load() }

func (m *Manager) add(d *disk) {
	next := append(slices.Clone(m.all()), d)
	m.disks.Store(&next)
}

// Close gives the directories up.
func (m *Manager) Close() error {
	var errs []error
	for _, d := range m.all() {
		errs = append(errs, d.lock.Close())
	}
	m.disks.Store(&[]*disk{})
	return errors.Join(errs...)
}

const testFileName = ".test_file"

// openDisk creates the layout, takes the lock, and proves that files can be written and read back.
func (m *Manager) openDisk(dir DataDir) (*disk, error) {
	root := filepath.Join(dir.Path, "replica")
	d := &disk{DataDir: dir, reps: filepath.Join(root, "reps")}
	if err := makeDirs(m.fs, d.reps); err != nil {
		return nil, fmt.Errorf("data directory %s: %w", dir.Path, err)
	}
	lock, err := lockDir(m.fs, root, m.o.Now())
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", dir.Path, err)
	}
	d.lock = lock
	if err := m.probe(d); err != nil {
		return nil, errors.Join(fmt.Errorf("data directory %s: %w", dir.Path, err), lock.Close())
	}
	return d, nil
}

// makeDirs creates dir so that it and all its parents survive a crash.
func makeDirs(fs vfs.FS, dir string) error {
	var missing []string
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := fs.Stat(d); err == nil || d == filepath.Dir(d) {
			break
		}
		missing = append(missing, d)
	}
	if len(missing) == 0 {
		return nil
	}
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, d := range missing {
		if err := syncDir(fs, filepath.Dir(d)); err != nil {
			return err
		}
	}
	return syncDir(fs, dir)
}

// probe writes, reads and removes a test file.
func (m *Manager) probe(d *disk) error {
	name := filepath.Join(d.reps, testFileName)
	const text = "pegasus\n"
	if err := writeFile(m.fs, name, []byte(text)); err != nil {
		return err
	}
	b, err := readFile(m.fs, name, int64(len(text)))
	if err == nil && string(b) != text {
		err = errors.New("other bytes came back than were written")
	}
	if err != nil {
		return fmt.Errorf("read test file: %w", err)
	}
	return m.fs.Remove(name)
}

// diskOf finds the disk that holds a replica's directory, nil when none does.
func (m *Manager) diskOf(dir string) *disk {
	for _, d := range m.all() {
		if len(dir) > len(d.reps) && dir[len(d.reps)] == filepath.Separator && strings.HasPrefix(dir, d.reps) {
			return d
		}
	}
	return nil
}

// TagOf names the disk that holds a replica's directory, "" when none does.
func (m *Manager) TagOf(dir string) string {
	if d := m.diskOf(dir); d != nil {
		return d.Tag
	}
	return ""
}

// JournalDir is where the logs of the disk that holds a replica's directory keep their journal, and the directory that they all
// lie in. Both are empty when no disk holds it.
func (m *Manager) JournalDir(dir string) (journal, root string) {
	if d := m.diskOf(dir); d != nil {
		return JournalPath(d.Path), d.reps
	}
	return "", ""
}

// JournalPath is the directory of the journal in a data directory.
func JournalPath(dataDir string) string { return filepath.Join(dataDir, "replica", "journal") }

// StatusOf is the state of the disk that holds a replica's directory.
func (m *Manager) StatusOf(dir string) Status {
	if d := m.diskOf(dir); d != nil {
		return d.state()
	}
	return IOError
}

// Writable says whether that disk takes writes. It costs no lock.
func (m *Manager) Writable(dir string) bool { return m.StatusOf(dir) == Normal }

// MarkBroken takes the disk of a replica out of service until the next start.
func (m *Manager) MarkBroken(dir string) {
	if d := m.diskOf(dir); d != nil && Status(d.status.Swap(int32(IOError))) != IOError {
		m.o.Logger.Error("disk is broken", "tag", d.Tag, "dir", d.Path)
	}
}

// UpdateSpace asks the file systems for their size and sets the status of each disk. It is called at
// Open and then every disk_stat_interval_seconds.
func (m *Manager) UpdateSpace() {
	for _, d := range m.all() {
		usage, err := m.fs.GetDiskUsage(d.reps)
		if errors.Is(err, vfs.ErrUnsupported) {
			continue
		}
		if err != nil {
			m.o.Logger.Error("disk usage", "tag", d.Tag, "dir", d.Path, "err", err)
			continue
		}
		m.mu.Lock()
		d.capacityMB, d.availableMB = int64(usage.TotalBytes>>20), int64(usage.AvailBytes>>20)
		m.mu.Unlock()
		// In whole percent of bytes, so that a small disk is judged as exactly as a large one.
		next := Normal
		if usage.TotalBytes > 0 && float64(usage.AvailBytes)*100 < float64(usage.TotalBytes)*float64(m.o.MinFreePercent) {
			next = SpaceInsufficient
		}
		before := d.state()
		if before != IOError && before != next && d.status.CompareAndSwap(int32(before), int32(next)) {
			m.o.Logger.Warn("disk status", "tag", d.Tag, "dir", d.Path, "from", before.String(), "to", next.String(),
				"capacity_mb", usage.TotalBytes>>20, "available_mb", usage.AvailBytes>>20)
		}
	}
}

// Disks describes all disks in the order of the configuration.
func (m *Manager) Disks() []Info {
	m.mu.Lock()
	defer m.mu.Unlock()
	var infos []Info
	for _, d := range m.all() {
		i := Info{Tag: d.Tag, Path: d.Path, Dir: d.reps, Status: d.state(), CapacityMB: d.capacityMB, AvailableMB: d.availableMB}
		for _, dir := range m.replicas {
			if m.diskOf(dir) == d {
				i.Replicas++
			}
		}
		infos = append(infos, i)
	}
	return infos
}

// CapacityMB is the size of all disks together.
func (m *Manager) CapacityMB() (sum int64) {
	for _, d := range m.Disks() {
		sum += d.CapacityMB
	}
	return sum
}

// Roots are the directories below which replicas lie, for confining file copies.
func (m *Manager) Roots() (roots []string) {
	for _, d := range m.all() {
		roots = append(roots, d.reps)
	}
	return roots
}
