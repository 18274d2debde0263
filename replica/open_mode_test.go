package replica

import (
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/replica/plog"
	"github.com/pegasus-go/pegasus/rrdb"
)

// TestPrimaryIsCreatedOnlyWithoutHistory: a server that has nothing may become primary of a new
// partition, never of one that was ever written or had members.
func TestPrimaryIsCreatedOnlyWithoutHistory(t *testing.T) {
	for _, test := range []struct {
		ballot, committed int64
		create            bool
	}{{0, 0, true}, {0, -1, true}, {1, 0, false}, {0, 1, false}, {7, 40, false}} {
		mode := openForPrimary(test.ballot, test.committed)
		if mode.create != test.create || mode.create == (mode.deny != "") {
			t.Errorf("ballot %d, committed %d: %+v", test.ballot, test.committed, mode)
		}
	}
}

// TestLearnedStateBeginsANewLog: the log of the state that a checkpoint replaces says nothing about
// the new one, not even under the same decrees.
func TestLearnedStateBeginsANewLog(t *testing.T) {
	s := idleServer(t, vfs.NewMem())
	p, err := s.openDir(testGpid, newReplicaDir(t, s))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.store.Load().Close(); err != nil {
			t.Error(err)
		}
		_ = p.plog.Close()
	}()
	logged := make(chan error, 1)
	p.plog.Append([]plog.Entry{{Ballot: 1, Decree: 1, Data: []byte("old")}, {Ballot: 1, Decree: 2, Data: []byte("old")}}, func(err error) { logged <- err })
	if err := <-logged; err != nil {
		t.Fatal(err)
	}
	other, err := s.engine.Open("/d/other", rrdb.StoreOptions{Gpid: base.Gpid{AppID: 2, PartitionIndex: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Apply(1, 1, 0, []rrdb.Update{{Op: rrdb.OpEmpty}}, nil); err != nil {
		t.Fatal(err)
	}
	decree, err := other.Checkpoint(filepath.Join(p.dir, learnDirName))
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := p.swapStore(decree); err != nil || got != 1 {
		t.Fatalf("swapped in decree %d, %v", got, err)
	}
	if first, last := p.plog.FirstDecree(), p.plog.LastDecree(); first != 2 || last != 1 {
		t.Errorf("after a state of decree 1 the log holds %d to %d", first, last)
	}
}
