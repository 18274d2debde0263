package meta

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

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/command"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/internal/fuzz"
	"github.com/pegasus-go/pegasus/rpc"
	"github.com/pegasus-go/pegasus/zkmeta"
)

// startForFuzz starts one meta that leads and tells its panics.
func startForFuzz(f *testing.F) (*Server, *fuzz.Panics) {
	p := &fuzz.Panics{}
	store, err := zkmeta.OpenEmbedded(f.TempDir(), zkmeta.EmbeddedOptions{Logger: quiet()})
	if err != nil {
		f.Fatal(err)
	}
	o := testOptions(store)
	o.Logger = slog.New(p)
	s, err := Start(o)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		s.Close()
		store.Close()
	})
	eventually(f, 10*time.Second, func() error {
		if !s.Leading() {
			return errors.New("not leading")
		}
		return nil
	})
	return s, p
}

// FuzzRequests sends any body to any of a meta's calls: each is answered, none ends the term.
func FuzzRequests(f *testing.F) {
	add := func(name string, body []byte) {
		for i, h := range handled {
			if h == name {
				f.Add(uint8(i), body)
			}
		}
	}
	for i := range handled {
		f.Add(uint8(i), []byte{0x0C, 0, 1, 0, 0})
	}
	pid := base.Gpid{AppID: 1}
	add("RPC_CM_CREATE_APP", rpc.AppendValue(nil, 1, &metaadmin.ConfigurationCreateAppRequest{AppName: "x", Options: &metaadmin.CreateAppOptions{PartitionCount: 4, ReplicaCount: 3, AppType: "pegasus", IsStateful: true}}))
	add("RPC_CM_UPDATE_PARTITION_CONFIGURATION", rpc.AppendValue(nil, 1, &metaadmin.ConfigurationUpdateRequest{Info: layer2.NewAppInfo(), Config: &layer2.PartitionConfiguration{Pid: &pid, Ballot: 1}}))
	add("RPC_CM_UPDATE_PARTITION_CONFIGURATION", rpc.AppendValue(nil, 1, &metaadmin.ConfigurationUpdateRequest{}))
	add("RPC_CM_UPDATE_APP_ENV", rpc.AppendValue(nil, 1, &metaadmin.ConfigurationUpdateAppEnvRequest{AppName: "temp", Keys: []string{"default_ttl"}, Values: []string{"5"}}))
	add("RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX", rpc.AppendValue(nil, 1, &layer2.QueryCfgRequest{AppName: "temp", PartitionIndices: []int32{-1, 5, 1 << 30}}))
	add("RPC_CM_PROPOSE_BALANCER", rpc.AppendValue(nil, 1, &metaadmin.ConfigurationBalancerRequest{Gpid: &pid, ActionList: []*metaadmin.ConfigurationProposalAction{{}, nil}}))
	add("RPC_CM_CONFIG_SYNC", rpc.AppendValue(nil, 1, &metaadmin.ConfigurationQueryByNodeRequest{Node: base.AddressOf(1, 1).Ptr()}))
	s, logged := startForFuzz(f)
	pool := rpc.NewPool(rpc.PoolOptions{Logger: quiet()})
	f.Cleanup(func() { pool.Close() })
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		name := handled[int(which)%len(handled)]
		if name == "RPC_CM_START_RECOVERY" || name == "RPC_CLI_CLI_CALL" {
			return // asks other servers; FuzzCommands
		}
		term := s.term.Load()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_, err := pool.CallBytes(ctx, s.Addr(), rpc.Call{Name: name, TimeoutMs: 20000, Body: body})
		if errors.Is(err, base.ErrTimeout) || errors.Is(err, base.ErrHandlerNotFound) || errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("%s of %x: %v", name, body, err)
		}
		logged.Check(t, name, body)
		if s.term.Load() != term || !s.Leading() {
			t.Fatalf("%s of %x ended the term", name, body)
		}
	})
}

// FuzzCommands gives any arguments to any remote command.
func FuzzCommands(f *testing.F) {
	s, logged := startForFuzz(f)
	pool := rpc.NewPool(rpc.PoolOptions{Logger: quiet()})
	f.Cleanup(func() { pool.Close() })
	run := func(t testing.TB, name string, args []string) string {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		b, err := pool.CallBytes(ctx, s.Addr(), rpc.Call{Name: "RPC_CLI_CLI_CALL", TimeoutMs: 20000, Body: rpc.AppendValue(nil, 0, &command.Command{Cmd: name, Arguments: args})})
		if err != nil {
			t.Fatalf("%q %q: %v", name, args, err)
		}
		text, _, err := rpc.ReadString(b)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for _, line := range strings.Split(strings.TrimSpace(run(f, "help", nil)), "\n") {
		name, _, _ := strings.Cut(line, " - ")
		name, _, _ = strings.Cut(name, "|")
		for _, args := range []string{"", "true", "5", "-1", "get", "set 1.2.3.4:5", "1.0 2 x", "DEFAULT"} {
			f.Add(name, args)
		}
	}
	f.Fuzz(func(t *testing.T, name, args string) {
		text := run(t, name, strings.Fields(args))
		if strings.Contains(text, "failed: ") && strings.Contains(text, "goroutine ") {
			t.Fatalf("%q %q: %s", name, args, text)
		}
		logged.Check(t, name, args)
		if !s.Leading() {
			t.Fatalf("%q %q ended the term", name, args)
		}
	})
}

// FuzzPages asks for any page with any query, and posts any body.
func FuzzPages(f *testing.F) {
	for _, p := range []string{"/", "/meta/apps?detail", "/meta/app?name=temp&detail", "/meta/nodes", "/metrics?types=server&ids=%zz", "/meta/app_envs?name=x", "/envs/list", "/version", "/meta/cluster", "/meta/backup_policy?name=a&name=b"} {
		f.Add(p, []byte{})
	}
	f.Add("/meta/app/start_bulk_load", []byte(`{"app_name":"temp","cluster_name":"c","file_provider_type":"local"}`))
	s, logged := startForFuzz(f)
	h := s.httpHandler()
	f.Fuzz(func(t *testing.T, target string, body []byte) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		r := &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{}, Body: http.NoBody, Host: "x"}
		if len(body) > 0 {
			r = httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(body)))
			r.URL = u
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code < 200 || w.Code > 599 || w.Body.Len() > 1<<20 {
			t.Fatalf("%s: status %d, %d bytes", target, w.Code, w.Body.Len())
		}
		logged.Check(t, target, body)
	})
}
