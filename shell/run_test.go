package shell

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/client/clienttest"
)

// shellRun runs the whole shell and returns its exit code and both streams.
func shellRun(t *testing.T, o Options) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	o.Out, o.Err = &stdout, &stderr
	code = Run(t.Context(), o)
	return code, stdout.String(), stderr.String()
}

func cluster(t *testing.T) []string {
	fake := clienttest.New(t, 3, 3)
	fake.ClusterInfo = []string{"cluster_name", "mine"}
	fake.AddTable("temp", 8)
	return fake.Metas()
}

func TestCommandsOfAStringSetTheExitCode(t *testing.T) {
	metas := cluster(t)
	for command, want := range map[string]int{
		"ls":                                ExitOK,
		"use temp; set a b c; get a b":      ExitOK,
		"get a b":                           ExitFailed, // no table in use
		"nosuch":                            ExitFailed,
		"app nosuch":                        ExitFailed,
		"use temp\nincr a":                  ExitFailed,
		"ls --jsonn":                        ExitFailed,
		"exit; nosuch":                      ExitOK,
		"use temp; set a t x; incr a t; ls": ExitFailed, // one failed of several
	} {
		code, out, _ := shellRun(t, Options{Metas: metas, Command: command})
		if code != want {
			t.Errorf("%q: exit code %d, want %d", command, code, want)
		}
		if strings.Contains(out, "Pegasus Shell") {
			t.Errorf("%q: banner printed", command)
		}
	}
}

func TestAPipeExitsWithZeroUnlessStrict(t *testing.T) {
	metas := cluster(t)
	in := "nosuch\n\nuse temp\nset a b c\nget a b" // no newline at the end
	code, out, errs := shellRun(t, Options{Metas: metas, In: strings.NewReader(in), Version: "1.2 (abc) test"})
	if code != ExitOK {
		t.Error("exit code", code)
	}
	want := "Pegasus Shell 1.2 (abc) test\nType \"help\" for more information.\n" +
		"Type \"Ctrl-D\" or \"Ctrl-C\" to exit the shell.\n\nThe cluster name is: mine\n" +
		"The cluster meta list is: " + strings.Join(metas, ",") + "\nERROR: invalid subcommand 'nosuch'\n"
	if !strings.HasPrefix(out, want) {
		t.Errorf("stdout:\n%s", out)
	}
	if !strings.Contains(errs, "\"c\"\n") || strings.Contains(out, "app_id") {
		t.Errorf("data belongs on stderr, which has\n%s", errs)
	}
	if code, _, _ := shellRun(t, Options{Metas: metas, In: strings.NewReader(in), Strict: true}); code != ExitFailed {
		t.Error("strict exit code", code)
	}
}

func TestMetasThatAreAwayFailCommandsNotTheShell(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var out bytes.Buffer
	code := Run(ctx, Options{Metas: []string{"127.0.0.1:1"}, Command: "ls; nodes; cluster_info; app x", Out: &out, Err: &out})
	if code != ExitFailed || !strings.Contains(out.String(), "list apps failed, error=ERR_") {
		t.Error(code, out.String())
	}
	if code, _, errs := shellRun(t, Options{Metas: []string{"nonsense"}}); code != ExitUsage || errs == "" {
		t.Error(code, errs)
	}
}

func TestOutputGoesToAFile(t *testing.T) {
	metas := cluster(t)
	file := filepath.Join(t.TempDir(), "out")
	code, out, _ := shellRun(t, Options{Metas: metas, Command: "app temp -o " + file})
	text, err := os.ReadFile(file)
	if code != ExitOK || err != nil || out != "" || !strings.Contains(string(text), "out_file  : "+file) {
		t.Errorf("%d %v %q\n%s", code, err, out, text)
	}
	code, _, errs := shellRun(t, Options{Metas: metas, Command: "use temp; multi_set h a 1 b 2; hash_scan h '' '' -o " + file})
	text, _ = os.ReadFile(file)
	if code != ExitOK || string(text) != "\"h\" : \"a\" => \"1\"\n\"h\" : \"b\" => \"2\"\n" || !strings.HasSuffix(errs, "2 key-value pairs got.\n") {
		t.Errorf("%d %q\n%s", code, text, errs)
	}
	if code, _, errs := shellRun(t, Options{Metas: metas, Command: "ls -o /nosuchdir/x"}); code != ExitFailed || errs == "" {
		t.Error(code, errs)
	}
}

