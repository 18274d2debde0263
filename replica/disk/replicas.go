package disk

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/errors/oserror"
	"github.com/pegasus-go/pegasus/gen-go/base"
)

// Found is a live replica directory.
type Found struct {
	Gpid base.Gpid
	Dir  string
}

// Scan finds the live replicas on all disks, round robin over the disks so that opening them in this
// order keeps all disks busy. Directories that no replica can be opened from are dealt with: without
// .app-info they are renamed to .err; one whose copy was on its way between disks at a crash is put
// back; a partition beyond the table's count (garbage of a split) is left out. Two live directories of
// one replica are an error.
func (m *Manager) Scan() ([]Found, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	live, origins := map[base.Gpid]string{}, map[base.Gpid]string{}
	perDisk := make([][]Found, len(m.all()))
	for i, d := range m.all() {
		names, err := m.fs.List(d.reps)
		if err != nil {
			d.status.Store(int32(IOError))
			m.o.Logger.Error("data directory cannot be listed", "tag", d.Tag, "dir", d.reps, "err", err)
			continue
		}
		slices.Sort(names)
		for _, name := range names {
			dir := filepath.Join(d.reps, name)
			stem, suffix := splitSuffix(name)
			gpid, _, ok := parseDirName(stem)
			switch {
			case ok && suffix == SuffixMigrateOrigin:
				origins[gpid] = dir
			case suffix != "":
			case !ok:
				m.o.Logger.Warn("name in a data directory is not a replica's", "dir", dir)
			case live[gpid] != "":
				return nil, fmt.Errorf("scan data directories: replica %s is in %s and in %s; set one of them aside", gpid, live[gpid], dir)
			case m.usable(gpid, dir):
				live[gpid] = dir
				perDisk[i] = append(perDisk[i], Found{Gpid: gpid, Dir: dir})
			}
		}
	}
	restored, err := m.restoreOrigins(live, origins)
	if err != nil {
		return nil, err
	}
	m.replicas = live
	return append(interleave(perDisk), restored...), nil
}

// usable reads .app-info. The caller holds m.mu.
func (m *Manager) usable(gpid base.Gpid, dir string) bool {
	app, err := ReadAppInfo(m.fs, dir)
	switch {
	case errors.Is(err, ErrBadInfo):
		moved, moveErr := m.rename(dir, SuffixError)
		m.o.Logger.Error("replica directory without readable app info is set aside", "dir", dir, "to", moved, "err", errors.Join(err, moveErr))
		return false
	case err != nil:
		m.o.Logger.Error("replica directory cannot be read", "dir", dir, "err", err)
		return false
	case app.AppID != gpid.AppID:
		moved, moveErr := m.rename(dir, SuffixError)
		m.o.Logger.Error("replica directory belongs to another table and is set aside", "dir", dir, "to", moved, "app_id", app.AppID, "err", moveErr)
		return false
	case gpid.PartitionIndex >= app.PartitionCount:
		m.o.Logger.Warn("replica directory is garbage of a partition split", "dir", dir, "partition_count", app.PartitionCount)
		return false
	}
	return true
}

// restoreOrigins undoes disk migrations that a crash caught between their two renames: the old copy
// is complete, the new one has no name yet.
func (m *Manager) restoreOrigins(live, origins map[base.Gpid]string) (restored []Found, err error) {
	for gpid, origin := range origins {
		if live[gpid] != "" {
			continue
		}
		dir := strings.TrimSuffix(origin, SuffixMigrateOrigin)
		if err := m.fs.Rename(origin, dir); err != nil {
			return nil, fmt.Errorf("put %s back: %w", origin, err)
		}
		if err := syncDir(m.fs, filepath.Dir(dir)); err != nil {
			return nil, err
		}
		m.o.Logger.Warn("replica whose move to another disk was interrupted is put back", "dir", dir)
		live[gpid] = dir
		restored = append(restored, Found{Gpid: gpid, Dir: dir})
	}
	return restored, nil
}

func interleave(lists [][]Found) (all []Found) {
	for i := 0; ; i++ {
		before := len(all)
		for _, l := range lists {
			if i < len(l) {
				all = append(all, l[i])
			}
		}
		if len(all) == before {
			return all
		}
	}
}

