package conf

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var rewrite = flag.Bool("rewrite", false, "write the generated files anew")

const minimal = "[apps.meta]\n"

func parse(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Parse("x.toml", text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaultsAreValid(t *testing.T) {
	for _, role := range []string{RoleMeta, RoleReplica, ""} {
		c := Default(role)
		if p := c.checkTogether(); len(p) > 0 {
			t.Errorf("%s: %v", role, p)
		}
		if len(c.entries) < 150 {
			t.Errorf("%s: %d keys", role, len(c.entries))
		}
	}
	c := Default(RoleReplica)
	if c.AppsMeta.Run || !c.AppsReplica.Run || c.AppsReplica.Ports != 34801 {
		t.Errorf("roles: %+v, %+v", c.AppsMeta, c.AppsReplica)
	}
	if got := c.Replication.FDLeaseSeconds.Duration(); got != 7*time.Second {
		t.Errorf("lease %v", got)
	}
	if got := c.Replication.LogPrivateFileSizeMb.Bytes(); got != 32<<20 {
		t.Errorf("log file of %d bytes", got)
	}
}

// The tags are complete, and names are unique where /config needs them to be.
func TestEveryKeyIsDescribed(t *testing.T) {
	seen := map[string]string{}
	for _, e := range Default("").entries {
		if e.Name == "" || e.Doc == "" || strings.HasSuffix(e.Doc, ".") {
			t.Errorf("[%s] %q: name or doc %q", e.Section, e.Name, e.Doc)
		}
		if other, ok := seen[e.Name]; ok && e.flat() {
			t.Errorf("%s is in [%s] and [%s]", e.Name, other, e.Section)
		}
		seen[e.Name] = e.Section
		if _, ok := meaningless[e.Section][e.Name]; ok {
			t.Errorf("[%s] %s means something and nothing", e.Section, e.Name)
		}
		if e.Value() != e.Default && e.Name != "ports" {
			t.Errorf("%s is %q, default %q", e.Name, e.Value(), e.Default)
		}
	}
}

func TestValuesOfEachKind(t *testing.T) {
	c := parse(t, `
[apps.replica]
ports = 34999
[meta_server]
server_list = ["a:1", "b:2"]
min_live_node_count_for_unfreeze = 2
balance_cluster = true
[replication]
data_dirs = "d1:/x, d2:/y"
plog_sync = "interval"
config_sync_interval_ms = 1234
[pegasus.clusters]
other = "h1:34601,h2:34601"
third = ["h3:34601"]
[duplication-group]
onebox = 1
other = 2
[meta_server.apps.second]
app_name = "two"
partition_count = 16
envs = "default_ttl=60, rocksdb.usage_scenario=normal"
[meta_server.apps.first]
app_name = "one"
max_replica_count = 2
[meta_server.apps.none]
app_name = ""
`)
	if !c.AppsReplica.Run || c.AppsReplica.Ports != 34999 || c.AppsMeta.Run {
		t.Errorf("roles: %+v, %+v", c.AppsMeta, c.AppsReplica)
	}
	if !reflect.DeepEqual(c.MetaServer.ServerList, List{"a:1", "b:2"}) || !reflect.DeepEqual(c.Replication.DataDirs, List{"d1:/x", "d2:/y"}) {
		t.Errorf("lists: %v, %v", c.MetaServer.ServerList, c.Replication.DataDirs)
	}
	if c.Replication.PlogSync != "interval" || c.Replication.ConfigSyncIntervalMs.Get().Duration() != 1234*time.Millisecond || !c.MetaServer.BalanceCluster.Get() {
		t.Error("values")
	}
	want := []DefaultApp{
		{"two", "pegasus", 16, 3, true, map[string]string{"default_ttl": "60", "rocksdb.usage_scenario": "normal"}},
		{"one", "pegasus", 1, 2, true, nil},
	}
	if !reflect.DeepEqual(c.DefaultApps, want) {
		t.Errorf("tables: %+v", c.DefaultApps)
	}
	if !reflect.DeepEqual(c.Clusters, map[string]List{"other": {"h1:34601", "h2:34601"}, "third": {"h3:34601"}}) || c.DuplicationGroup["other"] != 2 {
		t.Errorf("%v, %v", c.Clusters, c.DuplicationGroup)
	}
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "x.toml:7: [meta_server] balance_cluster has no effect") {
		t.Errorf("warnings: %q", c.Warnings)
	}
}

// An error says where, what, and what is allowed.
func TestErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{minimal + "[replication]\nfd_leese_seconds = 3", `x.toml:3: [replication] fd_leese_seconds: unknown key; did you mean fd_lease_seconds?`},
		{minimal + "[meta_server]\nfd_grace_seconds = 30", `x.toml:3: [meta_server] fd_grace_seconds: unknown key; it belongs into [replication]`},
		{minimal + "[meta_server]\nzzzzzzzzzzzzzz = 30", `x.toml:3: [meta_server] zzzzzzzzzzzzzz: unknown key`},
		{minimal + "[metaserver]\nserver_list = \"a:1\"", `x.toml:2: [metaserver] unknown section; did you mean [meta_server]?`},
		{minimal + "[metaserver]", `x.toml:2: [metaserver] unknown section; did you mean [meta_server]?`},
		{"[apps.meta]\nprots = 1", `x.toml:2: [apps.meta] prots: unknown key; did you mean ports?`},
		{minimal + "[replication]\nplog_sync = \"sometimes\"", `x.toml:3: [replication] plog_sync = "sometimes": want one of always, interval, none`},
		{minimal + "[replication]\nplog_sync_interval_ms = 0", `x.toml:3: [replication] plog_sync_interval_ms = 0: want a number from 1 to 60000`},
		{minimal + "[replication]\ngroup_check_interval_ms = 1", `x.toml:3: [replication] group_check_interval_ms = 1: want a number of 100 or more`},
		{minimal + "[replication]\ngroup_check_interval_ms = \"100\"", `x.toml:3: [replication] group_check_interval_ms = "100": want a number of 100 or more`},
		{minimal + "[replication]\nfd_grace_seconds = 3000000000", `x.toml:3: [replication] fd_grace_seconds = 3000000000: want a number of 3 or more`},
		{minimal + "[replication]\nempty_write_disabled = 1", `x.toml:3: [replication] empty_write_disabled = 1: want true or false`},
		{minimal + "[replication]\ncluster_name = \"\"", `x.toml:3: [replication] cluster_name = "": must not be empty`},
		{minimal + "[replication]\nfd_grace_seconds = 7", `x.toml:3: [replication] fd_grace_seconds = 7: must be greater than fd_lease_seconds (7)`},
		{minimal + "[replication]\ndata_dirs = \"/x\"", `x.toml:3: [replication] data_dirs = "/x": "/x" is not tag:path`},
		{minimal + "[replication]\ndata_dirs = [\"a:/x\", \"b:/x/\"]", `the tag or the path of "b:/x/" is there twice`},
		{minimal + "[meta_server]\nserver_list = [\"a:1\", \"a:1\"]", `"a:1" is there twice`},
		{minimal + "[meta_server]\nserver_list = \"a\"", `"a" is not host:port`},
		{minimal + "[meta_server]\ncluster_root = \"pegasus\"", `want a path that begins with a slash`},
		{minimal + "[meta_server]\nmeta_state_service_type = \"meta_state_service_zookeeper\"", `x.toml: [zookeeper] hosts_list: must not be empty`},
		{minimal + "[meta_server]\nmin_allowed_replica_count = 6", `must not be greater than max_allowed_replica_count (5)`},
		{minimal + "[security]\nenable_auth = true", `x.toml:3: [security] enable_auth = true: authentication is not provided; only false is accepted`},
		{minimal + "[zookeeper]\nsasl_mechanisms_type = \"GSSAPI\"", `only "" is accepted`},
		{minimal + "[pegasus.server]\nperf_counter_read_capacity_unit_size = 1000", `want a power of two`},
		{minimal + "[meta_server.apps.t]\napp_name = \"t\"\npartitions = 3", `x.toml:4: [meta_server.apps.t] partitions: unknown key; a table has app_name,`},
		{minimal + "[meta_server.apps.t]\napp_name = \"t\"\npartition_count = 0", `x.toml:4: [meta_server.apps.t] partition_count = 0: want a number from 1 to 65536`},
		{minimal + "[meta_server.apps.t]\napp_name = \"t\"\nenvs = \"a\"", `want "key=value,key=value"`},
		{minimal + "[meta_server.apps.t]\napp_name = \"t\"\n[meta_server.apps.u]\napp_name = \"t\"", `"t" is there twice`},
		{minimal + "[meta_server.apps.t]\napp_name = \"t\"\nmax_replica_count = 9", `max_allowed_replica_count (5)`},
		{minimal + "[duplication-group]\na = 128", `x.toml:3: [duplication-group] a = 128: want an id from 1 to 127`},
		{minimal + "[duplication-group]\na = 1\nb = 1", `has the id 1 of`},
		{minimal + "[task..default]", `x.toml:2: TOML wants quotes around such a name: ["task..default"]`},
		{minimal + "x = = 1", `x.toml:2: `},
		{"cluster_name = \"x\"", `x.toml:1: cluster_name: stands before the first section`},
		{"", `x.toml: no role: neither [apps.meta] nor [apps.replica]`},
		{"[apps.meta]\nrun = false", `no role`},
	} {
		_, err := Parse("x.toml", c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q:\n got %v\nwant %s", c.text, err, c.want)
		}
	}
}

