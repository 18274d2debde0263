package replica

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/internal/host"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/rrdb"
)

// closeParts gives back what openDir opened, for a partition whose loop never ran.
func closeParts(t *testing.T, p *partition) {
	t.Helper()
	if s := p.store.Load(); s != nil {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	_ = p.plog.Close()
}

// TestOpenRemovesLeftovers: nobody asks again for the checkpoints of an earlier life, and their hard
// links would keep every file that compactions replace.
func TestOpenRemovesLeftovers(t *testing.T) {
	s := idleServer(t, vfs.NewMem())
	dir := newReplicaDir(t, s)
	leftovers := []string{filepath.Join(dir, "data", checkpointPrefix+"17"), filepath.Join(dir, "data", checkpointPrefix+"tmp"), filepath.Join(dir, learnDirName)}
	for _, d := range leftovers {
		if err := s.opts.FS.MkdirAll(filepath.Join(d, "sub"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p, err := s.openDir(testGpid, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer closeParts(t, p)
	for _, d := range leftovers {
		if _, err := s.opts.FS.Stat(d); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", d, err)
		}
	}
}

// TestStopWhileOpening: a replica whose opening ends after the server began to stop must not keep
// its files.
func TestStopWhileOpening(t *testing.T) {
	s := idleServer(t, vfs.NewMem())
	app := &layer2.AppInfo{AppName: "t", AppType: "pegasus", AppID: 2, PartitionCount: 8, MaxReplicaCount: 3}
	s.openLater(testGpid, app, openForLearner, func(*partition) { t.Error("the replica came into use") })
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.tasks.Wait()
	dir, ok := s.disks.Find(testGpid)
	if !ok {
		t.Fatal("the replica was not created")
	}
	p, err := s.openDir(testGpid, dir)
	if err != nil {
		t.Fatalf("the files are still held: %v", err)
	}
	closeParts(t, p)
	s.mu.Lock()
	s.stopped = false // for the server's own end
	s.mu.Unlock()
}

// TestFailedResetEndsReplica: when the state cannot be set aside there is no store to go on with.
func TestFailedResetEndsReplica(t *testing.T) {
	s := idleServer(t, vfs.NewMem())
	p, err := s.openDir(testGpid, newReplicaDir(t, s))
	if err != nil {
		t.Fatal(err)
	}
	defer closeParts(t, p)
	if err := p.plog.Close(); err != nil {
		t.Fatal(err)
	}
	p.resetState(pacifica.ResetState{Signature: 1})
	if p.closing == nil {
		t.Error("the loop goes on without a store")
	}
}

// TestWorkerSurvivesPanic: a read that panics ends neither the process nor the worker's slot.
func TestWorkerSurvivesPanic(t *testing.T) {
	w := newWorkers(host.System, 1, 4)
	defer w.close()
	done := make(chan bool)
	w.run(func() { panic("of a test") })
	for !w.run(func() { close(done) }) {
	}
	<-done
}

// TestRoleEndsBeforeAnybodyHears: when a step takes the right to answer reads away, that is in force
// before its effects are carried out, since those let somebody else become primary.
func TestRoleEndsBeforeAnybodyHears(t *testing.T) {
	s := idleServer(t, vfs.NewMem())
	p, err := s.openDir(testGpid, newReplicaDir(t, s))
	if err != nil {
		t.Fatal(err)
	}
	defer closeParts(t, p)
	makePrimary(t, p.core, s.self)
	p.publish()
	if !p.view.Load().reads {
		t.Fatal("the primary does not serve reads")
	}
	p.step([]pacifica.Event{pacifica.RemoveReceived{Ballot: 100}})
	if p.view.Load().reads {
		t.Error("reads are still answered after the role is gone")
	}
}

// TestFullDiskIsNotBroken: a replica whose store ran out of space ends, and may be opened again once there is room; one
// whose disk failed may not.
func TestFullDiskIsNotBroken(t *testing.T) {
	for class, usable := range map[rrdb.Class]bool{rrdb.ClassNoSpace: true, rrdb.ClassIO: false} {
		s := idleServer(t, vfs.NewMem())
		p, err := s.openDir(testGpid, newReplicaDir(t, s))
		if err != nil {
			t.Fatal(err)
		}
		closeParts(t, p)
		s.closed(p, &rrdb.Error{Op: "flush", Class: class, Err: errors.New("of a test")})
		if _, ok := s.disks.Find(testGpid); ok != usable {
			t.Errorf("after an error of class %d the replica can be opened again: %v, want %v", class, ok, usable)
		}
	}
}
