package main

import (
	"fmt"
	"net/http"
	"net/http/pprof"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/pegasus-go/pegasus/conf"
)

// pagesOf serves the paths that belong to the process and not to a role: its configuration, its profile, and the metrics of
// the Go runtime for Prometheus. The roles ask it for paths they do not know themselves.
func pagesOf(c *conf.Config) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/config", func(w http.ResponseWriter, r *http.Request) {
		writeText(w, c.ConfigJSON(r.URL.Query().Get("name")))
	})
	mux.HandleFunc("/configs", func(w http.ResponseWriter, _ *http.Request) { writeText(w, c.ConfigsJSON()) })
	mux.HandleFunc("/updateConfig", func(w http.ResponseWriter, r *http.Request) { writeText(w, updateConfig(c, r)) })
	mux.HandleFunc("/pprof/profile", pprof.Profile)
	mux.HandleFunc("/pprof/trace", pprof.Trace)
	mux.HandleFunc("/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/pprof/", func(w http.ResponseWriter, r *http.Request) {
		pprof.Handler(strings.TrimPrefix(r.URL.Path, "/pprof/")).ServeHTTP(w, r) // heap, goroutine, allocs, block, mutex, threadcreate
	})
	mux.Handle("/metrics", promhttp.Handler())
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, "service not found for %q", strings.Trim(r.URL.Path, "/"))
	})
	return mux
}

// writeText answers as upstream does: JSON that is called plain text.
func writeText(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "text/plain")
	_, _ = w.Write(body) // a client that went away needs no answer
}

// updateConfig refuses to change what the running servers took at their start and do not look at again: a change that seems to
// succeed and does nothing is worse than none.
func updateConfig(c *conf.Config, r *http.Request) []byte {
	query := r.URL.Query()
	if len(query) == 1 {
		for name := range query {
			if entry, known := c.Lookup(name); known && entry.Mutable {
				return fmt.Appendf(nil, `{"update_status":"ERR_INVALID_PARAMETERS: %s cannot be changed while the server runs: set it in the file and restart"}`, name)
			}
		}
	}
	pairs := map[string]string{}
	for name := range query {
		pairs[name] = query.Get(name)
	}
	return c.UpdateJSON(pairs)
}
