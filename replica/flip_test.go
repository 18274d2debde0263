package replica

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
	"github.com/pegasus-go/pegasus/replica/disk"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/replica/plog"
	"github.com/pegasus-go/pegasus/rpc"
	"github.com/pegasus-go/pegasus/sim/faultfs"
)

// closedReplicaOnDisk is a replica with history that was closed: several log files of which the first are collected,
// several tables, and some decrees that are only in the log.
type closedReplicaOnDisk struct {
	disk    *faultfs.Disk
	dir     string
	ballot  int64
	last    int64
	digests map[int64]string // of the rows, by decree
}

func putBody(key, value string) []byte {
	return rpc.AppendValue(nil, rpc.FieldTHFT, &rrdb.UpdateRequest{
		Key: base.BlobOf(base.EncodeKey([]byte("h"), []byte(key))), Value: base.BlobOf([]byte(value)),
	})
}

func newClosedReplica(t *testing.T, writes int) *closedReplicaOnDisk {
	t.Helper()
	c := &closedReplicaOnDisk{disk: faultfs.New(faultfs.Options{}), digests: map[int64]string{}}
	s := idleServer(t, c.disk)
	s.opts.Plog.FileBytesMax, s.opts.Plog.ReserveBytesMax = 2000, -1
	c.dir = newReplicaDir(t, s)
	p, err := s.openDir(testGpid, c.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range makePrimary(t, p.core, s.self) {
		p.perform(e)
	}
	p.publish()
	go p.loop()
	for i := 1; i <= writes; i++ {
		p.post(pacifica.Write{Update: pacifica.Update{Code: "RPC_RRDB_RRDB_PUT", Body: putBody(fmt.Sprintf("%03d", i%50), strings.Repeat(fmt.Sprint(i, " "), 30))}})
		want := c.last + 1
		for deadline := time.Now().Add(10 * time.Second); p.store.Load().LastApplied() < want; {
			if time.Now().After(deadline) {
				t.Fatal("a write is not applied")
			}
			time.Sleep(100 * time.Microsecond)
		}
		c.last = p.store.Load().LastApplied()
		d, err := p.store.Load().Digest(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		c.digests[c.last] = d.Sum
		if i == writes/3 || i == writes/2 || i == writes*4/5 {
			if err := p.store.Load().Flush(); err != nil {
				t.Fatal(err)
			}
			if err := p.plog.GC(p.store.Load().LastDurable()); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.ballot = p.core.Config().Ballot
	if p.plog.FirstDecree() == 1 {
		t.Fatal("no log file was collected")
	}
	p.stop()
	return c
}

// open opens the replica on a disk as a server does and reads everything: nil when all is there.
func (c *closedReplicaOnDisk) open(t *testing.T, d *faultfs.Disk) error {
	t.Helper()
	s := idleServer(t, d)
	found, err := s.disks.Scan()
	if err != nil || len(found) != 1 {
		return fmt.Errorf("scan: %d replicas, %v: %w", len(found), err, disk.ErrBadInfo)
	}
	p, err := s.openDir(testGpid, found[0].Dir)
	if err != nil {
		return err
	}
	defer func() { _, _ = p.plog.Close(), p.store.Load().Close() }() // a damaged one complains
	digest, err := p.store.Load().Digest(context.Background())
	if err != nil {
		return err
	}
	applied := p.store.Load().LastApplied()
	if digest.Sum != c.digests[applied] {
		t.Errorf("other rows than there were at decree %d", applied)
	}
	if p.core.MaxDecree() != c.last || p.core.Config().Ballot < c.ballot {
		t.Errorf("decree %d of %d, ballot %d of %d", p.core.MaxDecree(), c.last, p.core.Config().Ballot, c.ballot)
	}
	if a := p.app.Load(); a.AppName != "t" || a.AppID != 2 || a.PartitionCount != 8 || a.MaxReplicaCount != 3 {
		t.Errorf("app info became %+v", a)
	}
	return nil
}

// TestEveryFlippedBitIsFoundOrHarmless flips bits, one at a time, in every file of a closed replica. Opening it and
// reading all of it gives exactly what was there, or an error that sets the directory aside: never other rows, an older
// state, a lower ballot, another table.
func TestEveryFlippedBitIsFoundOrHarmless(t *testing.T) {
	c := newClosedReplica(t, 90)
	if err := c.open(t, c.disk.Clone(nil, faultfs.CrashOptions{KeepAll: true})); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 5))
	found, harmless := map[string]int{}, map[string]int{}
	for _, f := range c.disk.Files(c.dir) {
		kind := fileKind(f.Path)
		for range min(f.Size*2, 60) {
			d := c.disk.Clone(nil, faultfs.CrashOptions{KeepAll: true})
			bit := rng.Int64N(f.Size * 8)
			if err := d.FlipBit(f.Path, bit); err != nil {
				t.Fatal(err)
			}
			err := c.open(t, d)
			switch {
			case err == nil:
				harmless[kind]++
			case damaged(err):
				found[kind]++
			default:
				t.Errorf("bit %d of %s: %v, which does not set the replica aside", bit, f.Path, err)
			}
			if t.Failed() {
				t.Fatalf("bit %d of %s", bit, f.Path)
			}
		}
	}
	for _, kind := range []string{"log", "table", "MANIFEST", ".init-info", ".app-info"} {
		if found[kind] == 0 {
			t.Errorf("no flipped bit of %s was found", kind)
		}
	}
	t.Logf("found %v, harmless %v", found, harmless)
}

// TestStoreOlderThanItsLog: a store that ends before the log begins has lost something, even if no entry of the log
// shows the gap.
func TestStoreOlderThanItsLog(t *testing.T) {
	s := idleServer(t, faultfs.New(faultfs.Options{}))
	dir := newReplicaDir(t, s)
	log, err := plog.Open(filepath.Join(dir, plogDirName), plog.Options{FS: s.opts.FS})
	if err == nil {
		err = errors.Join(log.Reset(100), log.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	if p, err := s.openDir(testGpid, dir); !damaged(err) {
		if err == nil {
			closeParts(t, p)
		}
		t.Errorf("opened: %v", err)
	}
}

func fileKind(path string) string {
	name := filepath.Base(path)
	switch {
	case strings.HasPrefix(name, "plog."):
		return "log"
	case strings.HasSuffix(name, ".sst"):
		return "table"
	case strings.HasSuffix(name, ".log"):
		return "engine log"
	}
	kind, _, _ := strings.Cut(strings.TrimPrefix(name, "."), "-")
	if strings.HasPrefix(name, ".") {
		return name
	}
	return kind
}
