package replica

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/consensus"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/gen-go/metadata"
	"github.com/pegasus-go/pegasus/gen-go/nfs"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
	"github.com/pegasus-go/pegasus/internal/fuzz"
	"github.com/pegasus-go/pegasus/rpc"
)

// startForFuzz starts a server that holds one replica, has no meta server, and tells its panics.
func startForFuzz(f *testing.F) (*Server, *fuzz.Panics) {
	fs, p := vfs.NewMem(), &fuzz.Panics{}
	s, err := NewServer(Options{
		Listen: "127.0.0.1:0", Metas: []base.RPCAddress{base.AddressOf(0x7F000001, 1)},
		DataDirs: "d:/d", FS: fs, Logger: slog.New(p),
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := s.Close(); err != nil {
			f.Error(err)
		}
	})
	newReplicaDir(f, s)
	if err := s.Start(); err != nil {
		f.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); s.partition(testGpid) == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			f.Fatal("the replica did not open")
		}
	}
	return s, p
}

// called are the calls that a replica server answers besides those of clients.
var called = []string{
	"RPC_PREPARE", "RPC_GROUP_CHECK", "RPC_LEARN_ADD_LEARNER", "RPC_LEARN", "RPC_LEARN_COMPLETION_NOTIFY", "RPC_REMOVE_REPLICA",
	"RPC_CONFIG_PROPOSAL", "RPC_QUERY_REPLICA_INFO", "RPC_QUERY_APP_INFO", "RPC_QUERY_DISK_INFO", "RPC_NFS_COPY", "RPC_NFS_GET_FILE_SIZE",
	"RPC_QUERY_PN_DECREE", "RPC_ADD_NEW_DISK", "RPC_REPLICA_DISK_MIGRATE", "RPC_DETECT_HOTKEY", "RPC_NEGOTIATION",
	"RPC_RRDB_RRDB_PUT", "RPC_RRDB_RRDB_MULTI_PUT", "RPC_RRDB_RRDB_GET", "RPC_RRDB_RRDB_MULTI_GET", "RPC_RRDB_RRDB_BATCH_GET",
	"RPC_RRDB_RRDB_GET_SCANNER", "RPC_RRDB_RRDB_SCAN", "RPC_RRDB_RRDB_CHECK_AND_MUTATE", "RPC_RRDB_RRDB_DUPLICATE", "RPC_RRDB_RRDB_SORTKEY_COUNT",
}

// oneWay are those whose senders wait for no answer.
var oneWay = map[string]bool{"RPC_LEARN_ADD_LEARNER": true, "RPC_REMOVE_REPLICA": true, "RPC_CONFIG_PROPOSAL": true}

