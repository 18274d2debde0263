package shell

import (
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/gen-go/utils"
)

var nodeStatuses = map[string]metaadmin.NodeStatus{
	"all":     metaadmin.NodeStatus_NS_INVALID,
	"alive":   metaadmin.NodeStatus_NS_ALIVE,
	"unalive": metaadmin.NodeStatus_NS_UNALIVE,
}

// nodeRow is one replica server on its way into the table.
type nodeRow struct {
	addr               base.RPCAddress
	name               string
	alive              bool
	primary, secondary int
	cells              []string // figures of -u and -q
}

// cmdNodes lists the replica servers.
func cmdNodes(s *session, p *parsed) error {
	status, ok := nodeStatuses[p.str("status", "all")]
	if !ok {
		return fmt.Errorf("parse %s as node_status failed", p.str("status", ""))
	}
	rows, err := s.nodeRows(status, p.has("resolve_ip"))
	if err != nil {
		fmt.Fprintf(s.out, "list nodes failed, error=%s\n", codeName(err))
		return errTold
	}
	details := columnTable("details", "address", "status")
	if p.has("detailed") {
		details.right("replica_count", "primary_count", "secondary_count")
		if err := s.countReplicas(rows); err != nil {
			return err
		}
	}
	if err := s.nodeFigures(p, details, rows); err != nil {
		return err
	}
	tables := nodeTables(p, details, rows)
	return s.output(p, func(w io.Writer) error { return printTables(w, tables, p.has("json")) })
}

func (s *session) nodeRows(status metaadmin.NodeStatus, resolve bool) ([]*nodeRow, error) {
	ctx, cancel := s.adminCtx()
	defer cancel()
	nodes, err := s.admin().ListNodes(ctx, status)
	if err != nil {
		return nil, err
	}
	var rows []*nodeRow
	for _, n := range nodes {
		r := &nodeRow{addr: n.GetNode().Val(), name: infoText(n), alive: n.Status == metaadmin.NodeStatus_NS_ALIVE}
		if resolve {
			r.name = otherName(s.ctx, r.name)
		}
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b *nodeRow) int { return compareAddresses(a.addr, b.addr) })
	return rows, nil
}

// countReplicas goes through the configuration of every available table.
func (s *session) countReplicas(rows []*nodeRow) error {
	apps, err := s.listApps(layer2.AppStatus_AS_AVAILABLE, "", utils.PatternMatchType_PMT_MATCH_ALL)
	if err != nil {
		fmt.Fprintf(s.out, "list apps failed, error=%s\n", codeName(err))
		return errTold
	}
	byAddr := map[base.RPCAddress]*nodeRow{}
	for _, r := range rows {
		byAddr[r.addr] = r
	}
	for _, a := range apps {
		cfg, err := s.config(a.AppName)
		if err != nil {
			fmt.Fprintf(s.out, "list app %s failed, error=%s\n", a.AppName, codeName(err))
			return errTold
		}
		if cfg == nil {
			continue
		}
		for _, c := range cfg.Partitions {
			if r := byAddr[c.GetPrimary().Val()]; r != nil {
				r.primary++
			}
			for _, sec := range c.Secondaries {
				if r := byAddr[sec.Val()]; r != nil {
					r.secondary++
				}
			}
		}
	}
	return nil
}

func nodeTables(p *parsed, details *table, rows []*nodeRow) []*table {
	alive := 0
	for _, r := range rows {
		status := "UNALIVE"
		if r.alive {
			status = "ALIVE"
			alive++
		}
		cells := []string{r.name, status}
		if p.has("detailed") {
			cells = append(cells, itoa(r.primary+r.secondary), itoa(r.primary), itoa(r.secondary))
		}
		details.add(append(cells, r.cells...)...)
	}
	summary := pairTable("summary")
	summary.add("total_node_count", itoa(len(rows)))
	summary.add("alive_node_count", itoa(alive))
	summary.add("unalive_node_count", itoa(len(rows)-alive))
	tables := []*table{details, summary}
	if p.has("status") || p.has("output") {
		params := pairTable("parameters")
		if p.has("status") {
			params.add("status", p.str("status", ""))
		}
		if p.has("output") {
			params.add("out_file", p.str("output", ""))
		}
		tables = append([]*table{params}, tables...)
	}
	return tables
}