// figures serves two samples a second apart, later ones like the second.
func figures() http.Handler {
	n := 0
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n = min(n+1, 2)
		fmt.Fprintf(w, `{"role":"replica","timestamp_ns":%d,"entities":[
 {"type":"server","id":"server","metrics":[{"name":"resident_mem_usage_mb","value":210},{"name":"rdb_block_cache_mem_usage_bytes","value":3145728}]},
 {"type":"disk","attributes":{"tag":"a"},"metrics":[{"name":"disk_capacity_total_mb","value":100},{"name":"disk_capacity_avail_mb","value":20}]},
 {"type":"disk","attributes":{"tag":"b"},"metrics":[{"name":"disk_capacity_total_mb","value":300},{"name":"disk_capacity_avail_mb","value":180}]},
 {"type":"profiler","attributes":{"task_name":"RPC_RRDB_RRDB_GET"},"metrics":[{"name":"profiler_server_rpc_latency_ns","p99":1270000}]},
 {"type":"profiler","attributes":{"task_name":"RPC_RRDB_RRDB_MULTI_GET"},"metrics":[{"name":"profiler_server_rpc_latency_ns","p99":2000000}]},
 {"type":"replica","attributes":{"table_id":"1","partition_id":"0"},"metrics":[{"name":"get_requests","value":%d},{"name":"rdb_estimated_keys","value":7}]},
 {"type":"replica","attributes":{"table_id":"1","partition_id":"1"},"metrics":[{"name":"get_requests","value":%d},{"name":"rdb_estimated_keys","value":5}]}]}`,
			n*1_000_000_000, n*10, n*5)
	})
}

func TestFiguresComeFromTheServersMetrics(t *testing.T) {
	b := newBench(t)
	b.table("temp", "123", "231")
	for i := range 3 {
		b.fake.HandleHTTP(i, figures())
	}
	got := b.run("nodes -u -q -i 1")
	want := `[details]
address          status    memused_res_mb  block_cache_mb  wbm_total_mb  wbm_mutable_mb  mem_tbl_mb  mem_idx_mb  disk_avl_total_ratio  disk_avl_min_ratio  get_qps  mget_qps  bget_qps  read_cu  put_qps  mput_qps  write_cu  get_p99(ms)  mget_p99(ms)  bget_p99(ms)  put_p99(ms)  mput_p99(ms)
localhost:34801  ALIVE                210               3             0               0           0           0                    50                  20    15.00      0.00      0.00     0.00     0.00      0.00      0.00         1.27          2.00          0.00         0.00          0.00
`
	if !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	b.run("use temp")
	same(t, b.run("count_data"), "[count_data]\npidx       estimate_count  \n0          7.00            \n"+
		"1          5.00            \n(total:2)  12.00           \n")
}

func TestAServerWithoutMetricsFailsOnlyTheCommand(t *testing.T) {
	b := newBench(t)
	b.table("temp", "123")
	if got := b.run("nodes -u"); !strings.Contains(got, "ERROR: ") {
		t.Error(got)
	}
	b.run("use temp")
	if got := b.run("count_data"); !strings.Contains(got, "count precisely with -c") {
		t.Error(got)
	}
	for i := range 3 {
		b.fake.HandleHTTP(i, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"timestamp_ns":1,"entities":[]}`)
		}))
	}
	if got := b.run("count_data"); !strings.Contains(got, "count precisely with -c") {
		t.Error("no estimate is not an estimate of 0:", got)
	}
}

func TestADefectOfACommandDoesNotEndTheShell(t *testing.T) {
	b := newBench(t)
	cl := b.s.cl
	b.s.cl = nil
	if got := b.run("ls"); !strings.Contains(got, "internal error in ls") {
		t.Error(got)
	}
	b.s.cl = cl
}

func TestCompletion(t *testing.T) {
	for line, want := range map[string][]string{
		"mul":        {"multi_set", "multi_get", "multi_get_range", "multi_get_sortkeys", "multi_del", "multi_del_range"},
		"NOD":        {"nodes"},
		"ls --a":     {"ls --all", "ls --app_name_pattern"},
		"ls x":       nil,
		"nosuch --a": nil,
	} {
		if got := complete(line); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}
