package disk

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// Clean removes directories that were set aside long enough ago. It returns their paths; what could
// not be removed is tried again by the next call.
func (m *Manager) Clean() (removed []string, err error) {
	keep := map[string]time.Duration{
		SuffixError: m.o.Keep.Error, SuffixGarbage: m.o.Keep.Garbage,
		SuffixMigrateTmp: m.o.Keep.MigrateTmp, SuffixMigrateOrigin: m.o.Keep.MigrateOrigin,
	}
	now := m.o.Now()
	var errs []error
	for _, d := range m.all() {
		if d.state() == IOError {
			continue
		}
		names, err := m.fs.List(d.reps)
		if err != nil {
			errs = append(errs, fmt.Errorf("clean %s: %w", d.reps, err))
			continue
		}
		for _, name := range names {
			stem, suffix := splitSuffix(name)
			limit, ok := keep[suffix]
			if !ok {
				continue
			}
			dir := filepath.Join(d.reps, name)
			since, err := m.asideSince(dir, stem, suffix)
			if err == nil && now.Sub(since) > limit {
				if err = m.fs.RemoveAll(dir); err == nil {
					removed = append(removed, dir)
				}
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("clean %s: %w", dir, err))
			}
		}
	}
	return removed, errors.Join(errs...)
}

// asideSince: .err and .gar carry the time in their name; what does not is as old as it was last changed.
func (m *Manager) asideSince(dir, stem, suffix string) (time.Time, error) {
	if suffix == SuffixError || suffix == SuffixGarbage {
		if at, ok := timeInName(stem); ok {
			return at, nil
		}
	}
	info, err := m.fs.Stat(dir)
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

// AddDisks takes new data directories into use, "tag:/path,tag:/path". It answers with the codes of
// RPC_ADD_NEW_DISK; what was added before an error stays. The configuration file is the operator's.
func (m *Manager) AddDisks(text string) error {
	dirs, err := ParseDataDirs(text)
	if err == nil && len(dirs) == 0 {
		err = errors.New("no disk is named")
	}
	if err != nil {
		return fmt.Errorf("add disks: %w: %w", base.ErrInvalidParameters, err)
	}
	defer m.UpdateSpace()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, dir := range dirs {
		for _, d := range m.all() {
			if d.Tag == dir.Tag || d.Path == dir.Path {
				return fmt.Errorf("add disk %s:%s: %w", dir.Tag, dir.Path, base.ErrNodeAlreadyExist)
			}
		}
	}
	for _, dir := range dirs {
		if names, err := m.fs.List(dir.Path); err == nil && len(names) > 0 {
			return fmt.Errorf("add disk %s:%s: %w", dir.Tag, dir.Path, base.ErrDirNotEmpty)
		}
		d, err := m.openDisk(dir)
		if err != nil {
			return fmt.Errorf("add disk %s:%s: %w: %w", dir.Tag, dir.Path, base.ErrFileOperationFailed, err)
		}
		m.add(d)
		m.o.Logger.Info("disk added", "tag", dir.Tag, "dir", dir.Path)
	}
	return nil
}