func TestAllErrorsAreReportedInOrder(t *testing.T) {
	_, err := Parse("x.toml", minimal+"[replication]\nnonsense_1 = 1\ncluster_name = 5\n[network]\nconns_max = 0\n")
	if err == nil {
		t.Fatal("no error")
	}
	var lines []string
	for _, line := range strings.Split(err.Error(), "\n") {
		lines = append(lines, strings.SplitN(line, ":", 3)[1])
	}
	if strings.Join(lines, " ") != "3 4 6" {
		t.Fatalf("%v", err)
	}
	var ke *KeyError
	if !errors.As(err, &ke) || ke.Key != "nonsense_1" || ke.Line != 3 {
		t.Fatalf("%+v", ke)
	}
	var many strings.Builder
	for i := range 200 {
		fmt.Fprintf(&many, "nonsense_%d = 1\n", i)
	}
	_, err = Parse("x.toml", minimal+"[replication]\n"+many.String())
	if n := strings.Count(err.Error(), "\n"); n != errorsMax || !strings.Contains(err.Error(), "and 150 more") {
		t.Fatalf("%d lines", n+1)
	}
}

// What upstream has and we do not is carried over with a warning per key.
func TestMeaninglessKeysWarn(t *testing.T) {
	c := parse(t, minimal+`
[core]
tool = "nativerun"
[threadpool.THREAD_POOL_REPLICATION]
worker_count = 24
["task..default"]
is_trace = false
[task.RPC_PREPARE]
is_profile = true
[apps.collector]
ports = 34101
[tools.simple_logger]
fast_flush = true
[pegasus.server]
rocksdb_format_version = 2
encrypt_data_at_rest = false
[security]
enable_auth = false
super_users = ""
`)
	want := []string{
		"x.toml:4: [core] tool has no effect: the Go runtime", "x.toml:6: [threadpool.THREAD_POOL_REPLICATION] worker_count",
		"x.toml:8: [task..default] is_trace", "x.toml:10: [task.RPC_PREPARE]", "x.toml:12: [apps.collector] ports",
		"x.toml:14: [tools.simple_logger]", "x.toml:16: [pegasus.server] rocksdb_format_version", "x.toml:20: [security] super_users",
	}
	if len(c.Warnings) != len(want) {
		t.Fatalf("warnings:\n%s", strings.Join(c.Warnings, "\n"))
	}
	for i, w := range want {
		if !strings.HasPrefix(c.Warnings[i], w) {
			t.Errorf("warning %q, want %q", c.Warnings[i], w)
		}
	}
	if c.AppsReplica.Run {
		t.Error("a collector made a replica server run")
	}
}

