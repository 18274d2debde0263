package rrdb

import (
	"sync/atomic"
	"time"
)

// App envs that the data layer obeys (rrdb.md §12). default_ttl is not among them: it travels in
// the mutation, so that all replicas apply the same one.
const (
	EnvSlowQueryMs   = "replica.slow_query_threshold"
	EnvIterationMs   = "replica.rocksdb_iteration_threshold_time_ms"
	EnvUsageScenario = "rocksdb.usage_scenario"
)

// slowQueryMsMin is the smallest slow_query_threshold that is taken.
const slowQueryMsMin = 20

// Usage scenarios. They are recorded and reported; the engine needs no different options for them.
const (
	ScenarioNormal      = "normal"
	ScenarioPreferWrite = "prefer_write"
	ScenarioBulkLoad    = "bulk_load"
)

type envValues struct {
	iterationTime time.Duration // 0 none
	slowQuery     time.Duration // 0 none
	scenario      string
}

func (e *Engine) defaultEnvs() *envValues {
	return &envValues{
		iterationTime: time.Duration(max(e.opts.IterationTimeMs, 0)) * time.Millisecond,
		slowQuery:     time.Duration(max(e.opts.SlowQueryMs, 0)) * time.Millisecond,
		scenario:      ScenarioNormal,
	}
}

// SetEnvs takes the full map of the table's envs. An absent key means the configured default; a
// value that cannot be is logged and counts as absent. Unknown keys belong to others.
func (s *Store) SetEnvs(envs map[string]string) {
	v := s.engine.defaultEnvs()
	if ms, ok := s.envInt(envs, EnvSlowQueryMs, slowQueryMsMin); ok {
		v.slowQuery = time.Duration(ms) * time.Millisecond
	}
	if ms, ok := s.envInt(envs, EnvIterationMs, 0); ok {
		v.iterationTime = time.Duration(ms) * time.Millisecond
	}
	switch scenario, ok := envs[EnvUsageScenario]; {
	case scenario == ScenarioNormal, scenario == ScenarioPreferWrite, scenario == ScenarioBulkLoad:
		v.scenario = scenario
	case ok:
		s.log.Warn("env refused", "key", EnvUsageScenario, "value", scenario)
	}
	s.envs.Store(v)
}

// envDurationMsMax keeps a duration in milliseconds from overflowing.
const envDurationMsMax = 1 << 40

func (s *Store) envInt(envs map[string]string, key string, min int64) (int64, bool) {
	text, ok := envs[key]
	if !ok {
		return 0, false
	}
	n, ok := parseInt64([]byte(text))
	if !ok || n < min || n > envDurationMsMax {
		s.log.Warn("env refused", "key", key, "value", text)
		return 0, false
	}
	return n, true
}

// UsageScenario is the scenario in force, for query_app_envs.
func (s *Store) UsageScenario() string { return s.envs.Load().scenario }

// counters are a store's own metrics (rrdb.md §11.4); requests and latencies are counted above.
type counters struct {
	corruptWrites atomic.Int64
	expiredReads  atomic.Int64
	filteredReads atomic.Int64
	abnormalReads atomic.Int64
	sweptRows     atomic.Int64
	stalledWrites atomic.Int64
}

// Stats is a snapshot of a store's metrics.
type Stats struct {
	CorruptWrites      int64 // corrupt_writes
	ExpiredReads       int64 // read_expired_values
	FilteredReads      int64 // read_filtered_values
	AbnormalReads      int64 // abnormal_read_requests
	SweptRows          int64 // expired rows reclaimed
	ScanContexts       int64
	UnflushedBytes     int64
	DiskBytes          int64 // rdb_total_sst_size_mb, in bytes
	DiskFiles          int64 // rdb_total_sst_files
	ReadAmplification  int64
	CompactionsRunning int64
	EstimatedDebtBytes int64
}

// Stats reads the metrics. It takes the engine's lock: not for every request.
func (s *Store) Stats() (Stats, error) {
	if err := s.enter("stats"); err != nil {
		return Stats{}, err
	}
	defer s.life.RUnlock()
	m := s.db.Metrics()
	total := m.Total()
	return Stats{
		CorruptWrites:      s.stats.corruptWrites.Load(),
		ExpiredReads:       s.stats.expiredReads.Load(),
		FilteredReads:      s.stats.filteredReads.Load(),
		AbnormalReads:      s.stats.abnormalReads.Load(),
		SweptRows:          s.stats.sweptRows.Load(),
		ScanContexts:       int64(s.scans.len()),
		UnflushedBytes:     s.unflushed.Load(),
		DiskBytes:          int64(m.DiskSpaceUsage()),
		DiskFiles:          total.TablesCount,
		ReadAmplification:  int64(m.ReadAmp()),
		CompactionsRunning: m.Compact.NumInProgress,
		EstimatedDebtBytes: int64(m.Compact.EstimatedDebt),
	}, nil
}
