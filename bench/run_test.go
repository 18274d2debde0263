package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
	"github.com/pegasus-go/pegasus/rpc"
)

// tinyCluster is a meta and the primary of every partition behind one port, with rows in a map: enough of a cluster to see
// what the load generator asks and counts.
type tinyCluster struct {
	server  *rpc.Server
	address base.RPCAddress

	mu       sync.Mutex
	rows     map[string]string
	counters map[string]int64
	asked    map[string]int
	stall    time.Duration // before the next answer to a get; once
}

const tinyPartitions = 4

func startTinyCluster(t *testing.T) *tinyCluster {
	t.Helper()
	c := &tinyCluster{rows: map[string]string{}, counters: map[string]int64{}, asked: map[string]int{}}
	c.server = rpc.NewServer(rpc.ServerOptions{Logger: slog.New(slog.DiscardHandler)})
	c.server.Handle("RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX", func(r *rpc.Request) { r.Reply(c.config()) })
	c.server.Handle("RPC_CM_LIST_NODES", func(r *rpc.Request) {
		ok := base.ErrOK
		r.Reply(&metaadmin.ConfigurationListNodesResponse{Err: &ok, Infos: []*metaadmin.NodeInfo{{Status: metaadmin.NodeStatus_NS_ALIVE, Node: &c.address}}})
	})
	c.server.HandleStorage(c.serve)
	address, err := c.server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.address = address
	go c.server.Serve()
	t.Cleanup(func() { c.server.Close() })
	return c
}

func (c *tinyCluster) config() *layer2.QueryCfgResponse {
	ok := base.ErrOK
	response := &layer2.QueryCfgResponse{Err: &ok, AppID: 7, PartitionCount: tinyPartitions, IsStateful: true}
	for i := range int32(tinyPartitions) {
		response.Partitions = append(response.Partitions, &layer2.PartitionConfiguration{
			Pid: &base.Gpid{AppID: 7, PartitionIndex: i}, Ballot: 3, MaxReplicaCount: 1, Primary: &c.address,
			PartitionFlags: 0,
		})
	}
	return response
}

func (c *tinyCluster) serve(r *rpc.Request) {
	c.mu.Lock()
	c.asked[r.Name]++
	pause := time.Duration(0)
	if r.Name == "RPC_RRDB_RRDB_GET" {
		pause, c.stall = c.stall, 0
	}
	c.mu.Unlock()
	time.Sleep(pause)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch r.Name {
	case "RPC_RRDB_RRDB_GET":
		key := &base.Blob{}
		r.Decode(key)
		value, found := c.rows[string(key.Data)]
		response := &rrdb.ReadResponse{Value: base.BlobOf([]byte(value))}
		if !found {
			response.Error = 1
		}
		r.Reply(response)
	case "RPC_RRDB_RRDB_PUT":
		request := rrdb.NewUpdateRequest()
		r.Decode(request)
		c.rows[string(request.Key.Data)] = string(request.Value.Data)
		r.Reply(&rrdb.UpdateResponse{})
	case "RPC_RRDB_RRDB_MULTI_PUT":
		request := rrdb.NewMultiPutRequest()
		r.Decode(request)
		for _, kv := range request.Kvs {
			c.rows[string(base.AppendKey(nil, request.HashKey.Data, kv.Key.Data))] = string(kv.Value.Data)
		}
		r.Reply(&rrdb.UpdateResponse{})
	case "RPC_RRDB_RRDB_MULTI_GET":
		request := rrdb.NewMultiGetRequest()
		r.Decode(request)
		r.Reply(&rrdb.MultiGetResponse{Kvs: c.under(request.HashKey.Data, int(request.MaxKvCount))})
	case "RPC_RRDB_RRDB_GET_SCANNER":
		request := rrdb.NewGetScannerRequest()
		r.Decode(request)
		hash, _, _ := base.DecodeKey(request.StartKey.Data)
		r.Reply(&rrdb.ScanResponse{Kvs: c.under(hash, int(request.BatchSize)), ContextID: -1})
	case "RPC_RRDB_RRDB_INCR":
		request := rrdb.NewIncrRequest()
		r.Decode(request)
		c.counters[string(request.Key.Data)] += request.Increment
		r.Reply(&rrdb.IncrResponse{NewValue_: c.counters[string(request.Key.Data)]})
	case "RPC_RRDB_RRDB_CHECK_AND_SET":
		request := rrdb.NewCheckAndSetRequest()
		r.Decode(request)
		response := &rrdb.CheckAndSetResponse{}
		if _, found := c.rows[string(base.AppendKey(nil, request.HashKey.Data, request.CheckSortKey.Data))]; !found {
			response.Error = 13
		}
		r.Reply(response)
	default:
		r.ReplyError(base.ErrHandlerNotFound)
	}
}

