package shell

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// vectors holds transcripts of the original shell; the tests that need them skip where they are
// not.
const vectors = "../../shared/vectors/shell"

// transcript returns what was typed and what was printed between banner and end.
func transcript(t *testing.T, name string) (commands []string, output string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(vectors, name+".txt"))
	if err != nil {
		t.Skip("no recorded transcripts here: ", err)
	}
	head, rest, ok1 := strings.Cut(string(text), "### output:\n")
	_, rest, ok2 := strings.Cut(rest, "The cluster meta list is: 127.0.0.1:34601\n")
	rest, _, ok3 := strings.Cut(rest, "dsn exit with code")
	if !ok1 || !ok2 || !ok3 {
		t.Fatal("transcript of another form")
	}
	lines := strings.Split(strings.TrimSpace(head), "\n")
	return lines[1:], anyTime.ReplaceAllString(rest, "2026-11-22_13:12:26")
}

var (
	decreeLine = regexp.MustCompile(`decree          : \d+`)
	serverLine = regexp.MustCompile(`server( +: |=)localhost:3480\d`)
)

// places hides where rows were served, which the recordings took from another cluster.
func places(text string) string {
	text = decreeLine.ReplaceAllString(text, "decree          : N")
	return serverLine.ReplaceAllString(text, "server${1}NODE")
}

// compare runs the transcript's commands but those in skip, and expects each one's output in its
// turn; nothing may be left over unless something was skipped.
func (b *bench) compare(name string, skip ...string) {
	b.t.Helper()
	commands, want := transcript(b.t, name)
	want = places(want)
	for _, c := range commands {
		if slices.Contains(skip, c) {
			continue
		}
		got := places(b.run(c))
		at := strings.Index(want, got)
		if at < 0 || (at > 0 && len(skip) == 0) {
			b.t.Fatalf("%s: %q printed\n%s\nbut recorded is\n%s", name, c, got, want)
		}
		want = want[at+len(got):]
	}
	if want != "" && len(skip) == 0 {
		b.t.Fatalf("%s: recorded beyond ours:\n%s", name, want)
	}
}

// fillers makes the next table's id what the recording had.
func (b *bench) fillers(n int) {
	for i := range n {
		b.fake.AddTable("filler"+itoa(i), 1)
	}
}

func TestTranscriptsOfDataCommands(t *testing.T) {
	for name, tc := range map[string]struct {
		fillers int
		skip    []string
	}{
		"data_basic":   {4, nil},
		"data_scan":    {2, nil},
		"data_cas":     {4, []string{"check_and_mutate hk -c c1 -t exist -r", "load_mutations", "exit"}},
		"data_binary":  {2, []string{"hash hk sk1", `hash "" ""`}},
		"full_scan_n2": {2, nil},
		"full_scan":    {2, []string{"count_data -c", "count_data -c -a", "count_data -c -d -n 3"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.fillers(tc.fillers)
			b.table("shtab", "123", "321", "231", "132")
			if strings.HasPrefix(name, "full_scan") { // recorded after data_seed
				for _, c := range []string{"use shtab", "set hk sk1 value1", "multi_set sh a 1 b 2 c 3 d 4", "set sh2 x y 500"} {
					b.run(c)
				}
				b.s.app = ""
			}
			b.compare(name, tc.skip...)
		})
	}
}

func TestTranscriptOfApp(t *testing.T) {
	b := newBench(t)
	b.fillers(4)
	b.table("shtab", "123", "321", "231", "132")
	b.compare("app", "app shtab -d -r") // -r resolves every place now, not only one table
}

func TestTranscriptOfHash(t *testing.T) {
	b := newBench(t)
	b.fillers(2)
	b.table("shtab", "321", "321", "231", "321")
	b.compare("data_binary", "set "+`"h\x00\x01" "s\xff" "v\n\t"`, "get "+`"h\x00\x01" "s\xff"`)
}

func TestTranscriptOfLs(t *testing.T) {
	b := newBench(t)
	b.table("stat", "123", "123", "123", "123")
	b.table("temp", "123", "123", "123", "123", "123", "123", "123", "123")
	b.table("vec_recalled", "123", "123", "123", "123")
	b.table("bad name!", "123", "123", "123", "123")
	b.compare("ls", "ls -d", "ls -a -d", "ls -d -j") // the original stumbles over the bad name there
}

func TestTranscriptOfNodes(t *testing.T) {
	b := newBench(t)
	b.compare("nodes", "nodes -d", "nodes -d -j", "nodes -u", "nodes -q", "nodes -d -u -q")
}

