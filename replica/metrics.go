package replica

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/rrdb"
)

// The metrics page in the original's JSON. Only what is measured here is there.

type entity struct {
	Type       string            `json:"type"`
	ID         string            `json:"id"`
	Attributes map[string]string `json:"attributes"`
	Metrics    []metric          `json:"metrics"`
}

type metric struct {
	Type  string `json:"type,omitempty"`
	Name  string `json:"name"`
	Unit  string `json:"unit,omitempty"`
	Desc  string `json:"desc,omitempty"`
	Value int64  `json:"value"`
}

func counter(name, unit, desc string, v int64) metric { return metric{"Counter", name, unit, desc, v} }
func gauge(name, unit, desc string, v int64) metric   { return metric{"Gauge", name, unit, desc, v} }

// requestMetrics are the upstream names of the requests a partition counts.
var requestMetrics = []struct {
	name string
	ops  []rrdb.Op
}{
	{"get_requests", []rrdb.Op{rrdb.OpGet}},
	{"multi_get_requests", []rrdb.Op{rrdb.OpMultiGet}},
	{"batch_get_requests", []rrdb.Op{rrdb.OpBatchGet}},
	{"scan_requests", []rrdb.Op{rrdb.OpGetScanner, rrdb.OpScan, rrdb.OpSortkeyCount}},
	{"put_requests", []rrdb.Op{rrdb.OpPut}},
	{"multi_put_requests", []rrdb.Op{rrdb.OpMultiPut}},
	{"remove_requests", []rrdb.Op{rrdb.OpRemove}},
	{"multi_remove_requests", []rrdb.Op{rrdb.OpMultiRemove}},
	{"incr_requests", []rrdb.Op{rrdb.OpIncr}},
	{"check_and_set_requests", []rrdb.Op{rrdb.OpCheckAndSet}},
	{"check_and_mutate_requests", []rrdb.Op{rrdb.OpCheckAndMutate}},
	{"dup_requests", []rrdb.Op{rrdb.OpDuplicate}},
}

func (s *Server) pageMetrics(q url.Values) (int, string) {
	if q.Get("format") == "prometheus" {
		return http.StatusOK, s.prometheusText()
	}
	entities := s.entities()
	chosen := entities[:0]
	for _, e := range entities {
		if keep(q.Get("types"), e.Type) && keep(q.Get("ids"), e.ID) && keepAttributes(q.Get("attributes"), e.Attributes) {
			e.Metrics = slices.DeleteFunc(e.Metrics, func(m metric) bool { return !keep(q.Get("metrics"), m.Name) })
			if q.Get("detail") != "true" {
				for i := range e.Metrics {
					e.Metrics[i].Type, e.Metrics[i].Unit, e.Metrics[i].Desc = "", "", ""
				}
			}
			if len(e.Metrics) > 0 {
				chosen = append(chosen, e)
			}
		}
	}
	return http.StatusOK, toJSON(map[string]any{
		"cluster": s.opts.ClusterName, "role": "replica", "host": s.self.Host(), "port": s.self.Port(),
		"timestamp_ns": s.host.Now().UnixNano(), "entities": chosen,
	})
}

// keep reports whether a comma list, when there is one, names v.
func keep(list, v string) bool { return list == "" || slices.Contains(strings.Split(list, ","), v) }

func keepAttributes(list string, attributes map[string]string) bool {
	if list == "" {
		return true
	}
	parts := strings.Split(list, ",")
	for i := 0; i+1 < len(parts); i += 2 {
		if v, ok := attributes[parts[i]]; ok && v == parts[i+1] {
			return true
		}
	}
	return false
}

func (s *Server) entities() []entity {
	out := []entity{s.serverEntity()}
	for _, d := range s.disks.Disks() {
		out = append(out, entity{"disk", "disk@" + d.Tag, map[string]string{"tag": d.Tag, "data_dir": d.Path}, []metric{
			gauge("disk_capacity_total_mb", "MegaBytes", "size of the disk", d.CapacityMB),
			gauge("disk_capacity_avail_mb", "MegaBytes", "space left on the disk", d.AvailableMB),
		}})
	}
	for _, p := range s.partitions() {
		out = append(out, p.entity())
	}
	return out
}