func (c *tinyCluster) under(hash []byte, most int) []*rrdb.KeyValue {
	var kvs []*rrdb.KeyValue
	l := layout{}
	for member := int64(0); len(kvs) < most; member++ {
		key := l.appendSortKey(nil, member)
		value, found := c.rows[string(base.AppendKey(nil, hash, key))]
		if !found {
			break
		}
		kvs = append(kvs, &rrdb.KeyValue{Key: base.BlobOf(key), Value: base.BlobOf([]byte(value))})
	}
	return kvs
}

func (c *tinyCluster) options(workload string) Options {
	return Options{
		Metas: []string{c.address.String()}, Table: "temp", Dialect: rpc.THFTv1, Workload: workload, ReadShare: 0.5,
		Callers: 8, Connections: 2, Duration: 150 * time.Millisecond, Rows: 500, ValueBytes: 20, Batch: 10, Seed: 1,
	}
}

func TestEveryWorkloadRuns(t *testing.T) {
	for _, w := range workloads {
		t.Run(w.name, func(t *testing.T) {
			c := startTinyCluster(t)
			result, err := Run(context.Background(), c.options(w.name))
			if err != nil {
				t.Fatal(err)
			}
			if result.Operations == 0 || len(result.Errors) > 0 {
				t.Errorf("%d operations, errors %v", result.Operations, result.Errors)
			}
			if result.Load == nil || result.Load.Rows != 500 {
				t.Errorf("loaded %+v, want 500 rows", result.Load)
			}
			if w.distribution != Latest && !w.any(func(k kind) bool { return k == kindInsert }) && result.NotFound > 0 {
				t.Errorf("%d operations met no row although all were loaded", result.NotFound)
			}
			for _, s := range w.mix {
				expected := s.weight * float64(result.Operations) // a slow machine may be too slow for the rare kinds
				if expected > 20 && result.Latency[s.kind.String()].Operations == 0 {
					t.Errorf("no %s among %d operations", s.kind, result.Operations)
				}
			}
			rowsPerOperation := result.RowsPerSecond / result.OpsPerSecond
			if full := !w.lengths && w.any(kind.grouped); full && rowsPerOperation < 9.9 || rowsPerOperation > 10.1 {
				t.Errorf("%.2f rows per operation, want the batch of 10", rowsPerOperation)
			}
		})
	}
}

func TestInFlightChoosesTheConnections(t *testing.T) {
	c := startTinyCluster(t)
	o := c.options("get")
	o.Callers, o.Connections, o.InFlight = 32, 0, 16
	result, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if result.Connections != 2 {
		t.Errorf("%d connections for 32 callers with 16 in flight on each, want 2", result.Connections)
	}
	o.Connections = 3
	if _, err := Run(context.Background(), o); err == nil {
		t.Error("both ways to choose the connections were taken at once")
	}
}

func TestMissesAskForRowsThatDoNotExist(t *testing.T) {
	c := startTinyCluster(t)
	o := c.options("get")
	o.MissShare = 1
	result, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if result.NotFound != result.Operations {
		t.Errorf("%d of %d operations met no row, want all", result.NotFound, result.Operations)
	}
}