// Find returns the live directory of a replica, unless its disk is broken.
func (m *Manager) Find(gpid base.Gpid) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, ok := m.replicas[gpid]
	if !ok {
		return "", false
	}
	if d := m.diskOf(dir); d == nil || d.state() == IOError {
		return "", false
	}
	if _, err := m.fs.Stat(dir); err != nil {
		if oserror.IsNotExist(err) {
			delete(m.replicas, gpid)
		}
		return "", false
	}
	return dir, true
}

// Create makes an empty directory for a replica on the disk that place picks. A replica that lies on a
// broken disk may be created anew elsewhere.
func (m *Manager) Create(gpid base.Gpid, appType string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old := m.replicas[gpid]; old != "" {
		if d := m.diskOf(old); d != nil && d.state() != IOError {
			return "", fmt.Errorf("create replica %s: %s is there: %w", gpid, old, base.ErrPathAlreadyExist)
		}
	}
	d := m.place(gpid.AppID)
	if d == nil {
		return "", fmt.Errorf("create replica %s: no disk is in order and has room: %w", gpid, base.ErrDiskInsufficient)
	}
	if appType == "" {
		appType = AppType
	}
	dir := filepath.Join(d.reps, DirName(gpid, appType))
	if _, _, ok := parseDirName(filepath.Base(dir)); !ok {
		return "", fmt.Errorf("create replica %s of type %q: %w", gpid, appType, base.ErrInvalidParameters)
	}
	if _, err := m.fs.Stat(dir); err == nil {
		// Nobody knows it: garbage of a split, or it could not be read at start.
		moved, err := m.rename(dir, SuffixGarbage)
		if err != nil {
			return "", fmt.Errorf("create replica %s: %w", gpid, err)
		}
		m.o.Logger.Warn("leftover replica directory is set aside", "dir", dir, "to", moved)
	}
	if err := m.fs.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("create replica %s: %w", gpid, err)
	}
	if err := syncDir(m.fs, d.reps); err != nil {
		return "", fmt.Errorf("create replica %s: %w", gpid, err)
	}
	m.replicas[gpid] = dir
	return dir, nil
}

// place picks among the disks in order the one with the fewest replicas of the table, then with the
// fewest in total, then the first. The caller holds m.mu.
func (m *Manager) place(appID int32) *disk {
	type load struct{ ofApp, total int }
	loads := map[*disk]load{}
	for gpid, dir := range m.replicas {
		d := m.diskOf(dir)
		l := loads[d]
		l.total++
		if gpid.AppID == appID {
			l.ofApp++
		}
		loads[d] = l
	}
	var best *disk
	for _, d := range m.all() {
		if d.state() != Normal {
			continue
		}
		a, b := loads[d], loads[best]
		if best == nil || a.ofApp < b.ofApp || a.ofApp == b.ofApp && a.total < b.total {
			best = d
		}
	}
	return best
}

// Remove deletes a replica's directory, for one that could not be created completely.
func (m *Manager) Remove(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.diskOf(dir) == nil {
		return fmt.Errorf("remove %s: not in a data directory", dir)
	}
	if err := m.fs.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove %s: %w", dir, err)
	}
	m.forget(dir)
	return syncDir(m.fs, filepath.Dir(dir))
}

// MoveAside renames a replica's directory, with the time in its name, and returns the new path. The
// replica must be closed.
func (m *Manager) MoveAside(dir, suffix string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rename(dir, suffix)
}

// rename: the caller holds m.mu.
func (m *Manager) rename(dir, suffix string) (string, error) {
	if m.diskOf(dir) == nil {
		return "", fmt.Errorf("set %s aside: not in a data directory", dir)
	}
	if !slices.Contains(suffixes, suffix) {
		return "", fmt.Errorf("set %s aside: %q is not a suffix for that", dir, suffix)
	}
	for us := m.o.Now().UnixMicro(); ; us++ {
		to := dir + "." + strconv.FormatInt(us, 10) + suffix
		if _, err := m.fs.Stat(to); err == nil {
			continue
		}
		if err := m.fs.Rename(dir, to); err != nil {
			return "", fmt.Errorf("set %s aside: %w", dir, err)
		}
		m.forget(dir)
		return to, syncDir(m.fs, filepath.Dir(dir))
	}
}

func (m *Manager) forget(dir string) {
	for gpid, d := range m.replicas {
		if d == dir {
			delete(m.replicas, gpid)
		}
	}
}
