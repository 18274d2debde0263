package admission

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Keys of app envs that the replica layer reads.
const (
	EnvDenyClient            = "replica.deny_client_request"
	EnvWriteThrottling       = "replica.write_throttling"
	EnvWriteSizeThrottling   = "replica.write_throttling_by_size"
	EnvReadThrottling        = "replica.read_throttling"
	EnvReadSizeThrottling    = "replica.read_throttling_by_size"
	EnvBackupThrottling      = "replica.backup_request_throttling"
	EnvSlowQueryMs           = "replica.slow_query_threshold"
	EnvIterationMs           = "replica.rocksdb_iteration_threshold_time_ms"
	EnvBlockCache            = "replica.rocksdb_block_cache_enabled"
	EnvValidatePartitionHash = "replica.split.validate_partition_hash"
	EnvDefaultTTL            = "default_ttl"
	EnvUsageScenario         = "rocksdb.usage_scenario"
	EnvCheckpointMinCount    = "rocksdb.checkpoint.reserve_min_count"
	EnvCheckpointSeconds     = "rocksdb.checkpoint.reserve_time_seconds"
	EnvWriteBufferSize       = "rocksdb.write_buffer_size"
	EnvNumLevels             = "rocksdb.num_levels"
	EnvAllowIngestBehind     = "rocksdb.allow_ingest_behind"
	EnvCompactDisabled       = "manual_compact.disabled"
	EnvCompactRunningMax     = "manual_compact.max_concurrent_running_count"
	EnvUserCompaction        = "user_specified_compaction"
	EnvAllowedUsers          = "replica_access_controller.allowed_users"
	EnvRangerPolicies        = "replica_access_controller.ranger_policies"
	EnvDupMasterCluster      = "duplication.master_cluster"
	EnvDupMasterMetas        = "duplication.master_metas"
	EnvDupMasterApp          = "duplication.master_app_name"
	EnvDupFollowerStatus     = "duplication.follower_app_status"

	compactOnce     = "manual_compact.once."
	compactPeriodic = "manual_compact.periodic."
	restorePrefix   = "restore."
)

// Envs is a table's env map, parsed. Fields of envs that are absent or bad have the value that the
// comment gives, or a nil pointer: then the server's configuration decides.
type Envs struct {
	Deny Deny // none

	WriteQPS   WindowLimits // off
	WriteBytes WindowLimits // off; units are body bytes
	ReadQPS    WindowLimits // off
	BackupQPS  WindowLimits // off
	ReadBytes  int64        // bytes per second over the table; 0: off

	SlowQueryMs           *int64
	IterationMs           *int64
	BlockCacheEnabled     bool // true
	ValidatePartitionHash bool // false

	// DefaultTTLSeconds is 0 when absent. DefaultTTLSet tells absent, which leaves a running
	// replica's value alone, from an explicit 0.
	DefaultTTLSeconds int32
	DefaultTTLSet     bool

	UsageScenario            string // "normal"
	CheckpointReserveCount   *int64
	CheckpointReserveSeconds *int64
	WriteBufferBytes         *int64
	NumLevels                *int64
	AllowIngestBehind        bool // false

	ManualCompact  ManualCompact
	UserCompaction string // JSON, "": no rules

	AllowedUsers   []string // nil: everybody
	RangerPolicies string   // JSON, "": unchanged

	DupMasterCluster, DupMasterApp, DupFollowerStatus string
	DupMasterMetas                                    []string

	Restore map[string]string // keys without "restore."; nil: none

	// Problems names the values that did not parse, in the order of their keys.
	Problems []string
}

// ManualCompact is when and how to compact a table by order.
type ManualCompact struct {
	Disabled        bool
	RunningMax      int64 // per node; math.MaxInt32 when absent, 0 or less: none is begun
	OnceTriggerTime int64 // unix seconds; 0: none
	PeriodicTimes   []DayTime
	Once, Periodic  CompactOptions
}

// DayTime is a time of day, local.
type DayTime struct{ Hour, Minute int }

// CompactOptions are how a manual compaction runs.
type CompactOptions struct {
	TargetLevel int64 // -1: the deepest
	ForceBottom bool  // rewrite the bottommost level too
}

const (
	writeBufferBytesMin = 16 << 20
	writeBufferBytesMax = 512 << 20
	numLevelsMax        = 10
	slowQueryMsMin      = 20
	// envListMax bounds comma lists.
	envListMax = 10_000
)