func TestSet(t *testing.T) {
	c := Default(RoleReplica)
	var changes []string
	c.OnChange(func(e *Entry) { changes = append(changes, e.Name+"="+e.Value()) })
	for _, s := range []struct{ name, value, want string }{
		{"empty_write_disabled", "true", ""},
		{"config_sync_interval_ms", "5000", ""},
		{"nosuch", "1", "ERR_OBJECT_NOT_FOUND: nosuch is not found"},
		{"run", "false", "ERR_OBJECT_NOT_FOUND: run is not found"},
		{"fd_lease_seconds", "5", "ERR_INVALID_PARAMETERS: fd_lease_seconds is not mutable"},
		{"cluster_name", "x", "ERR_INVALID_PARAMETERS: cluster_name is not mutable"},
		{"config_sync_interval_ms", "0", `ERR_INVALID_PARAMETERS: config_sync_interval_ms = "0": want a number of 1 or more`},
		{"config_sync_interval_ms", "1e3", `ERR_INVALID_PARAMETERS: config_sync_interval_ms = "1e3": want a number`},
		{"empty_write_disabled", "yes", `ERR_INVALID_PARAMETERS: empty_write_disabled = "yes": want true or false`},
		{"min_allowed_replica_count", "6", `ERR_INVALID_PARAMETERS: min_allowed_replica_count = "6": must not be greater`},
	} {
		err := c.Set(s.name, s.value)
		if s.want == "" && err != nil || s.want != "" && (err == nil || !strings.HasPrefix(err.Error(), s.want)) {
			t.Errorf("%s=%s: %v, want %s", s.name, s.value, err, s.want)
		}
	}
	if !c.Replication.EmptyWriteDisabled.Get() || c.Replication.ConfigSyncIntervalMs.Get() != 5000 || c.MetaServer.MinAllowedReplicaCount.Get() != 1 {
		t.Error("values after Set")
	}
	if want := []string{"empty_write_disabled=true", "config_sync_interval_ms=5000"}; !reflect.DeepEqual(changes, want) {
		t.Errorf("changes %v, want %v", changes, want)
	}
}

