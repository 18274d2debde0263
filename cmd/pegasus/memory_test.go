package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/pegasus-go/pegasus/conf"
	"github.com/pegasus-go/pegasus/internal/memory"
)

func replicaConf(t *testing.T, text string) *conf.Config {
	t.Helper()
	c, err := conf.Parse("test.toml", "[apps.replica]\n[meta_server]\nserver_list = '127.0.0.1:34601'\n"+text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMemoryFollowsTheTotal(t *testing.T) {
	c := replicaConf(t, "[pegasus.server]\nmemory_bytes_max = 1073741824\n[replication]\nwrite_bytes_waiting_max = 20971520\n")
	b, source, err := planMemory(c)
	if err != nil {
		t.Fatal(err)
	}
	o, err := replicaOptions(c, &b, nil)
	if err != nil {
		t.Fatal(err)
	}
	if b.Total != 1<<30 || !strings.Contains(source, "memory_bytes_max") || o.Memory != b {
		t.Errorf("total %d from %s", b.Total, source)
	}
	if o.WriteBytesWaitingMax != 20<<20 || o.Engine.BlockCacheBytes != b.BlockCache || o.Engine.MemtableBudgetBytes != b.Memtables || o.Engine.MemtableBytesMax != b.Memtable ||
		int64(o.RPC.InFlightBytesTotalMax) != b.InFlight || int64(o.RPC.InBufferBytesTotalMax) != b.InBuffers || int64(o.RPC.OutBufferBytesTotalMax) != b.OutBuffers {
		t.Errorf("options %+v do not follow %+v", o, b)
	}
	if n := o.FileCopy.RequestsMax; n < copyRequestsMin || int64(n*o.FileCopy.BlockBytes) > b.FileCopies {
		t.Errorf("%d blocks of %d bytes may be copied at once, of %d bytes", n, o.FileCopy.BlockBytes, b.FileCopies)
	}
}

func TestMemoryOfTheMachine(t *testing.T) {
	machine, _, err := memory.Machine()
	if err != nil {
		t.Fatal(err)
	}
	b, source, err := planMemory(replicaConf(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	if want := max(machine/2, memory.TotalBytesMin); b.Total != want || !strings.Contains(source, "of the") {
		t.Errorf("%d from %s, want %d", b.Total, source, want)
	}
	if n := oneboxMemory(3); n != max(machine*memory.OneboxPercent/100/3, memory.TotalBytesMin) {
		t.Errorf("a server of a onebox has %d", n)
	}
}

func TestPartsThatAreTooLargeStopTheStart(t *testing.T) {
	c := replicaConf(t, "[pegasus.server]\nmemory_bytes_max = 1073741824\nrocksdb_block_cache_capacity = 1073741824\n")
	_, err := startReplica(c, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "rocksdb_block_cache_capacity") || !strings.Contains(err.Error(), "memory_bytes_max") {
		t.Errorf("%v", err)
	}
}

func TestMemoryIsToldAtTheStart(t *testing.T) {
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	c := replicaConf(t, "[pegasus.server]\nmemory_bytes_max = 1073741824\ngc_percent = 123\n")
	b, source, err := planMemory(c)
	if err != nil {
		t.Fatal(err)
	}
	before := memory.Now()
	var log bytes.Buffer
	release := claimMemory(c, &b, source, slog.New(slog.NewTextHandler(&log, nil)))
	if now := memory.Now(); now.GoLimit != b.GoLimit || now.GCPercent != 123 {
		t.Errorf("the runtime has a limit of %d and %d %%", now.GoLimit, now.GCPercent)
	}
	release()
	if now := memory.Now(); now.GoLimit != before.GoLimit || now.GCPercent != before.GCPercent {
		t.Errorf("after the end the runtime has a limit of %d and %d %%, before %d and %d %%", now.GoLimit, now.GCPercent, before.GoLimit, before.GCPercent)
	}
	for _, want := range []string{"1024 MiB", "memory_bytes_max", "block cache", "writes waiting", "headroom", "soft limit of Go", "gc_percent=123"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q: %s", want, log.String())
		}
	}
}