func (s *Server) serverEntity() entity {
	count := map[pacifica.Status]int64{}
	for _, p := range s.partitions() {
		count[p.view.Load().status]++
	}
	s.mu.Lock()
	opening := int64(len(s.opening))
	s.mu.Unlock()
	rowHits, rowMisses, rowBytes := s.engine.RowCacheStats()
	replicas := func(name string, n int64) metric { return gauge(name, "Replicas", "replicas of this node", n) }
	return entity{"server", "server", map[string]string{}, []metric{
		replicas("total_replicas", int64(len(s.partitions()))), replicas("opening_replicas", opening),
		replicas("primary_replicas", count[pacifica.Primary]), replicas("secondary_replicas", count[pacifica.Secondary]),
		replicas("learning_replicas", count[pacifica.Learner]), replicas("inactive_replicas", count[pacifica.Inactive]),
		replicas("error_replicas", count[pacifica.Error]),
		gauge("rdb_block_cache_mem_usage_bytes", "Bytes", "block cache in use", s.engine.BlockCacheUsedBytes()),
		gauge("row_cache_mem_usage_bytes", "Bytes", "row cache in use", rowBytes),
		counter("row_cache_hits", "Rows", "gets answered from the row cache", rowHits),
		counter("row_cache_misses", "Rows", "gets that the row cache did not answer", rowMisses),
		gauge("rdb_wbm_total_mem_usage_bytes", "Bytes", "written and not flushed", s.engine.UnflushedBytes()),
		gauge("network_server_sessions", "Sessions", "connections open", int64(s.rpc.Stats().Conns)),
	}}
}

func (p *partition) entity() entity {
	e := entity{Type: "replica", ID: "replica@" + p.gpid.String(), Attributes: map[string]string{
		"table_id": fmt.Sprint(p.gpid.AppID), "partition_id": fmt.Sprint(p.gpid.PartitionIndex),
	}}
	for _, r := range requestMetrics {
		var n int64
		for _, op := range r.ops {
			n += p.stats.requests[op].Load()
		}
		e.Metrics = append(e.Metrics, counter(r.name, "Requests", "requests answered", n))
	}
	e.Metrics = append(e.Metrics,
		counter("write_size_exceed_threshold_requests", "Requests", "writes refused as too large", p.stats.writeTooLarge.Load()),
		counter("throttling_rejected_requests", "Requests", "requests refused by a throttle", p.stats.throttleRejected.Load()),
		counter("throttling_delayed_requests", "Requests", "requests delayed by a throttle", p.stats.throttleDelayed.Load()),
		counter("learn_lt_cache_responses", "Responses", "learners served from memory", p.stats.learnCache.Load()),
		counter("learn_lt_log_responses", "Responses", "learners served from the log", p.stats.learnLog.Load()),
		counter("learn_lt_app_responses", "Responses", "learners served a checkpoint", p.stats.learnCheckpoint.Load()),
		gauge("private_log_size_mb", "MegaBytes", "size of the private log", p.plog.Bytes()>>20),
	)
	store := p.store.Load()
	if store == nil {
		return e
	}
	if st, err := store.Stats(); err == nil {
		e.Metrics = append(e.Metrics,
			counter("corrupt_writes", "Requests", "writes that could not be decoded", st.CorruptWrites),
			counter("read_expired_values", "Values", "expired rows met by reads", st.ExpiredReads),
			counter("read_filtered_values", "Values", "rows that filters left out", st.FilteredReads),
			counter("abnormal_read_requests", "Requests", "large or slow reads", st.AbnormalReads),
			gauge("rdb_total_sst_files", "Files", "table files", st.DiskFiles),
			gauge("rdb_total_sst_size_mb", "MegaBytes", "size of the table files", st.DiskBytes>>20),
			gauge("rdb_memtable_mem_usage_bytes", "Bytes", "written and not flushed", st.UnflushedBytes),
			gauge("rdb_read_amplification", "Amplification", "levels a read may have to look at", st.ReadAmplification),
		)
	}
	return e
}
