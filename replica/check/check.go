package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/replica/disk"
	"github.com/pegasus-go/pegasus/replica/plog"
	"github.com/pegasus-go/pegasus/rrdb"
)

// Options of Run.
type Options struct {
	FS vfs.FS // default vfs.Default
	// Progress hears, a few times a second at most, what is being read and how much of it; may be nil.
	Progress func(replica string, bytes, rows int64)
}

// ErrInUse says that a running server holds a directory.
var ErrInUse = errors.New("a running server uses this directory; stop it, or check a copy")

// checker is one run.
type checker struct {
	o      Options
	fs     vfs.FS // refuses changes
	engine *rrdb.Engine
	report Report
	live   map[base.Gpid]string
	logFS  map[string]vfs.FS // by directory of replicas: with what the journal holds for their logs
}

// Run checks the data directories of one server: each of dirs is one of its data directories (as in data_dirs, with
// replica/reps in it) or one replica's directory. An error says that the check could not be made; what is wrong
// with the data is in the report.
func Run(ctx context.Context, dirs []string, o Options) (*Report, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	c := &checker{o: o, fs: readOnly{o.FS}, live: map[base.Gpid]string{}, logFS: map[string]vfs.FS{}}
	c.engine = rrdb.NewEngine(rrdb.EngineOptions{FS: c.fs, SweepPeriod: -1})
	var todo []string
	for _, dir := range dirs {
		replicas, err := c.find(filepath.Clean(dir))
		if err != nil {
			return nil, errors.Join(err, c.engine.Close())
		}
		if err := c.journal(replicas); err != nil {
			return nil, errors.Join(err, c.engine.Close())
		}
		c.report.Dirs = append(c.report.Dirs, filepath.Clean(dir))
		todo = append(todo, replicas...)
	}
	for _, dir := range todo {
		if err := ctx.Err(); err != nil {
			return nil, errors.Join(err, c.engine.Close())
		}
		c.replica(ctx, dir)
	}
	return &c.report, c.engine.Close()
}

// find lists the live replicas of a directory.
func (c *checker) find(dir string) ([]string, error) {
	if _, err := c.fs.Stat(dir); err != nil {
		return nil, err
	}
	reps := filepath.Join(dir, "replica", "reps")
	if _, err := c.fs.Stat(reps); err == nil {
		if err := c.unused(dir); err != nil {
			return nil, err
		}
		return c.scan(reps)
	}
	gpid, _, ok := disk.Classify(filepath.Base(dir))
	if !ok {
		return nil, fmt.Errorf("%s is neither a data directory (it has no replica/reps) nor a replica's (<app>.<partition>.pegasus)", dir)
	}
	// <path>/replica/reps/<this one>; a copy somewhere else has no lock.
	if err := c.unused(filepath.Dir(filepath.Dir(filepath.Dir(dir)))); err != nil {
		return nil, err
	}
	c.note(gpid, dir)
	return []string{dir}, nil
}

// journal reads the journal beside the directory of the replicas, if there is one.
func (c *checker) journal(replicas []string) error {
	if len(replicas) == 0 {
		return nil
	}
	reps := filepath.Dir(replicas[0])
	dir := disk.JournalPath(filepath.Dir(filepath.Dir(reps)))
	fs, state, err := plog.WithJournal(c.fs, dir, reps)
	if err != nil {
		return err
	}
	c.logFS[reps] = fs
	if state.Logs > 0 {
		c.report.add(Info, dir, "%d bytes for %d log files stand in the journal only or may do so; the next start writes them to the logs, and here they count as there", state.Bytes, state.Logs)
	}
	if state.Damaged > 0 {
		c.report.add(Error, dir, "damaged in %d places; the last blocks of logs that were not closed in order may be missing", state.Damaged)
	}
	return nil
}

// unused refuses a data directory that a server holds.
func (c *checker) unused(path string) error {
	held, err := false, error(nil)
	if c.o.FS == vfs.Default {
		held, err = lockedByOther(disk.LockFile(path))
	}
	if err != nil || !held {
		return err
	}
	if b, err := readFile(c.fs, disk.HolderFile(path)); err == nil && len(b) > 0 {
		return fmt.Errorf("%s: %w (%s)", path, ErrInUse, strings.TrimSpace(string(b)))
	}
	return fmt.Errorf("%s: %w", path, ErrInUse)
}

// scan applies the rules for names in reps.
func (c *checker) scan(reps string) (dirs []string, err error) {
	names, err := c.fs.List(reps)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var origins []string
	for _, name := range names {
		dir := filepath.Join(reps, name)
		gpid, suffix, ok := disk.Classify(name)
		switch {
		case !ok:
			c.report.add(Warning, dir, "this name is not a replica's; a server ignores it")
		case suffix == "":
			c.note(gpid, dir)
			dirs = append(dirs, dir)
		case suffix == disk.SuffixMigrateOrigin:
			origins = append(origins, dir)
			c.report.Aside++
		default:
			c.report.add(Info, dir, "%s", meaning[suffix])
			c.report.Aside++
		}
	}
	for _, dir := range origins {
		gpid, _, _ := disk.Classify(filepath.Base(dir))
		if c.live[gpid] == "" {
			c.report.add(Warning, dir, "a move to another disk was interrupted; a server puts this directory back")
		} else {
			c.report.add(Info, dir, "%s", meaning[disk.SuffixMigrateOrigin])
		}
	}
	return dirs, nil
}

var meaning = map[string]string{
	disk.SuffixError:         "set aside as damaged; a server removes it after a while",
	disk.SuffixGarbage:       "set aside as garbage; a server removes it after a while",
	disk.SuffixMigrateTmp:    "an unfinished copy from another disk; a server removes it after a while",
	disk.SuffixMigrateOrigin: "the original of a replica that was moved to another disk; a server removes it after a while",
	disk.SuffixBackup:        "kept by hand; a server never removes it",
}

// note takes down a live directory; a replica may have one only, over all disks.
func (c *checker) note(gpid base.Gpid, dir string) {
	if other := c.live[gpid]; other != "" && other != dir {
		c.report.add(Error, dir, "replica %s has a second live directory, %s; a server refuses to start", gpid, other)
		return
	}
	c.live[gpid] = dir
}

// found puts an error where it belongs: damage, or a disk that could not be read.
func (c *checker) found(r *Replica, path string, err error) {
	if damage(err) {
		r.Verdict = "damaged"
		c.report.add(Error, path, "%v", err)
		return
	}
	if r.Verdict == "" {
		r.Verdict = "unreadable"
	}
	c.report.failures = append(c.report.failures, err)
	c.report.add(Warning, path, "could not be read: %v", err)
}

// missing says that a file or directory is not there.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
