package shell

import (
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/gen-go/base"
)

// cmdCountData counts rows: exactly with -c, by walking the table, else by the servers' estimates.
func cmdCountData(s *session, p *parsed) error {
	if !p.has("precise") {
		if len(p.opts) > 0 {
			fmt.Fprintln(s.errw, "ERROR: this option is for precise counting, see -c")
			return errUsage
		}
		return s.estimateData()
	}
	f, err := tableScanOf(p)
	if err != nil {
		return err
	}
	value, err := filterOption(p, "value", true)
	if err != nil {
		return err
	}
	timeout, err := s.timeoutOption(p)
	if err != nil {
		return err
	}
	batch, err := p.int32("max_batch_count", 500)
	if err != nil || batch <= 0 {
		return fmt.Errorf("invalid max_batch_count param")
	}
	t, err := s.table()
	if err != nil {
		return err
	}
	c := &counting{s: s, t: t, f: f, value: value, timeout: timeout, batch: batch, distinct: p.has("diff_hash_key")}
	return c.run()
}

// counting is one precise count.
type counting struct {
	s        *session
	t        *client.Table
	f        tableScan
	value    textFilter
	timeout  time.Duration
	batch    int32
	distinct bool // count hash keys as well
}

func (c *counting) info(format string, args ...any) {
	fmt.Fprintf(c.s.errw, "INFO: "+format+"\n", args...)
}

func (c *counting) describe() {
	c.info("cluster_name = %s", c.s.cluster)
	c.info("app_name = %s", c.t.Name())
	c.info("partition = %s", c.f.partitionText())
	c.info("max_batch_count = %d", c.batch)
	c.info("timeout_ms = %d", c.timeout.Milliseconds())
	for _, f := range []struct {
		what string
		textFilter
	}{{"hash_key", c.f.hashKey}, {"sort_key", c.f.sortKey}, {"value", c.value}} {
		if f.kind == "" {
			c.info("%s_filter_type = no_filter", f.what)
			continue
		}
		c.info("%s_filter_type = %s", f.what, f.kind)
		c.info("%s_filter_pattern = %s", f.what, c.s.bytes(f.pattern))
	}
	c.info("diff_hash_key = %t", c.distinct)
}

// onServers: the servers can do the counting when nothing has to be looked at here.
func (c *counting) onServers() bool {
	return !c.distinct && c.value.kind == "" && c.f.sortKey.kind != "exact"
}

func (c *counting) run() error {
	c.describe()
	first, last := int32(0), c.t.PartitionCount()
	if c.f.partition >= 0 {
		first, last = c.f.partition, min(c.f.partition+1, last)
	}
	c.info("open app scanner succeed, partition_count = %d", c.t.PartitionCount())
	c.info("prepare scanners succeed, split_count = %d", max(0, last-first))
	began := time.Now()
	var rows, keys int64
	for i := first; i < last; i++ {
		n, k, err := c.partition(i)
		rows, keys = rows+n, keys+k
		if err != nil {
			fmt.Fprintf(c.s.errw, "ERROR: split[%d]: %s\nCount terminated, total %d rows.%s\n", i-first, dataErrorText(err), rows, c.keysText(keys))
			return errTold
		}
		c.info("split[%d]: %d rows%s", i-first, n, c.keysText(k))
	}
	c.info("processed for %d seconds, total %d rows%s", int(time.Since(began).Seconds()), rows, c.keysText(keys))
	fmt.Fprintf(c.s.errw, "Count done, total %d rows.%s\n", rows, c.keysText(keys))
	return nil
}

func (c *counting) keysText(n int64) string {
	if !c.distinct {
		return ""
	}
	return fmt.Sprintf(" (%d hash keys)", n)
}

// partition counts one partition. Its rows come sorted by hash key, so distinct ones are counted by
// comparing neighbours.
func (c *counting) partition(i int32) (rows, keys int64, err error) {
	opts := c.f.options()
	opts.BatchSize = c.batch
	if c.onServers() {
		n, err := c.t.CountPartition(c.s.ctx, i, opts)
		return n, 0, err
	}
	opts.NoValue = c.value.kind == ""
	sc, err := c.t.PartitionScanner(i, opts)
	if err != nil {
		return 0, 0, err
	}
	defer sc.Close()
	last, any := "", false
	for {
		row, ok, err := c.s.nextRow(sc, c.timeout)
		if err != nil || !ok {
			return rows, keys, err
		}
		if !c.f.sortKey.passes(row.SortKey) || !c.value.passes(row.Value) {
			continue
		}
		rows++
		if hk := string(row.HashKey); !any || hk != last {
			keys++
			last, any = hk, true
		}
	}
}

// estimateData sums what primaries believe to hold.
func (s *session) estimateData() error {
	if err := s.needApp(); err != nil {
		return err
	}
	ctx, cancel := s.adminCtx()
	defer cancel()
	cfg, err := s.admin().QueryConfig(ctx, s.app)
	if err != nil {
		fmt.Fprintf(s.out, "query app %s failed, error=%s\n", s.app, codeName(err))
		return errTold
	}
	primaries := map[base.RPCAddress][]int32{}
	for _, c := range cfg.Partitions {
		if a := c.GetPrimary().Val(); a.IsValid() {
			primaries[a] = append(primaries[a], pidxOf(c))
		}
	}
	estimates := make([]float64, cfg.PartitionCount)
	id := itoa(cfg.AppID)
	query := url.Values{"types": {"replica"}, "attributes": {"table_id," + id}, "metrics": {"rdb_estimated_keys"},
		"with_metric_fields": {"name,value"}}
	for _, a := range sortedAddresses(primaries) {
		m, err := fetchMetrics(s.ctx, a.String(), query)
		if err != nil {
			return fmt.Errorf("count_data failed (count precisely with -c): %w", err)
		}
		if !m.has("rdb_estimated_keys") {
			return fmt.Errorf("%s does not estimate, count precisely with -c", a)
		}
		for _, pidx := range primaries[a] {
			estimates[pidx] = m.sum("replica", "rdb_estimated_keys", "value", func(at map[string]string) bool {
				return at["table_id"] == id && at["partition_id"] == strconv.Itoa(int(pidx))
			})
		}
	}
	return s.printEstimates(estimates)
}

func (s *session) printEstimates(estimates []float64) error {
	t := columnTable("count_data", "pidx", "estimate_count")
	var total float64
	for i, n := range estimates {
		t.add(strconv.Itoa(i), decimal2(n))
		total += n
	}
	t.add(fmt.Sprintf("(total:%d)", len(estimates)), decimal2(total))
	return printTable(s.out, t, false)
}
