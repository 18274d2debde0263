package meta

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The recordings were made where the local time was UTC.
func init() { time.Local = time.UTC }

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// TestRecordedPages loads the recorded tree and compares pages with those the original showed over
// it, byte for byte.
func TestRecordedPages(t *testing.T) {
	dir := vectorsOrSkip(t, "http")
	store, _ := recordedStore(t)
	opts := testOptions(store)
	opts.ClusterRoot = recordedRoot
	opts.Cluster.FDGraceMs = 60_000
	opts.MetaServers, opts.ZooKeeperHosts = []string{"127.0.0.1:34601"}, "127.0.0.1:22181"
	opts.Version, opts.GitCommit = "2.6.0-SNAPSHOT", "db756dcdf24e2af6169659a67548501ed61f106c"
	s, err := Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	eventually(t, 5*time.Second, func() error {
		if !s.Leading() {
			return fmt.Errorf("not leading")
		}
		return nil
	})
	for _, name := range []string{
		"meta_envs_list", "meta_meta", "meta_meta_app", "meta_meta_app_envs_name_shtab", "meta_meta_app_name_nosuch",
		"meta_meta_app_name_shtab", "meta_meta_app_name_shtab_detail", "meta_meta_app_query_bulk_load_name_shtab",
		"meta_meta_apps", "meta_meta_apps_detail", "meta_meta_nodes", "meta_meta_nodes_detail", "meta_nosuch",
		"meta_version", "meta_meta_cluster",
	} {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(dir, name+".txt"))
			if err != nil {
				t.Fatal(err)
			}
			comparePage(t, s, string(data))
		})
	}
}

func comparePage(t *testing.T, s *Server, recorded string) {
	first, rest, _ := strings.Cut(recorded, "\n")
	url := strings.TrimPrefix(strings.TrimSpace(first), "### GET http://127.0.0.1:34601")
	head, want, ok := strings.Cut(strings.ReplaceAll(rest, "\r\n", "\n"), "\n\n")
	if !ok {
		t.Fatal("recording has no body")
	}
	_, length, _ := strings.Cut(head, "Content-Length: ")
	if n, err := strconv.Atoi(strings.TrimSpace(length)); err == nil && n < len(want) {
		want = want[:n]
	}
	resp, got := get(t, "http://"+s.Addr().String()+url)
	if !strings.Contains(head, " "+resp.Status) {
		t.Errorf("status %s, want that of %q", resp.Status, head)
	}
	if ct := resp.Header.Get("Content-Type"); ct != "text/plain" {
		t.Errorf("content type %q", ct)
	}
	if strings.HasSuffix(url, "/meta/cluster") {
		got = strings.Replace(got, s.opts.Name, "localhost:34601", 1)

	}
	if got != want {
		t.Errorf("%s\n got %q\nwant %q", url, got, want)
	}
}

func TestFollowerRedirectsPages(t *testing.T) {
	c := startCluster(t, 2, 0, 0)
	leader := c.leader()
	for _, s := range c.metas {
		if s == leader {
			continue
		}
		want := "http://" + leader.Addr().String() + "/meta/nodes?detail"
		eventually(t, 2*time.Second, func() error {
			resp, _ := get(t, "http://"+s.Addr().String()+"/meta/nodes?detail")
			if resp.StatusCode != http.StatusTemporaryRedirect || resp.Header.Get("Location") != want {
				return fmt.Errorf("%s, Location %q, want %q", resp.Status, resp.Header.Get("Location"), want)
			}
			return nil
		})
	}
	resp, body := get(t, "http://"+leader.Addr().String()+"/meta/app?name=a&name=b")
	if resp.StatusCode != http.StatusBadRequest || !strings.HasPrefix(body, "failed to parse request: ") {
		t.Errorf("a key that stands there twice: %s %q", resp.Status, body)
	}
}

func TestPostSetsEnvironment(t *testing.T) {
	c := startCluster(t, 1, 0, 0)
	url := "http://" + c.leader().Addr().String()
	resp, err := http.Post(url+"/meta/app/usage_scenario", "text/plain", strings.NewReader(`{"app_name":"temp","scenario":"bulk_load"}`))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if want := `{"error":"ERR_OK","hint_message":""}` + "\n"; string(body) != want {
		t.Errorf("got %q, want %q", body, want)
	}
	if _, envs := get(t, url+"/meta/app_envs?name=temp"); envs != `{"rocksdb.usage_scenario":"bulk_load"}`+"\n" {
		t.Errorf("envs: %q", envs)
	}
}
