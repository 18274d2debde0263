package main

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pegasus-go/pegasus/conf"
	"github.com/pegasus-go/pegasus/internal/memory"
)

func TestPagesOfTheProcess(t *testing.T) {
	pages := pagesOf(conf.Default(conf.RoleReplica))
	for _, example := range []struct {
		path   string
		status int
		want   string
	}{
		{"/config?name=fd_grace_seconds", 200, `"section":"replication","type":"FV_INT32"`},
		{"/config?name=nonsense", 200, "ERR_OBJECT_NOT_FOUND"},
		{"/configs", 200, `"plog_sync":{`},
		{"/updateConfig?fd_grace_seconds=9", 200, "is not mutable"},
		{"/updateConfig?max_allowed_replica_count=4", 200, "restart"},
		{"/updateConfig?a=1&b=2", 200, "exactly one"},
		{"/metrics", 200, "go_memstats_mallocs_total"},
		{"/pprof/goroutine?debug=1", 200, "goroutine profile"},
		{"/nonsense", 404, `service not found for "nonsense"`},
	} {
		answer := httptest.NewRecorder()
		pages.ServeHTTP(answer, httptest.NewRequest("GET", example.path, nil))
		if answer.Code != example.status || !strings.Contains(answer.Body.String(), example.want) {
			t.Errorf("GET %s: %d %.200s, want %d with %q", example.path, answer.Code, answer.Body, example.status, example.want)
		}
	}
}

// Every role is made from the files that are shipped as examples.
func TestShippedConfigurationsBecomeOptions(t *testing.T) {
	c, err := conf.Load("../../conf/meta.toml")
	if err != nil {
		t.Fatal(err)
	}
	meta, err := metaOptions(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if meta.Listen != "0.0.0.0:34601" || len(meta.DefaultApps) != 2 || meta.DefaultApps[1].PartitionCount != 8 || meta.SendHostPort != "never" {
		t.Errorf("meta options %+v", meta)
	}
	if c, err = conf.Load("../../conf/replica.toml"); err != nil {
		t.Fatal(err)
	}
	replica, err := replicaOptions(c, &memory.Budget{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if replica.Listen != "0.0.0.0:34801" || replica.WriteBytesMax != 1<<20 || len(replica.Metas) == 0 {
		t.Errorf("replica options %+v", replica)
	}
	if grace, lease := meta.Cluster.FDGraceMs, replica.Lease.Milliseconds(); grace <= lease {
		t.Errorf("a server may serve for %d ms and is replaced after %d", lease, grace)
	}
}

func TestZeroMeansNoLimit(t *testing.T) {
	c, err := conf.Parse("test.toml", "[apps.replica]\n[meta_server]\nserver_list = '127.0.0.1:34601'\n[replication]\nmax_allowed_write_size = 0\n"+
		"log_private_reserve_max_size_mb = 0\nplog_sync = 'none'\n[pegasus.server]\nrocksdb_iteration_threshold_time_ms = 0\nsweep_period_seconds = 0\n")
	if err != nil {
		t.Fatal(err)
	}
	o, err := replicaOptions(c, &memory.Budget{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if o.WriteBytesMax >= 0 || o.Plog.ReserveBytesMax >= 0 || o.Engine.IterationTimeMs >= 0 || o.Engine.SweepPeriod >= 0 {
		t.Errorf("a zero became a default: %d %d %d %v", o.WriteBytesMax, o.Plog.ReserveBytesMax, o.Engine.IterationTimeMs, o.Engine.SweepPeriod)
	}
}

func TestListenAndToldAddresses(t *testing.T) {
	c := conf.Default(conf.RoleMeta)
	c.Network.ExplicitHostAddress = "10.1.2.3"
	if got, err := toldAddress(c, c.AppsMeta); err != nil || got != "10.1.2.3:34601" {
		t.Errorf("told address %s (%v)", got, err)
	}
	c.Network.ExplicitHostAddress, c.Network.PrimaryInterface = "", "no-such-interface"
	if _, err := toldAddress(c, c.AppsMeta); err == nil || !strings.Contains(err.Error(), "no-such-interface") {
		t.Errorf("error %v does not name the interface", err)
	}
	c.Network.PrimaryInterface = ""
	if got, err := toldAddress(c, c.AppsMeta); err != nil || !strings.HasSuffix(got, ":34601") || strings.HasPrefix(got, "0.0.0.0") {
		t.Errorf("told address %s (%v)", got, err)
	}
	c.Network.ListenHost = "127.0.0.1"
	if got := listenAddress(c, c.AppsMeta); got != "127.0.0.1:34601" {
		t.Errorf("listen address %s", got)
	}
}