// ParseEnvs reads the full env map of a table.
func ParseEnvs(m map[string]string) Envs {
	p := parser{m: m}
	e := Envs{
		WriteQPS:   p.window(EnvWriteThrottling),
		WriteBytes: p.window(EnvWriteSizeThrottling),
		ReadQPS:    p.window(EnvReadThrottling),
		BackupQPS:  p.window(EnvBackupThrottling),

		SlowQueryMs:           p.int(EnvSlowQueryMs, slowQueryMsMin, math.MaxInt64),
		IterationMs:           p.int(EnvIterationMs, 0, math.MaxInt64),
		BlockCacheEnabled:     p.bool(EnvBlockCache, true),
		ValidatePartitionHash: p.bool(EnvValidatePartitionHash, false),

		UsageScenario:            p.oneOf(EnvUsageScenario, "normal", "prefer_write", "bulk_load"),
		CheckpointReserveCount:   p.int(EnvCheckpointMinCount, 1, math.MaxInt32),
		CheckpointReserveSeconds: p.int(EnvCheckpointSeconds, 0, math.MaxInt32),
		WriteBufferBytes:         p.int(EnvWriteBufferSize, writeBufferBytesMin, writeBufferBytesMax),
		NumLevels:                p.int(EnvNumLevels, 1, numLevelsMax),
		AllowIngestBehind:        p.bool(EnvAllowIngestBehind, false),

		ManualCompact:  p.manualCompact(),
		UserCompaction: m[EnvUserCompaction],
		AllowedUsers:   p.list(EnvAllowedUsers),
		RangerPolicies: m[EnvRangerPolicies],

		DupMasterCluster:  m[EnvDupMasterCluster],
		DupMasterApp:      m[EnvDupMasterApp],
		DupFollowerStatus: m[EnvDupFollowerStatus],
		DupMasterMetas:    p.list(EnvDupMasterMetas),
	}
	if ttl := p.int(EnvDefaultTTL, 0, math.MaxInt32); ttl != nil {
		e.DefaultTTLSeconds, e.DefaultTTLSet = int32(*ttl), true
	}
	if s, ok := m[EnvDenyClient]; ok {
		e.Deny = keep(&p, EnvDenyClient, s, ParseDeny)
	}
	if s, ok := m[EnvReadSizeThrottling]; ok {
		e.ReadBytes = keep(&p, EnvReadSizeThrottling, s, ParseReadBytes)
	}
	for key, value := range m {
		if name, ok := strings.CutPrefix(key, restorePrefix); ok {
			if e.Restore == nil {
				e.Restore = map[string]string{}
			}
			e.Restore[name] = value
		}
	}
	slices.Sort(p.problems)
	e.Problems = p.problems
	return e
}

type parser struct {
	m        map[string]string
	problems []string
}

func (p *parser) bad(key string, err error) {
	p.problems = append(p.problems, fmt.Sprintf("%s = %q: %v", key, p.m[key], err))
}

// keep parses s; what does not parse is a problem and gives the zero value.
func keep[T any](p *parser, key, s string, parse func(string) (T, error)) (v T) {
	parsed, err := parse(s)
	if err != nil {
		p.bad(key, err)
		return v
	}
	return parsed
}

func (p *parser) window(key string) (w WindowLimits) {
	if s, ok := p.m[key]; ok && s != "" {
		return keep(p, key, s, ParseWindow)
	}
	return w
}

func (p *parser) int(key string, lo, hi int64) *int64 {
	s, ok := p.m[key]
	if !ok {
		return nil
	}
	n, err := parseInt(s)
	if err == nil && (n < lo || n > hi) {
		err = fmt.Errorf("not in %d..%d", lo, hi)
	}
	if err != nil {
		p.bad(key, err)
		return nil
	}
	return &n
}

func (p *parser) bool(key string, absent bool) bool {
	s, ok := p.m[key]
	switch {
	case !ok:
		return absent
	case strings.EqualFold(s, "true"):
		return true
	case strings.EqualFold(s, "false"):
		return false
	}
	p.bad(key, fmt.Errorf("neither true nor false"))
	return absent
}

// oneOf gives the first of values when the key is absent or holds none of them.
func (p *parser) oneOf(key string, values ...string) string {
	s, ok := p.m[key]
	if !ok || slices.Contains(values, s) {
		if ok {
			return s
		}
		return values[0]
	}
	p.bad(key, fmt.Errorf("none of %s", strings.Join(values, ", ")))
	return values[0]
}

func (p *parser) list(key string) (items []string) {
	for item := range strings.SplitSeq(p.m[key], ",") {
		if item = strings.TrimSpace(item); item != "" && len(items) < envListMax {
			items = append(items, item)
		}
	}
	return items
}

func (p *parser) manualCompact() ManualCompact {
	c := ManualCompact{
		Disabled:   p.bool(EnvCompactDisabled, false),
		RunningMax: math.MaxInt32,
		Once:       p.compactOptions(compactOnce),
		Periodic:   p.compactOptions(compactPeriodic),
	}
	if n := p.int(EnvCompactRunningMax, math.MinInt32, math.MaxInt32); n != nil {
		c.RunningMax = *n
	}
	if at := p.int(compactOnce+"trigger_time", 1, math.MaxInt64); at != nil {
		c.OnceTriggerTime = *at
	}
	if s, ok := p.m[compactPeriodic+"trigger_time"]; ok {
		c.PeriodicTimes = keep(p, compactPeriodic+"trigger_time", s, parseDayTimes)
	}
	return c
}

func (p *parser) compactOptions(prefix string) CompactOptions {
	o := CompactOptions{TargetLevel: -1, ForceBottom: p.oneOf(prefix+"bottommost_level_compaction", "skip", "force") == "force"}
	if level := p.int(prefix+"target_level", -1, math.MaxInt32); level != nil && *level != 0 {
		o.TargetLevel = *level
	}
	return o
}

// parseDayTimes reads "H:M,H:M".
func parseDayTimes(s string) (times []DayTime, err error) {
	for item := range strings.SplitSeq(s, ",") {
		hour, minute, ok := strings.Cut(strings.TrimSpace(item), ":")
		h, err1 := parseDecimal(hour)
		m, err2 := parseDecimal(minute)
		if !ok || err1 != nil || err2 != nil || h > 23 || m > 59 {
			return nil, fmt.Errorf("%q is not a time of day H:M", item)
		}
		times = append(times, DayTime{int(h), int(m)})
		if len(times) > envListMax {
			return nil, fmt.Errorf("more than %d times", envListMax)
		}
	}
	return times, nil
}