func TestTranscriptOfClusterInfo(t *testing.T) {
	b := newBench(t)
	b.fake.ClusterInfo = []string{
		"meta_servers", "127.0.0.1:34601", "primary_meta_server", "localhost:34601",
		"zookeeper_hosts", "127.0.0.1:22181", "zookeeper_root", "/pegasus/onebox/127.0.0.1",
		"meta_function_level", "steady",
		"balance_operation_count", "{\n  \"copy_pri\": 0,\n  \"copy_sec\": 0,\n  \"move_pri\": 0,\n  \"total\": -1\n}",
		"primary_replica_count_stddev", "0.47", "total_replica_count_stddev", "0.00", "cluster_name", "onebox",
	}
	b.compare("cluster_info", "cluster_info -r") // meta_servers is resolved too, if it can be
}

func TestTranscriptOfAppEnvs(t *testing.T) {
	b := newBench(t)
	b.table("shtab", "123")
	_, want := transcript(t, "app_envs")
	for _, c := range []string{
		"use shtab", "get_app_envs", "set_app_envs default_ttl 86400", "set_app_envs nosuch.key 1",
		"set_app_envs replica.write_throttling 10000*delay*100,20000*reject*100",
		"set_app_envs rocksdb.usage_scenario bulk_load", "get_app_envs", "get_app_envs -j",
		"del_app_envs default_ttl", "get_app_envs", "clear_app_envs -a", "get_app_envs",
	} {
		got := b.run(c) // the original's errors came out first: its other stream was buffered
		if !strings.Contains(want, got) {
			t.Errorf("%s printed\n%s", c, got)
		}
		want = strings.Replace(want, got, "", 1)
	}
	if want = strings.TrimSpace(want); !strings.HasPrefix(want, "set app envs failed") || strings.Count(want, "\n") > 0 {
		t.Errorf("left over, beyond the refused value:\n%s", want)
	}
}

func TestTranscriptOfCreateDropRecall(t *testing.T) {
	b := newBench(t)
	b.compare("create",
		"create shtab -p 4 -r 3", // nothing to wait for here: its lines differ
		"create oddparts -p 3 -r 3", "create onepart -p 1", "create envtab -p 4 -e default_ttl=1000",
		"create envbad -p 4 -e nosuch=1", "create atab -p 4 -i", "ls -a",
		"create shtab -p 4 -r 3 -f", "create shtab -p 8")
	b.fake.AddTable("shtab", 4)
	_, want := transcript(t, "create")
	for _, c := range []string{"create shtab -p 4 -r 3", "create shtab -p 4 -r 3 -f", "create shtab -p 8"} {
		if got := b.run(c); !strings.Contains(want, got) {
			t.Errorf("%s printed\n%s", c, got)
		}
	}
	b.table("dr", "123")
	b.table("onepart", "123")
	_, want = transcript(t, "drop_recall")
	for _, c := range []string{"drop dr -r 3600", "drop dr", "recall 9999", "rename onepart onepart2", "rename nosuch x", "use"} {
		if got := b.run(c); !strings.Contains(want, got) {
			t.Errorf("%s printed\n%s", c, got)
		}
	}
}

func TestTranscriptOfAdmin(t *testing.T) {
	b := newBench(t)
	_, want := transcript(t, "admin")
	for _, c := range []string{"get_meta_level", "set_meta_level freezed", "get_meta_level", "set_meta_level steady"} {
		got := b.run(c)
		at := strings.Index(want, got)
		if at < 0 {
			t.Fatalf("%s printed\n%s", c, got)
		}
		want = want[at+len(got):]
	}
	var ours, theirs any
	_, text, _ := strings.Cut(want, "Diagnose ddd done.\n")
	if err := errors.Join(json.Unmarshal([]byte(b.run("flush_log")), &ours), json.Unmarshal([]byte(text), &theirs)); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(ours, theirs) { // the order is that of addresses, which differ
		t.Errorf("flush_log: %v, recorded %v", ours, theirs)
	}
	_, want = transcript(t, "remote_command")
	for _, c := range []string{"remote_command -t replica-server replica.query-decree 1", "remote_command -t meta-server nosuch"} {
		if got := b.run(c); !strings.Contains(want, got) {
			t.Errorf("%s printed\n%s", c, got)
		}
	}
}

// Every command and option of ours that the original has too is spelt as there.
func TestHelpHasTheOriginalOptions(t *testing.T) {
	_, want := transcript(t, "help")
	original := map[string]string{}
	var last string
	for _, line := range strings.Split(want, "\n") {
		name, rest, _ := strings.Cut(strings.TrimPrefix(line, "\t"), " ")
		if name != "" {
			last = name
		}
		original[last] += " " + rest
	}
	flag := regexp.MustCompile(`-[a-z]\|--[a-z_]+`)
	for _, c := range catalogue() {
		theirs, ok := original[c.name]
		if !ok {
			continue
		}
		ours := flag.FindAllString(c.usage, -1)
		for _, f := range flag.FindAllString(theirs, -1) {
			if !slices.Contains(ours, f) && c.name != "count_data" && !(c.name == "remote_command" && strings.HasPrefix(f, "-i")) {
				t.Errorf("%s lacks %s", c.name, f)
			}
		}
	}
}
