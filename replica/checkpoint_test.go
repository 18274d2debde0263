package replica

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/replica/disk"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/rpc"
	"github.com/pegasus-go/pegasus/rrdb"
	"github.com/pegasus-go/pegasus/sim/faultfs"
)

// liveReplica opens an empty replica as the only member of its group, small log files and no reserve, and runs it.
func liveReplica(t *testing.T, d *faultfs.Disk) *partition {
	t.Helper()
	s := idleServer(t, d)
	s.opts.Plog.FileBytesMax, s.opts.Plog.ReserveBytesMax = 20_000, -1
	s.pool = rpc.NewPool(rpc.PoolOptions{From: s.self, Logger: s.log}) // there is nobody to hear of an end
	s.meta = newMetaClient(s.host, s.pool, s.opts.Metas, time.Second)
	p, err := s.openDir(testGpid, newReplicaDir(t, s))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range makePrimary(t, p.core, s.self) {
		p.perform(e)
	}
	p.publish()
	go p.loop()
	t.Cleanup(p.stop)
	return p
}

// put writes rows of 4000 bytes and waits until they are applied.
func (p *partition) put(t *testing.T, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		want := p.store.Load().LastApplied() + 1
		p.post(pacifica.Write{Update: pacifica.Update{Code: "RPC_RRDB_RRDB_PUT", Body: putBody(fmt.Sprintf("%05d", i), strings.Repeat("x", 4000))}})
		waitFor(t, "a write is applied", func() bool { return p.store.Load().LastApplied() >= want })
	}
}

func waitFor(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !f(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: never happened", what)
		}
	}
}

// TestDamagedCheckpointIsNotHandedOut flips one bit in a block that nothing has read: making a checkpoint links the
// table, and finds out before a learner copies it.
func TestDamagedCheckpointIsNotHandedOut(t *testing.T) {
	d := faultfs.New(faultfs.Options{})
	p := liveReplica(t, d)
	p.put(t, 0, 200)
	if err := p.store.Load().Flush(); err != nil {
		t.Fatal(err)
	}
	var table faultfs.File
	for _, f := range d.Files(p.dir) {
		if strings.HasSuffix(f.Path, ".sst") && f.Size > table.Size {
			table = f
		}
	}
	if table.Size < 100_000 {
		t.Fatalf("%+v", table)
	}
	if err := d.FlipBit(table.Path, table.Size/2*8); err != nil {
		t.Fatal(err)
	}
	if _, err := p.checkpoints.forLearner(p, 1); !rrdb.IsCorruption(err) {
		t.Errorf("checkpoint with a damaged block: %v", err)
	}
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		t.Error("a replica with a damaged table goes on")
	}
	if _, err := d.Stat(p.dir); err == nil {
		t.Error("the directory is not set aside")
	}
}

// TestLogWaitsForLearnersThatCopy: while a checkpoint is handed out, the log keeps what comes after it, however much is
// flushed meanwhile; afterwards it is collected.
func TestLogWaitsForLearnersThatCopy(t *testing.T) {
	p := liveReplica(t, faultfs.New(faultfs.Options{}))
	p.put(t, 0, 40)
	c, err := p.checkpoints.forLearner(p, 1)
	if err != nil {
		t.Fatal(err)
	}
	p.put(t, 40, 120)
	flushAndTidy := func() {
		if err := p.store.Load().Flush(); err != nil {
			t.Fatal(err)
		}
		p.tidy(true)
	}
	flushAndTidy()
	if first := p.plog.FirstDecree(); first > c.decree+1 || first == 1 {
		t.Errorf("checkpoint of decree %d, log begins at %d", c.decree, first)
	}
	p.checkpoints.mu.Lock()
	c.made = c.made.Add(-24 * time.Hour)
	p.checkpoints.mu.Unlock()
	flushAndTidy()
	if first := p.plog.FirstDecree(); first <= c.decree+20 {
		t.Errorf("nobody copies any more, log begins at %d, checkpoint of decree %d", first, c.decree)
	}
}

// failOn lets operations fail whose kind and path match.
func failOn(d *faultfs.Disk, err error, kind faultfs.Kind, part string) {
	d.Fail(func(op faultfs.Op) error {
		if op.Kind == kind && strings.Contains(op.Path, part) {
			return err
		}
		return nil
	})
}

// TestFirstErrorOfTheDiskEndsReplica: a disk that fails is not tried for ever; the group has other members.
func TestFirstErrorOfTheDiskEndsReplica(t *testing.T) {
	d := faultfs.New(faultfs.Options{})
	p := liveReplica(t, d)
	p.put(t, 0, 10)
	failOn(d, syscall.EIO, faultfs.OpCreate, "/data/rdb/")
	before := d.Counts().Of(faultfs.OpCreate)
	if err := p.store.Load().Flush(); !rrdb.IsIO(err) {
		t.Errorf("flush: %v", err)
	}
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		t.Fatal("the replica goes on")
	}
	if n := d.Counts().Of(faultfs.OpCreate) - before; n > 100 {
		t.Errorf("%d files were tried", n)
	}
	if s := p.srv.disks.StatusOf(p.dir); s != disk.IOError {
		t.Errorf("the disk is %v", s)
	}
}

// TestFullDiskAtTheManifest: where a table still fits and the manifest does not, the store cannot go on. The replica
// ends, and the disk, which will have room again, is no broken one.
func TestFullDiskAtTheManifest(t *testing.T) {
	d := faultfs.New(faultfs.Options{})
	p := liveReplica(t, d)
	p.put(t, 0, 10)
	failOn(d, syscall.ENOSPC, faultfs.OpWrite, "/MANIFEST-")
	if err := p.store.Load().Flush(); !rrdb.IsNoSpace(err) {
		t.Errorf("flush: %v", err)
	}
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		t.Fatal("the replica goes on with a store that gave up")
	}
	if s := p.srv.disks.StatusOf(p.dir); s != disk.Normal {
		t.Errorf("the disk is %v", s)
	}
	d.Fail(nil)
	again, err := p.srv.openDir(testGpid, p.dir)
	if err != nil {
		t.Fatalf("once there is room: %v", err)
	}
	defer closeParts(t, again)
	if n := again.core.MaxDecree(); n < 10 {
		t.Errorf("holds %d decrees", n)
	}
}
