package replica

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// page is one HTTP path: what it takes, and what it answers.
type page struct {
	help  string
	serve func(q url.Values) (status int, body string)
}

func (s *Server) pages() map[string]page {
	return map[string]page{
		"version": {"Gets the server version.", func(url.Values) (int, string) {
			return http.StatusOK, toJSON(struct{ Version, GitCommit string }{s.opts.Version, s.opts.GitCommit})
		}},
		"recentStartTime": {"Gets the server start time.", func(url.Values) (int, string) {
			return http.StatusOK, toJSON(map[string]string{"RecentStartTime": time.UnixMilli(s.startUnixMs).Format("2006-01-02 15:04:05")})
		}},
		"memory":  {"Gets what the parts of the server's memory may hold and hold now.", s.pageMemory},
		"metrics": {"[with_metric_fields=field1,...][&types=...][&ids=...][&attributes=attr1,value1,...][&metrics=...][&detail=true|false]. Queries the node metrics.", s.pageMetrics},
		"replica/data_version": {"app_id=<app_id>. Gets the data version of a table's replicas.", func(q url.Values) (int, string) {
			return s.perReplica(q, "app_id", func(list []*partition) any {
				out := map[string]map[string]string{}
				for _, p := range list {
					out[strconv.Itoa(int(p.gpid.PartitionIndex))] = map[string]string{"data_version": "1"}
				}
				return out
			})
		}},
		"replica/manual_compaction": {"app_id=<app_id>. Gets the states of a table's manual compaction.", func(q url.Values) (int, string) {
			return s.perReplica(q, "app_id", func(list []*partition) any {
				return map[string]any{"status": compactionCounts(list)}
			})
		}},
		"replica/duplication": {"appid=<appid>. Gets the progress of a table's duplications.", func(q url.Values) (int, string) {
			id, err := strconv.ParseInt(q.Get("appid"), 10, 32)
			if err != nil {
				return http.StatusBadRequest, fmt.Sprintf("invalid appid=%s", q.Get("appid"))
			}
			return http.StatusNotFound, fmt.Sprintf("no duplication assigned for app [appid=%d]", id)
		}},
	}
}

// perReplica renders something about a table's replicas on this node.
func (s *Server) perReplica(q url.Values, key string, render func([]*partition) any) (int, string) {
	id, err := strconv.ParseInt(q.Get(key), 10, 32)
	if err != nil {
		return http.StatusBadRequest, fmt.Sprintf("invalid %s=%s", key, q.Get(key))
	}
	var list []*partition
	for _, p := range s.partitions() {
		if p.gpid.AppID == int32(id) {
			list = append(list, p)
		}
	}
	if len(list) == 0 {
		return http.StatusNotFound, fmt.Sprintf("app_id=%d not found", id)
	}
	return http.StatusOK, strings.TrimSuffix(toJSON(render(list)), "\n")
}

func toJSON(v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf(`{"error_message":%q}`, err.Error())
	}
	return string(out) + "\n"
}

// httpHandler serves the pages; what it does not know goes to the fallback.
func (s *Server) httpHandler() http.Handler {
	pages := s.pages()
	pages[""] = page{"List all supported calls.", func(url.Values) (int, string) {
		help := map[string]string{}
		for path, p := range pages {
			help["/"+path] = p.help
		}
		return http.StatusOK, toJSON(help)
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.Trim(r.URL.Path, "/")
		p, ok := pages[path]
		if !ok && s.opts.HTTPFallback != nil {
			s.opts.HTTPFallback.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		status, body := http.StatusNotFound, fmt.Sprintf("service not found for %q", path)
		if ok {
			if q, err := url.ParseQuery(r.URL.RawQuery); err != nil {
				status, body = http.StatusBadRequest, "failed to parse request: "+err.Error()
			} else {
				status, body = p.serve(q)
			}
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // a client that went away needs no answer
	})
}
