package meta

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/apache/thrift/lib/go/thrift"

	"github.com/pegasus-go/pegasus/gen-go/backup"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/bulkload"
	"github.com/pegasus-go/pegasus/gen-go/duplication"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/gen-go/split"
	"github.com/pegasus-go/pegasus/rpc"
	"github.com/pegasus-go/pegasus/zkmeta"
)

// vectorsDir is where the recordings of an original cluster lie; tests that need them skip without.
const vectorsDir = "../../shared/vectors"

func vectorsOrSkip(t *testing.T, sub string) string {
	t.Helper()
	dir := vectorsDir
	if env := os.Getenv("PEGASUS_VECTORS"); env != "" {
		dir = env
	}
	dir = filepath.Join(dir, sub)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no recordings at %s (PEGASUS_VECTORS tells where they are)", dir)
	}
	return dir
}

type vector struct {
	Op           string `json:"op"`
	RPC          string `json:"rpc"`
	RequestHex   string `json:"request_hex"`
	ResponseHex  string `json:"response_hex"`
	ResponseCode string `json:"response_error_code"`
}

// resultOf is the struct an RPC answers with; nil for text.
func resultOf(name string) thrift.TStruct {
	switch name {
	case "RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX":
		return layer2.NewQueryCfgResponse()
	case "RPC_CM_CREATE_APP":
		return metaadmin.NewConfigurationCreateAppResponse()
	case "RPC_CM_DROP_APP":
		return metaadmin.NewConfigurationDropAppResponse()
	case "RPC_CM_RECALL_APP":
		return metaadmin.NewConfigurationRecallAppResponse()
	case "RPC_CM_LIST_APPS":
		return metaadmin.NewConfigurationListAppsResponse()
	case "RPC_CM_LIST_NODES":
		return metaadmin.NewConfigurationListNodesResponse()
	case "RPC_CM_CLUSTER_INFO":
		return metaadmin.NewConfigurationClusterInfoResponse()
	case "RPC_CM_UPDATE_APP_ENV":
		return metaadmin.NewConfigurationUpdateAppEnvResponse()
	case "RPC_CM_CONTROL_META":
		return metaadmin.NewConfigurationMetaControlResponse()
	case "RPC_CM_QUERY_BACKUP_POLICY":
		return backup.NewConfigurationQueryBackupPolicyResponse()
	case "RPC_CM_QUERY_DUPLICATION":
		return duplication.NewDuplicationQueryResponse()
	case "RPC_CM_QUERY_PARTITION_SPLIT":
		return split.NewQuerySplitResponse()
	case "RPC_CM_QUERY_BULK_LOAD_STATUS":
		return bulkload.NewQueryBulkLoadResponse()
	case "RPC_CM_QUERY_MANUAL_COMPACT_STATUS":
		return metaadmin.NewQueryAppManualCompactResponse()
	}
	return nil
}

// notRecorded are the answers that the specification tells where the recording has none.
var notRecorded = map[string]thrift.TStruct{
	"meta.create_app.bad_replica_count": &metaadmin.ConfigurationCreateAppResponse{Err: base.ErrInvalidParameters.Ptr()},
	"meta.update_app_env.bad_value": &metaadmin.ConfigurationUpdateAppEnvResponse{
		Err: base.ErrInvalidParameters.Ptr(), HintMessage: "invalid value '5', should be '>= 20'",
	},
	"meta.update_app_env.clear": &metaadmin.ConfigurationUpdateAppEnvResponse{Err: base.ErrOK.Ptr(), HintMessage: "no key needs to be deleted"},
	"meta.query_cfg.dropped":    &layer2.QueryCfgResponse{Err: base.ErrObjectNotFound.Ptr()},
}

// frame is an answer as it travels over THFT.
func splitFrame(t *testing.T, b []byte) (code string, body []byte) {
	t.Helper()
	text := func(at int) (string, int) {
		n := int(binary.BigEndian.Uint32(b[at:]))
		return string(b[at+4 : at+4+n]), at + 4 + n
	}
	code, at := text(4)
	_, at = text(at + 4)
	return code, b[at+4:]
}