func TestHTTPBodies(t *testing.T) {
	c := Default(RoleReplica)
	for body, want := range map[string]string{
		string(c.ConfigJSON("empty_write_disabled")):                                   `{"name":"empty_write_disabled","section":"replication","type":"FV_BOOL","tags":"flag_tag::FT_MUTABLE","description":"no empty writes while there are no others","value":"false"}`,
		string(c.ConfigJSON("x")):                                                      `ERR_OBJECT_NOT_FOUND: 'x' is not found`,
		string(c.UpdateJSON(nil)):                                                      `{"update_status":"ERR_INVALID_PARAMETERS: there should be exactly one config to be updated once"}`,
		string(c.UpdateJSON(map[string]string{"nosuch": "1"})):                         `{"update_status":"ERR_OBJECT_NOT_FOUND: nosuch is not found"}`,
		string(c.UpdateJSON(map[string]string{"disk_min_available_space_ratio": "5"})): `{"update_status":"ERR_OK"}`,
	} {
		if body != want {
			t.Errorf("got  %s\nwant %s", body, want)
		}
	}
	if c.Replication.DiskMinAvailableSpaceRatio.Get() != 5 {
		t.Error("not updated")
	}
	var all map[string]flagJSON
	if err := json.Unmarshal(c.ConfigsJSON(), &all); err != nil || len(all) != len(c.All()) || all["plog_sync"].Value != "always" {
		t.Errorf("%d keys, %v", len(all), err)
	}
}