// Figures of -u in table order, each with its entity, metric and divisor; the ratios come after.
var usageFigures = []struct {
	title, entity, metric string
	divisor               float64
}{
	{"memused_res_mb", "server", "resident_mem_usage_mb", 1},
	{"block_cache_mb", "server", "rdb_block_cache_mem_usage_bytes", 1 << 20},
	{"wbm_total_mb", "server", "rdb_wbm_total_mem_usage_bytes", 1 << 20},
	{"wbm_mutable_mb", "server", "rdb_wbm_mutable_mem_usage_bytes", 1 << 20},
	{"mem_tbl_mb", "replica", "rdb_memtable_mem_usage_bytes", 1 << 20},
	{"mem_idx_mb", "replica", "rdb_index_and_filter_blocks_mem_usage_bytes", 1 << 20},
}

// Figures of -q: rates of counters, then percentiles of RPC latencies.
var (
	rateTitles  = []string{"get_qps", "mget_qps", "bget_qps", "read_cu", "put_qps", "mput_qps", "write_cu"}
	rateMetrics = []string{"get_requests", "multi_get_requests", "batch_get_requests", "read_capacity_units",
		"put_requests", "multi_put_requests", "write_capacity_units"}
	p99Titles = []string{"get_p99(ms)", "mget_p99(ms)", "bget_p99(ms)", "put_p99(ms)", "mput_p99(ms)"}
	p99Tasks  = []string{"GET", "MULTI_GET", "BATCH_GET", "PUT", "MULTI_PUT"}
)

// nodeFigures fills the columns of -u and -q from the servers' metrics. A metric that a server does
// not have counts as 0; an unreachable server fails the command.
func (s *session) nodeFigures(p *parsed, details *table, rows []*nodeRow) error {
	usage, qps := p.has("resource_usage"), p.has("qps")
	if !usage && !qps {
		return nil
	}
	interval, err := sampleInterval(p)
	if err != nil {
		return err
	}
	var live []*nodeRow
	var addrs []string
	for _, r := range rows {
		if r.alive {
			live, addrs = append(live, r), append(addrs, r.addr.String())
		}
	}
	query := url.Values{"types": {"server,replica,disk,profiler"}, "with_metric_fields": {"name,value,p99"}}
	after, err := fetchAll(s.ctx, addrs, query)
	before := after
	if err == nil && qps {
		select {
		case <-s.ctx.Done():
			return s.ctx.Err()
		case <-time.After(interval):
		}
		after, err = fetchAll(s.ctx, addrs, query)
	}
	if err != nil {
		return err
	}
	for i, r := range live {
		if usage {
			r.cells = append(r.cells, usageCells(after[i])...)
		}
		if qps {
			r.cells = append(r.cells, qpsCells(before[i], after[i])...)
		}
	}
	addFigureTitles(details, rows, usage, qps)
	return nil
}

// addFigureTitles also gives dead servers their empty figures.
func addFigureTitles(details *table, rows []*nodeRow, usage, qps bool) {
	var titles []string
	if usage {
		for _, f := range usageFigures {
			titles = append(titles, f.title)
		}
		titles = append(titles, "disk_avl_total_ratio", "disk_avl_min_ratio")
	}
	if qps {
		titles = append(append(titles, rateTitles...), p99Titles...)
	}
	details.right(titles...)
	for _, r := range rows {
		for len(r.cells) < len(titles) {
			r.cells = append(r.cells, "0")
		}
	}
}

func usageCells(m *sample) []string {
	var cells []string
	for _, f := range usageFigures {
		cells = append(cells, strconv.FormatInt(int64(m.sum(f.entity, f.metric, "value", nil)/f.divisor), 10))
	}
	var total, avail float64
	lowest := 100.0
	for _, e := range m.Entities {
		if e.Type != "disk" {
			continue
		}
		tag := e.Attributes["tag"]
		same := func(a map[string]string) bool { return a["tag"] == tag }
		t := m.sum("disk", "disk_capacity_total_mb", "value", same)
		a := m.sum("disk", "disk_capacity_avail_mb", "value", same)
		total, avail = total+t, avail+a
		lowest = min(lowest, percent(a, t))
	}
	if total == 0 {
		lowest = 0
	}
	return append(cells, strconv.FormatInt(int64(percent(avail, total)), 10), strconv.FormatInt(int64(lowest), 10))
}

func percent(part, whole float64) float64 {
	if whole <= 0 {
		return 0
	}
	return 100 * part / whole
}

func qpsCells(before, after *sample) []string {
	var cells []string
	for _, metric := range rateMetrics {
		cells = append(cells, decimal2(rate(before, after, metric)))
	}
	for _, task := range p99Tasks {
		ns := after.sum("profiler", "profiler_server_rpc_latency_ns", "p99", func(a map[string]string) bool {
			return strings.TrimPrefix(a["task_name"], "RPC_RRDB_RRDB_") == task
		})
		cells = append(cells, decimal2(ns/1e6))
	}
	return cells
}