// FuzzRequests sends any body to any call of a replica server: each is answered, and none panics, be
// it in a handler or in the partition's loop.
func FuzzRequests(f *testing.F) {
	s, logged := startForFuzz(f)
	at := s.Addr()
	add := func(name string, body []byte) {
		for i, h := range called {
			if h == name {
				f.Add(uint8(i), true, body)
				f.Add(uint8(i), false, body)
			}
		}
	}
	for i := range called {
		f.Add(uint8(i), true, []byte{0x0C, 0, 1, 0, 0})
	}
	pid := testGpid
	rc := &metadata.ReplicaConfiguration{Pid: &pid, Ballot: 1, Primary: base.AddressOf(0x7F000001, 34802).Ptr(), Status: metadata.PartitionStatus_PS_SECONDARY}
	app := &layer2.AppInfo{AppID: 2, AppName: "t", AppType: "pegasus", PartitionCount: 8, MaxReplicaCount: 3}
	add("RPC_GROUP_CHECK", rpc.AppendValue(nil, 0, &consensus.GroupCheckRequest{App: app, Node: s.Addr().Ptr(), Config: rc}))
	add("RPC_LEARN_ADD_LEARNER", rpc.AppendValue(nil, 0, &consensus.GroupCheckRequest{App: app, Node: s.Addr().Ptr(), Config: rc}))
	add("RPC_LEARN", rpc.AppendValue(nil, 0, &consensus.LearnRequest{Pid: &pid, Learner: base.AddressOf(0x7F000001, 34802).Ptr(), Signature: 5}))
	add("RPC_CONFIG_PROPOSAL", rpc.AppendValue(nil, 0, &metaadmin.ConfigurationUpdateRequest{Info: app, Config: &layer2.PartitionConfiguration{Pid: &pid, Ballot: 2, Primary: s.Addr().Ptr()}, Type: metaadmin.ConfigType_CT_ASSIGN_PRIMARY, Node: s.Addr().Ptr()}))
	add("RPC_REMOVE_REPLICA", rpc.AppendValue(nil, 0, rc))
	add("RPC_NFS_COPY", rpc.AppendValue(nil, 0, &nfs.CopyRequest{SourceDir: "/d/2.1.pegasus", FileName: ".app-info", Size: 1 << 30}))
	add("RPC_RRDB_RRDB_PUT", rpc.AppendValue(nil, 0, &rrdb.UpdateRequest{Key: base.BlobOf([]byte("\x00\x01hs")), Value: base.BlobOf([]byte("v"))}))
	pool := rpc.NewPool(rpc.PoolOptions{Logger: slog.New(slog.DiscardHandler)})
	f.Cleanup(func() { pool.Close() })
	f.Fuzz(func(t *testing.T, which uint8, ours bool, body []byte) {
		name := called[int(which)%len(called)]
		c := rpc.Call{Name: name, TimeoutMs: 20000, Body: body, Gpid: testGpid}
		if !ours {
			c.Gpid.AppID++
		}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if oneWay[name] { // then what follows on the same connection is answered
			pool.Send(at, c)
			c = rpc.Call{Name: "RPC_QUERY_DISK_INFO", TimeoutMs: 20000, Body: []byte{0x0C, 0, 0, 0, 0}}
		}
		_, err := pool.CallBytes(ctx, at, c)
		if errors.Is(err, base.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("%s of %x: %v", name, body, err)
		}
		logged.Check(t, name, body)
	})
}

// FuzzCommands gives any arguments to any remote command.
func FuzzCommands(f *testing.F) {
	s, logged := startForFuzz(f)
	var commands rpc.Commands
	s.registerCommands(&commands)
	for _, line := range strings.Split(strings.TrimSpace(commands.Run("help", nil)), "\n") {
		name, _, _ := strings.Cut(line, " - ")
		name, _, _ = strings.Cut(name, "|")
		for _, args := range []string{"", "true", "2", "2.1", "-1", "2.1,3", "2 1", "9999999999", "2.1.1"} {
			f.Add(name, args)
		}
	}
	f.Fuzz(func(t *testing.T, name, args string) {
		text := commands.Run(name, strings.Fields(args))
		if strings.Contains(text, "failed: ") && strings.Contains(text, "goroutine ") {
			t.Fatalf("%q %q: %s", name, args, text)
		}
		logged.Check(t, name, args)
	})
}

// FuzzPages asks for any page with any query.
func FuzzPages(f *testing.F) {
	s, logged := startForFuzz(f)
	for _, p := range []string{"/", "/metrics?types=server&ids=%zz", "/metrics?format=prometheus", "/metrics?attributes=table_id,2,x&detail=true&with_metric_fields=name", "/replica/data_version?app_id=2", "/replica/manual_compaction?app_id=-1", "/replica/duplication?appid=99999999999", "/x"} {
		f.Add(p)
	}
	h := s.httpHandler()
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{}, Body: http.NoBody, Host: "x"})
		if w.Code < 200 || w.Code > 599 || w.Body.Len() > 1<<20 {
			t.Fatalf("%s: status %d, %d bytes", target, w.Code, w.Body.Len())
		}
		logged.Check(t, target)
	})
}