// Every flag that an original server shows is known here: with its section, type
// and mutability, or as one that decides nothing.
func TestRecordedFlags(t *testing.T) {
	vectors := os.Getenv("PEGASUS_VECTORS")
	if vectors == "" {
		t.Skip("skipped: PEGASUS_VECTORS does not name the folder with recordings of an original cluster")
	}
	b, err := os.ReadFile(filepath.Join(vectors, "http", "meta_configs.txt"))
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(b), "\n{")
	var flags map[string]flagJSON
	if err := json.Unmarshal([]byte("{"+body), &flags); err != nil || len(flags) < 200 {
		t.Fatalf("%d flags, %v", len(flags), err)
	}
	c := Default("")
	for name, f := range flags {
		if e := c.entry(f.Section, name); e != nil {
			mine := e.json()
			if mine.Type != f.Type || mine.Tags != f.Tags || e.Own {
				t.Errorf("%s: %s %q, upstream %s %q, own %v", name, mine.Type, mine.Tags, f.Type, f.Tags, e.Own)
			}
			continue
		}
		_, isRefused := refused[f.Section][name]
		_, isMeaningless := meaningless[f.Section][name]
		_, section := meaninglessSection(f.Section)
		if !isRefused && !isMeaningless && !section {
			t.Errorf("[%s] %s is not known", f.Section, name)
		}
	}
	for _, e := range c.entries {
		if _, ok := flags[e.Name]; !ok && !e.Own && e.Name != "data_dir" && !strings.HasPrefix(e.Name, "hdfs_") { // built without HDFS
			t.Errorf("%s is upstream's, but its servers do not show it", e.Name)
		}
	}
}

func TestNearest(t *testing.T) {
	words := []string{"server_list", "cluster_root", "fd_lease_seconds", "fd_grace_seconds"}
	for word, want := range map[string]string{
		"servers_list": "server_list", "serverlist": "server_list", "Server_List": "server_list", "fd_laese_seconds": "fd_lease_seconds",
		"fd_grace_second": "fd_grace_seconds", "something_else_entirely": "", "": "",
	} {
		if got, _ := nearest(word, words); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
	if d := distance("abcd", "acbd", 5); d != 1 {
		t.Errorf("swapped neighbours cost %d", d)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(minimal + "[replication]\ncluster_name = \"x\"\n")
	f.Add("[meta_server.apps.x]\napp_name = \"t\"\n[[apps]]\n")
	f.Add("a.b.c = {d = [1, {e = 2}]}")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("x.toml", text)
		if (c == nil) == (err == nil) {
			t.Fatalf("%v, %v", c, err)
		}
		if c != nil && len(c.checkTogether()) > 0 {
			t.Fatal("an invalid configuration passed")
		}
	})
}

func TestZeroAsksForADerivedValue(t *testing.T) {
	c := parse(t, "[apps.replica]\n[pegasus.server]\nmemory_bytes_max = 0\nrocksdb_block_cache_capacity = 8388608\n")
	if c.PegasusServer.MemoryBytesMax != 0 || c.PegasusServer.RocksdbBlockCacheCapacity != 8<<20 {
		t.Errorf("%d, %d", c.PegasusServer.MemoryBytesMax, c.PegasusServer.RocksdbBlockCacheCapacity)
	}
	for text, want := range map[string]string{
		"[pegasus.server]\nmemory_bytes_max = 5":     "want 0 or a number of 268435456 or more",
		"[replication]\nwrite_bytes_waiting_max = 1": "want 0 or a number of 1048576 or more",
		"[network]\nframe_bytes_max = 0":             "want a number from 65536",
	} {
		if _, err := Parse("test.toml", "[apps.replica]\n"+text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
