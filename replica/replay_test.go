package replica

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/replica/plog"
)

var testGpid = base.Gpid{AppID: 2, PartitionIndex: 1}

// idleServer has data directories on fs and was never started.
func idleServer(t testing.TB, fs vfs.FS) *Server {
	t.Helper()
	s, err := NewServer(Options{
		Listen: "127.0.0.1:0", Address: "127.0.0.1:34801", Metas: []base.RPCAddress{base.AddressOf(0x7F000001, 34601)},
		DataDirs: "d:/d", FS: fs, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// newReplicaDir makes the directory of an empty replica.
func newReplicaDir(t testing.TB, s *Server) string {
	t.Helper()
	dir, err := s.disks.Create(testGpid, "pegasus")
	if err != nil {
		t.Fatal(err)
	}
	app := &layer2.AppInfo{AppName: "t", AppType: "pegasus", AppID: 2, PartitionCount: 8, MaxReplicaCount: 3, Envs: map[string]string{}}
	if err := s.initDir(dir, app); err != nil {
		t.Fatal(err)
	}
	return dir
}

// makePrimary gives a core the role and returns the effects of getting it.
func makePrimary(t *testing.T, c *pacifica.Core, self pacifica.Node) []pacifica.Effect {
	t.Helper()
	cfg := pacifica.Config{Ballot: c.Config().Ballot, Primary: self, MaxReplicaCount: 1}
	for _, e := range c.Step(pacifica.Clock{MonoMs: 1, WallUs: 1}, pacifica.ConfigSynced{Config: cfg}) {
		if ask, ok := e.(pacifica.UpdateMeta); ok {
			return c.Step(pacifica.Clock{MonoMs: 2, WallUs: 2}, pacifica.MetaReplied{Seq: ask.Seq, Err: base.ErrOK, Config: ask.Config})
		}
	}
	t.Fatal("the core did not ask to become primary")
	return nil
}

// TestReplayKeepsWhatItRead replays a log that is larger than any read buffer and has nothing
// committed: what the new primary prepares again must be what was logged.
func TestReplayKeepsWhatItRead(t *testing.T) {
	s := idleServer(t, vfs.NewMem())
	dir := newReplicaDir(t, s)
	const writes = 20

	writer := pacifica.New(testGpid, s.self, pacifica.Params{WindowDecrees: writes, PipelineUpdates: 1}, 1, 0, 0)
	makePrimary(t, writer, s.self)
	log, err := plog.Open(filepath.Join(dir, plogDirName), plog.Options{FS: s.opts.FS})
	if err != nil {
		t.Fatal(err)
	}
	var logged [][]byte
	for i := range writes {
		event := pacifica.Write{Update: pacifica.Update{Code: "RPC_RRDB_RRDB_PUT", Body: bytes.Repeat([]byte{byte('a' + i)}, 64<<10)}}
		for _, e := range writer.Step(pacifica.Clock{MonoMs: 3, WallUs: 3}, event) {
			if a, ok := e.(pacifica.Append); ok {
				logged = append(logged, a.Mutation.Updates[0].Body)
				log.Append([]plog.Entry{{Ballot: a.Mutation.Ballot, Decree: a.Mutation.Decree, Data: a.Mutation.Raw}}, nil)
			}
		}
	}
	if len(logged) != writes {
		t.Fatalf("%d mutations for %d writes", len(logged), writes)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}

	p, err := s.openDir(testGpid, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer p.store.Load().Close()
	defer p.plog.Close()
	seen := 0
	for _, e := range makePrimary(t, p.core, s.self) {
		a, ok := e.(pacifica.Append)
		if !ok {
			continue
		}
		if len(a.Mutation.Updates) != 1 || !bytes.Equal(a.Mutation.Updates[0].Body, logged[seen]) {
			t.Fatalf("decree %d is prepared again with other content than was logged", a.Mutation.Decree)
		}
		seen++
	}
	if seen != writes {
		t.Errorf("%d of %d mutations are prepared again", seen, writes)
	}
}

// TestReplayErrorIsNoDamage: a store that cannot take what the log holds says nothing against the
// replica's files, which must stay where they are.
func TestReplayErrorIsNoDamage(t *testing.T) {
	s := idleServer(t, vfs.NewMem())
	p, err := s.openDir(testGpid, newReplicaDir(t, s))
	if err != nil {
		t.Fatal(err)
	}
	makePrimary(t, p.core, s.self)
	clock := pacifica.Clock{MonoMs: 3, WallUs: 3}
	for range 2 { // the second says that the first was committed
		for _, e := range p.core.Step(clock, pacifica.Write{Update: pacifica.Update{Code: "RPC_RRDB_RRDB_PUT"}}) {
			if a, ok := e.(pacifica.Append); ok {
				p.plog.Append([]plog.Entry{{Ballot: a.Mutation.Ballot, Decree: a.Mutation.Decree, Data: a.Mutation.Raw}}, nil)
				p.core.Step(clock, pacifica.Logged{Ballot: a.Mutation.Ballot, Decree: a.Mutation.Decree})
			}
		}
	}
	closeParts(t, p)
	if p.plog, err = plog.Open(filepath.Join(p.dir, plogDirName), plog.Options{FS: s.opts.FS}); err != nil {
		t.Fatal(err)
	}
	defer p.plog.Close()
	p.core = pacifica.New(testGpid, s.self, pacifica.Params{}, 0, 0, 0)
	if err := p.replay(0); err == nil || damaged(err) {
		t.Errorf("replay into a store that is closed: %v, which counts as damage: %v", err, damaged(err))
	}
}

// TestClosedReplicaTellsWhatItsLogHas: a primary that dies while it prepares again what it took over
// has that in its log, and the meta server, which may have to choose by it, must hear so.
func TestClosedReplicaTellsWhatItsLogHas(t *testing.T) {
	s := idleServer(t, vfs.NewMem())
	dir := newReplicaDir(t, s)
	writer := pacifica.New(testGpid, s.self, pacifica.Params{}, 1, 0, 0)
	makePrimary(t, writer, s.self)
	log, err := plog.Open(filepath.Join(dir, plogDirName), plog.Options{FS: s.opts.FS})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range writer.Step(pacifica.Clock{MonoMs: 3, WallUs: 3}, pacifica.Write{Update: pacifica.Update{Code: "RPC_RRDB_RRDB_PUT", Body: []byte{1}}}) {
		if a, ok := e.(pacifica.Append); ok {
			log.Append([]plog.Entry{{Ballot: a.Mutation.Ballot, Decree: a.Mutation.Decree, Data: a.Mutation.Raw}}, nil)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	p, err := s.openDir(testGpid, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer p.store.Load().Close()
	defer p.plog.Close()
	makePrimary(t, p.core, s.self)
	p.publish()
	if v := p.view.Load(); v.lastPrepared != 0 {
		t.Fatalf("prepared %d under the new ballot before the log has it", v.lastPrepared)
	}
	s.closed(p, nil)
	if infos := s.closedInfos(); len(infos) != 1 || infos[0].LastPreparedDecree != 1 {
		t.Errorf("tells %+v", infos)
	}
}