// One answer that takes 200 ms makes an open loop's later operations late, and they must say so: with one caller, those that
// were due during the stall waited for its end.
func TestOpenLoopSeesAStall(t *testing.T) {
	c := startTinyCluster(t)
	o := c.options("get")
	o.Callers, o.Connections, o.RatePerSecond, o.Duration, o.SkipLoad = 1, 1, 200, 600*time.Millisecond, true
	c.mu.Lock()
	c.stall = 200 * time.Millisecond
	c.mu.Unlock()
	result, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if l := result.Latency["all"]; l.MaxUs < 190_000 || l.P90Us < 100_000 {
		t.Errorf("p90 %d µs, max %d µs: the operations that waited for the stalled one were not counted", l.P90Us, l.MaxUs)
	}
	if most := int64(result.Seconds*200) + 60; result.Operations > most {
		t.Errorf("%d operations in %.2f s at 200 per second", result.Operations, result.Seconds)
	}
}

func TestServerCostNamesASharedProcess(t *testing.T) {
	c := startTinyCluster(t)
	result, err := Run(context.Background(), c.options("mixed"))
	if err != nil {
		t.Fatal(err)
	}
	if result.Server == nil || result.Server.Note != "" {
		t.Skipf("no CPU time on this system: %+v", result.Server)
	}
	if !result.Server.SharedWithClient || result.Server.Processes != 1 || result.Server.CPUMicrosPerOp == nil {
		t.Errorf("server cost %+v, want that of this one process, shared", result.Server)
	}
	var text, encoded bytes.Buffer
	if err := result.Text(&text); err != nil || !strings.Contains(text.String(), "shared with this client") || !strings.Contains(text.String(), "p999") {
		t.Errorf("report (%v):\n%s", err, text.String())
	}
	if err := json.NewEncoder(&encoded).Encode(result); err != nil || !strings.Contains(encoded.String(), `"ops_per_second"`) {
		t.Errorf("JSON (%v): %s", err, encoded.String())
	}
}

func TestBadOptionsAreNamed(t *testing.T) {
	good := Options{Metas: []string{"127.0.0.1:1"}, Table: "temp", Workload: "get"}
	for want, change := range map[string]func(*Options){
		"meta":         func(o *Options) { o.Metas = nil },
		"table":        func(o *Options) { o.Table = "" },
		"workload":     func(o *Options) { o.Workload = "nonsense" },
		"batch":        func(o *Options) { o.Batch = batchMax + 1 },
		"callers":      func(o *Options) { o.Callers = -1 },
		"value bytes":  func(o *Options) { o.ValueBytes = valueBytesMax + 1 },
		"share":        func(o *Options) { o.MissShare = 1.5 },
		"rate or time": func(o *Options) { o.Duration = -time.Second },
		"zipfian":      func(o *Options) { o.Distribution, o.Rows = Zipfian, zipfRowsMax+1 },
	} {
		o := good
		change(&o)
		if _, err := Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not name the %s", err, want)
		}
	}
}

func TestMetricsAreSummedOverLabels(t *testing.T) {
	sums := map[string]float64{}
	text := "# HELP go_memstats_mallocs_total x\ngo_memstats_mallocs_total 10\nplog_syncs_total{disk=\"a b\"} 3\nplog_syncs_total{disk=\"c\"} 4 1700000000\nother_total 99\n\n{}\n"
	addMetrics(sums, io.LimitReader(strings.NewReader(text), metricsBytesMax))
	if len(sums) != 2 || sums[mallocsMetric] != 10 || sums[syncsMetric] != 7 {
		t.Errorf("sums %v", sums)
	}
}

func TestLatenciesAreWrittenShort(t *testing.T) {
	for us, want := range map[int64]string{7: "7 µs", 999: "999 µs", 1534: "1.53 ms", 37_880: "37.9 ms", 120_000: "120 ms", 2_500_000: "2.50 s"} {
		if got := microseconds(us); got != want {
			t.Errorf("%d µs is written %q, want %q", us, got, want)
		}
	}
}
