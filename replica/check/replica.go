package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/replica/disk"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/replica/plog"
	"github.com/pegasus-go/pegasus/rrdb"
)

// damage tells content that contradicts itself from a disk that fails.
func damage(err error) bool {
	return rrdb.IsCorruption(err) || plog.IsCorrupt(err) || errors.Is(err, disk.ErrBadInfo) || errors.Is(err, errEntry)
}

// errEntry: the log's checksums are right and its entries are not.
var errEntry = errors.New("log entry makes no sense")

// replica checks one live directory.
func (c *checker) replica(ctx context.Context, dir string) {
	gpid, _, _ := disk.Classify(filepath.Base(dir))
	r := &Replica{Gpid: gpid.String(), Dir: dir, gpid: gpid}
	before := c.report.count(Warning)
	c.infoFiles(r)
	c.leftovers(r)
	store := c.store(ctx, r)
	log := c.log(r)
	if store && log {
		c.together(r)
	}
	if r.Verdict == "" {
		r.Verdict = "good"
		if c.report.count(Warning) > before {
			r.Verdict = "good with warnings"
		}
	}
	c.report.Replicas = append(c.report.Replicas, *r)
}

func (c *checker) infoFiles(r *Replica) {
	app, err := disk.ReadAppInfo(c.fs, r.Dir)
	switch {
	case err != nil:
		c.found(r, filepath.Join(r.Dir, disk.AppInfoFile), err)
	case app.AppID != r.gpid.AppID:
		r.Verdict = "damaged"
		c.report.add(Error, filepath.Join(r.Dir, disk.AppInfoFile), "belongs to table %d", app.AppID)
	default:
		r.Table, r.Partitions = app.AppName, app.PartitionCount
		if r.gpid.PartitionIndex >= app.PartitionCount {
			c.report.add(Warning, r.Dir, "garbage of a partition split: the table has %d partitions; a server leaves it out", app.PartitionCount)
		}
	}
	init, err := disk.ReadInitInfo(c.fs, r.Dir)
	if err != nil {
		c.found(r, filepath.Join(r.Dir, disk.InitInfoFile), err)
		return
	}
	r.Ballot, r.Promised = init.Ballot, init.DurableDecree
}

// leftovers are what a server removes or finishes when it opens the replica.
func (c *checker) leftovers(r *Replica) {
	say := func(severity Severity, path, text string) {
		if _, err := c.fs.Stat(path); err == nil {
			c.report.add(severity, path, "%s", text)
		}
	}
	say(Info, filepath.Join(r.Dir, "learn"), "half a copy of a checkpoint; removed at the next start")
	say(Info, filepath.Join(r.Dir, "data", "rdb.old"), "the store before a learned one took its place; removed at the next start, or put back if there is no other")
	names, err := c.fs.List(filepath.Join(r.Dir, "data"))
	if err != nil {
		return // said where the store is opened
	}
	for _, name := range names {
		path := filepath.Join(r.Dir, "data", name)
		switch {
		case strings.HasPrefix(name, "checkpoint."):
			c.report.add(Info, path, "a checkpoint for learners; removed at the next start")
		case strings.HasPrefix(name, "rdb.discarded."):
			c.report.add(Info, path, "state that was ahead of the group, set aside for a day")
		}
	}
}

// store reads the whole store; false when it cannot be trusted.
func (c *checker) store(ctx context.Context, r *Replica) bool {
	dir := filepath.Join(r.Dir, "data", "rdb")
	if _, err := c.fs.Stat(dir); missing(err) {
		if old := filepath.Join(r.Dir, "data", "rdb.old"); c.exists(old) {
			dir = old // a swap that the next start undoes
		} else if r.Promised > 0 {
			r.Verdict = "damaged"
			c.report.add(Error, dir, "there is no store, and decree %d was promised", r.Promised)
			return false
		} else {
			return true // of a replica that was never opened
		}
	}
	i, err := c.engine.Inspect(ctx, dir, func(bytes, rows int64) {
		if c.o.Progress != nil {
			c.o.Progress(r.Gpid, bytes, rows)
		}
	})
	r.StoreDecree, r.Rows, r.Tables, r.StoreBytes, r.FormatVersion = i.Decree, i.Rows, i.Tables, i.Bytes, i.FormatVersion
	if err != nil {
		c.found(r, dir, err)
	}
	return err == nil
}

func (c *checker) exists(path string) bool {
	_, err := c.fs.Stat(path)
	return err == nil
}

// log reads the whole log; false when it cannot be trusted.
func (c *checker) log(r *Replica) bool {
	dir := filepath.Join(r.Dir, "plog")
	if !c.exists(dir) {
		if r.StoreDecree > 0 {
			c.report.add(Warning, dir, "there is no log; what was acknowledged after decree %d is not here", r.StoreDecree)
		}
		r.LogFirst, r.LogLast, r.LogClean = 1, 0, true
		return r.StoreDecree == 0
	}
	reach := int64(0)
	i, err := plog.Inspect(dir, plog.Options{FS: c.logFS[filepath.Dir(r.Dir)]}, func(e plog.Entry) error {
		m, err := pacifica.DecodeMutation(e.Data, func(name []byte) string { return string(name) })
		switch {
		case err != nil:
			return fmt.Errorf("decree %d: %w: %w", e.Decree, err, errEntry)
		case m.Decree != e.Decree || m.Ballot != e.Ballot:
			return fmt.Errorf("decree %d of ballot %d holds decree %d of ballot %d: %w", e.Decree, e.Ballot, m.Decree, m.Ballot, errEntry)
		case reach > 0 && e.Decree > reach+1:
			return fmt.Errorf("decree %d follows %d: %w", e.Decree, reach, errEntry)
		}
		reach = max(reach, e.Decree)
		return nil
	})
	r.LogFiles, r.LogBytes, r.LogEntries, r.LogFirst, r.LogLast, r.LogClean = i.Files, i.Bytes, i.Entries, i.First, i.Last, i.Clean
	if err != nil {
		c.found(r, dir, err)
		return false
	}
	switch {
	case i.TailCut:
		c.report.add(Info, dir, "torn tail: what stands behind the last whole block, decree %d, is left out; usually a write that a crash interrupted", i.Last)
	case !i.Clean:
		c.report.add(Info, dir, "not closed in order: the log ends with its last whole block, as after a crash")
	}
	if i.BallotMax > r.Ballot && r.Verdict != "damaged" {
		c.report.add(Warning, dir, "holds ballot %d, .init-info says %d", i.BallotMax, r.Ballot)
	}
	for _, path := range i.Leftovers {
		c.report.add(Info, path, "a log file whose creation was interrupted or that was dropped; removed at the next start")
	}
	return true
}

// together compares store, log and promise.
func (c *checker) together(r *Replica) {
	switch {
	case r.StoreDecree < r.Promised:
		r.Verdict = "damaged"
		c.report.add(Error, r.Dir, "the store ends at decree %d, promised was %d", r.StoreDecree, r.Promised)
	case r.LogFirst > r.StoreDecree+1:
		r.Verdict = "damaged"
		c.report.add(Error, r.Dir, "the store ends at decree %d, the log begins at %d", r.StoreDecree, r.LogFirst)
	}
}

// readFile reads a small file.
func readFile(fsys vfs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, 4096))
	return b, errors.Join(err, f.Close())
}
