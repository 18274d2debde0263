package meta

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/pegasus-go/pegasus/meta/cluster"
)

// page is one HTTP path. Pages of the leader are redirected there by followers.
type page struct {
	help   string
	leader bool
	serve  func(q url.Values, r *http.Request) (status int, body string)
}

func (s *Server) pages() map[string]page {
	return map[string]page{
		"version": {help: "Get the server version.", serve: func(url.Values, *http.Request) (int, string) {
			return http.StatusOK, object(row("Version", s.opts.Version), row("GitCommit", s.opts.GitCommit)) + "\n"
		}},
		"recentStartTime": {help: "Get the server start time.", serve: func(url.Values, *http.Request) (int, string) {
			return http.StatusOK, object(row("RecentStartTime", time.UnixMilli(s.startMs).Format("2006-01-02 15:04:05"))) + "\n"
		}},
		"envs/list": {help: "List all available table environments.", serve: listEnvRules},

		"meta/app":      {help: "name=<app_name>[&detail]. Query app info.", leader: true, serve: s.pageApp},
		"meta/apps":     {help: "[detail]. List all apps in the cluster.", leader: true, serve: s.pageApps},
		"meta/nodes":    {help: "[detail]. Query the replica servers info.", leader: true, serve: s.pageNodes},
		"meta/cluster":  {help: "Query the cluster info.", leader: true, serve: s.pageCluster},
		"meta/app_envs": {help: "name=<app_name>. Query app environments.", leader: true, serve: s.pageAppEnvs},
		"meta/backup_policy": {help: "name=<app_name1>&name=<app_name2>. Query backup policy by policy names.", leader: true,
			serve: func(url.Values, *http.Request) (int, string) {
				return http.StatusNotFound, "cold_backup_disabled"
			}},
		"meta/app/duplication": {help: "name=<app_name>. Query app duplication info.", leader: true,
			serve: func(url.Values, *http.Request) (int, string) {
				return http.StatusNotFound, "duplication is not enabled [FLAGS_duplication_enabled=false]"
			}},
		"meta/app/query_bulk_load": {help: "name=<app_name>. Query app bulk load info.", leader: true, serve: s.pageQueryBulkLoad},
		"meta/app/start_compaction": {help: "A JSON format of manual_compaction_info structure. Start compaction for an app.",
			leader: true, serve: s.pageStartCompaction},
		"meta/app/usage_scenario": {help: "A JSON format of usage_scenario_info structure. Update usage scenario of an app.",
			leader: true, serve: s.pageUsageScenario},
	}
}

// httpHandler serves the pages of a meta; what it does not know goes to the fallback, if there is
// one.
func (s *Server) httpHandler() http.Handler {
	pages := s.pages()
	pages[""] = page{help: "List all supported calls.", serve: func(url.Values, *http.Request) (int, string) {
		help := map[string]string{}
		for path, p := range pages {
			help["/"+path] = p.help
		}
		return http.StatusOK, compactJSON(help) + "\n"
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.Trim(r.URL.Path, "/")
		p, ok := pages[path]
		if !ok && s.opts.HTTPFallback != nil {
			s.opts.HTTPFallback.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		if !ok {
			write404(w, fmt.Sprintf("service not found for %q", path))
			return
		}
		q, err := parseQuery(r.URL.RawQuery)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, "failed to parse request: %v", err)
			return
		}
		if p.leader && !s.Leading() {
			s.redirect(w, r)
			return
		}
		status, body := p.serve(q, r)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // a client that went away needs no answer
	})
}

func write404(w http.ResponseWriter, body string) {
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write([]byte(body))
}

// redirect sends the caller to the leader.
func (s *Server) redirect(w http.ResponseWriter, r *http.Request) {
	leader, name := s.leader()
	if !leader.IsValid() || leader == s.self {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("no meta server leads at the moment"))
		return
	}
	w.Header().Set("Location", "http://"+name+r.URL.RequestURI())
	w.WriteHeader(http.StatusTemporaryRedirect)
}

// parseQuery reads "k=v&flag"; a key that stands there twice is an error.
func parseQuery(raw string) (url.Values, error) {
	q, err := url.ParseQuery(raw)
	if err != nil {
		return nil, err
	}
	for k, v := range q {
		if len(v) > 1 {
			return nil, fmt.Errorf("duplicate key: %s", k)
		}
	}
	return q, nil
}

// only tells whether q has no other keys than these.
func only(q url.Values, keys ...string) bool {
	left := len(q)
	for _, k := range keys {
		if q.Has(k) {
			left--
		}
	}
	return left == 0
}

var errNotLeading = errors.New(notLeading)

// read runs f on the core, or says that this meta lost leadership just now.
func (s *Server) read(f func(core *cluster.State) (int, string)) (status int, body string) {
	status, body = http.StatusServiceUnavailable, errNotLeading.Error()
	s.withCore(func(_ int64, core *cluster.State) { status, body = f(core) })
	return status, body
}

func listEnvRules(url.Values, *http.Request) (int, string) {
	out := map[string]map[string]string{}
	for _, r := range cluster.EnvRules() {
		out[r.Key] = map[string]string{"limitation": r.Limit, "sample": r.Example, "type": r.Type}
	}
	return http.StatusOK, prettyJSON(out)
}