func exchange(t *testing.T, conn net.Conn, request []byte) (code string, body []byte) {
	t.Helper()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Write(request); err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 4)
	if _, err := io.ReadFull(conn, head); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, binary.BigEndian.Uint32(head))
	copy(b, head)
	if _, err := io.ReadFull(conn, b[4:]); err != nil {
		t.Fatal(err)
	}
	return splitFrame(t, b)
}

// TestRecordedAnswers replays what a client asked an original meta, in the same order, and compares
// every field except times, ballots on the way up, and where the replicas are.
func TestRecordedAnswers(t *testing.T) {
	dir := vectorsOrSkip(t, "thft")
	c := startCluster(t, 1, 3, rpc.THFTv0)
	c.complete("stat", 2, 10*time.Second)
	c.complete("temp", 2, 10*time.Second)
	conn, err := net.Dial("tcp", c.addrs[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	files, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	count := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var v vector
		if err := json.Unmarshal(data, &v); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(v.Op, "meta.") {
			continue
		}
		count++
		if v.Op == "meta.query_cfg" {
			c.complete("vec", 2, 5*time.Second)
			c.complete("bad name!", 2, 5*time.Second)
		}
		t.Run(filepath.Base(file), func(t *testing.T) { replay(t, conn, &v) })
	}
	if count < 34 {
		t.Errorf("%d recordings replayed, expected at least 34", count)
	}
	c.check()
}

func replay(t *testing.T, conn net.Conn, v *vector) {
	request, err := hex.DecodeString(v.RequestHex)
	if err != nil {
		t.Fatal(err)
	}
	code, body := exchange(t, conn, request)
	want, got := resultOf(v.RPC), resultOf(v.RPC)
	if v.ResponseHex == "" {
		if v.Op == "meta.query_cfg.just_created" {
			return // an answer between none and all primaries
		}
		if want = notRecorded[v.Op]; want == nil {
			t.Fatal("neither recorded nor known")
		}
		v.ResponseCode = "ERR_OK"
	}
	if code != v.ResponseCode {
		t.Fatalf("frame says %s, want %s", code, v.ResponseCode)
	}
	if v.RPC == "RPC_CLI_CLI_CALL" {
		compareText(t, v, body)
		return
	}
	if got == nil || code != "ERR_OK" {
		if len(body) != 0 {
			t.Errorf("%d bytes behind an error", len(body))
		}
		return
	}
	if v.ResponseHex != "" {
		recorded, _ := hex.DecodeString(v.ResponseHex)
		_, recordedBody := splitFrame(t, recorded)
		if _, err := rpc.ReadValue(recordedBody, want); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := rpc.ReadValue(body, got); err != nil {
		t.Fatal(err)
	}
	neutral(reflect.ValueOf(want))
	neutral(reflect.ValueOf(got))
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
}

// compareText compares answers of remote commands: help lists what we have in the original's words.
func compareText(t *testing.T, v *vector, body []byte) {
	got, _, err := rpc.ReadString(body)
	if err != nil {
		t.Fatal(err)
	}
	recorded, _ := hex.DecodeString(v.ResponseHex)
	_, recordedBody := splitFrame(t, recorded)
	want, _, err := rpc.ReadString(recordedBody)
	if err != nil {
		t.Fatal(err)
	}
	switch v.Op {
	case "meta.remote_command.help":
		for line := range strings.Lines(got) {
			if !strings.Contains(want, line) {
				t.Errorf("not a line of the original: %q", line)
			}
		}
	case "meta.remote_command.server-info":
		var g, w map[string]string
		if json.Unmarshal([]byte(got), &g) != nil || json.Unmarshal([]byte(want), &w) != nil {
			t.Fatalf("got %q, want the form of %q", got, want)
		}
		for k := range w {
			if _, ok := g[k]; !ok {
				t.Errorf("no %q", k)
			}
		}
	default:
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// neutral takes out of an answer what differs from cluster to cluster.
func neutral(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		switch x := v.Interface().(type) {
		case *base.RPCAddress:
			if x.Val().IsValid() {
				*x = base.AddressOf(1, 1)
			}
			return
		case *metaadmin.ConfigurationClusterInfoResponse:
			for i, k := range x.Keys {
				switch k {
				case "meta_servers", "primary_meta_server", "zookeeper_hosts", "zookeeper_root", "cluster_name":
					x.Values[i] = ""
				}
			}
		case *layer2.AppInfo:
			if x != nil {
				x.CreateSecond, x.DropSecond, x.ExpireSecond = min(x.CreateSecond, 1), min(x.DropSecond, 1), min(x.ExpireSecond, 1)
			}
		case *layer2.PartitionConfiguration:
			if x != nil {
				x.LastCommittedDecree = 0
			}
		}
		if !v.IsNil() {
			neutral(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Field(i)
			if name := v.Type().Field(i).Name; strings.HasPrefix(name, "Hp") && f.CanSet() {
				f.SetZero()
			}
			if f.CanInterface() {
				neutral(f)
			}
			if (f.Kind() == reflect.Slice || f.Kind() == reflect.Map) && f.Len() == 0 && f.CanSet() {
				f.SetZero()
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if e := v.Index(i); e.Kind() == reflect.Map && e.Len() == 0 {
				e.SetZero()
			}
			neutral(v.Index(i))
		}
	}
}

// recordedTree is a node of the recorded ZooKeeper tree.
type recordedTree struct {
	Path      string         `json:"path"`
	Data      string         `json:"data"`
	Ephemeral bool           `json:"ephemeral"`
	Children  []recordedTree `json:"children"`
}

// walk visits the persistent nodes, parents first.
func (n *recordedTree) walk(f func(path string, data []byte)) {
	if n.Ephemeral {
		return
	}
	f(n.Path, []byte(n.Data))
	for i := range n.Children {
		n.Children[i].walk(f)
	}
}

const recordedRoot = "/pegasus/onebox/127.0.0.1"

// recordedStore is an embedded store that holds the recorded tree.
func recordedStore(t *testing.T) (*zkmeta.Embedded, *recordedTree) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(vectorsOrSkip(t, "zk"), "tree.json"))
	if err != nil {
		t.Fatal(err)
	}
	var root recordedTree
	if err := json.Unmarshal(data, &root); err != nil {
		t.Fatal(err)
	}
	store, err := zkmeta.OpenEmbedded(t.TempDir(), zkmeta.EmbeddedOptions{Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	ctx := context.Background()
	lease, err := store.Campaign(ctx, "127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Resign()
	root.walk(func(path string, data []byte) {
		if strings.HasPrefix(path, "/pegasus") {
			if err := store.CreateAll(ctx, path, data); err != nil {
				t.Fatal(err)
			}
		}
	})
	return store, &root
}

// TestStartsOnTheTreeOfAnOriginalMeta loads the recorded tree and writes it back unchanged.
func TestStartsOnTheTreeOfAnOriginalMeta(t *testing.T) {
	store, root := recordedStore(t)
	opts := testOptions(store)
	opts.ClusterRoot = recordedRoot
	s, err := Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	eventually(t, 5*time.Second, func() error {
		if !s.Leading() {
			return base.ErrServiceNotActive
		}
		return nil
	})
	tm := s.term.Load()
	tm.mu.Lock()
	defer tm.mu.Unlock()
	tables, partitions := 0, 0
	root.walk(func(path string, data []byte) {
		rest, ok := strings.CutPrefix(path, recordedRoot+"/apps/")
		if !ok || strings.Contains(rest, "duplication") {
			return
		}
		if g, err := base.ParseGpid(strings.ReplaceAll(rest, "/", ".")); err == nil {
			c := tm.core.Configs(g.AppID)[g.PartitionIndex]
			if got := encodeConfig(&c, tm.core.HostPort); string(got) != string(data) {
				t.Errorf("%s\n got %s\nwant %s", path, got, data)
			}
			partitions++
			return
		}
		app, err := decodeApp(data)
		if err != nil {
			t.Fatal(err)
		}
		if got := encodeApp(tm.core.AppByID(app.AppID)); string(got) != string(data) {
			t.Errorf("%s\n got %s\nwant %s", path, got, data)
		}
		tables++
	})
	if tables != 4 || partitions != 20 {
		t.Errorf("compared %d tables, %d partitions", tables, partitions)
	}
}
