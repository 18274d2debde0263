package cluster

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// EnvRule says what values a table's environment key takes.
type EnvRule struct {
	Key     string
	Type    string // as /envs/list prints it
	Limit   string
	Example string
	check   func(value string) string // a hint when the value is wrong
}

// checkedAtCreate are the keys that are looked at when a table is created.
var checkedAtCreate = map[string]bool{"rocksdb.num_levels": true, "rocksdb.write_buffer_size": true}

// CheckEnv returns a hint for people when the pair cannot be set, "" when it can (meta.md 5.12).
func CheckEnv(key, value string) string {
	r, ok := envRules[key]
	if !ok {
		return fmt.Sprintf("app_env '%s' is not supported", key)
	}
	return r.check(value)
}

// EnvRules lists all rules by key.
func EnvRules() []EnvRule {
	var out []EnvRule
	for _, k := range slices.Sorted(maps.Keys(envRules)) {
		out = append(out, envRules[k])
	}
	return out
}

var envRules = makeEnvRules()

func makeEnvRules() map[string]EnvRule {
	const throttle, sample = "<size[K|M]>*<delay|reject>*<milliseconds>", "10000*delay*100,20000*reject*100"
	m := map[string]EnvRule{}
	add := func(key, typ, limit, example string, check func(string) string) {
		m[key] = EnvRule{Key: key, Type: typ, Limit: limit, Example: example, check: check}
	}
	for _, k := range []string{"replica.write_throttling", "replica.write_throttling_by_size", "replica.read_throttling", "replica.backup_request_throttling"} {
		add(k, "string", throttle, sample, checkThrottle)
	}
	add("replica.read_throttling_by_size", "string", "", "20000*delay*100,20000*reject*100", checkTokenBucket)
	for _, k := range []string{"replica.rocksdb_block_cache_enabled", "replica.split.validate_partition_hash", "rocksdb.allow_ingest_behind", "manual_compact.disabled"} {
		add(k, "bool", "true | false", "true", checkBool)
	}
	for _, k := range []string{
		"user_specified_compaction", "business.info", "manual_compact.periodic.trigger_time",
		"replica_access_controller.allowed_users", "replica_access_controller.ranger_policies",
		"duplication.master_cluster", "duplication.master_metas", "duplication.master_app_name", "duplication.follower_app_status",
	} {
		add(k, "string", "", "", func(string) string { return "" })
	}
	integer := func(key string, bits int, limit, example string, ok func(int64) bool) {
		add(key, fmt.Sprintf("unsigned int%d", bits), limit, example, checkInt(bits, limit, ok))
	}
	atLeast := func(n int64) func(int64) bool { return func(v int64) bool { return v >= n } }
	between := func(lo, hi int64) func(int64) bool { return func(v int64) bool { return v >= lo && v <= hi } }
	level := func(v int64) bool { return v == -1 || v >= 1 }
	integer("replica.slow_query_threshold", 64, ">= 20", "1000", atLeast(20))
	integer("replica.rocksdb_iteration_threshold_time_ms", 64, ">= 0", "1000", atLeast(0))
	integer("rocksdb.write_buffer_size", 64, "In range [16777216, 536870912]", "16777216", between(16<<20, 512<<20))
	integer("rocksdb.num_levels", 64, "In range [1, 10]", "6", between(1, 10))
	integer("default_ttl", 32, ">= 0", "86400", atLeast(0))
	integer("rocksdb.checkpoint.reserve_min_count", 32, "> 0", "2", atLeast(1))
	integer("rocksdb.checkpoint.reserve_time_seconds", 32, ">= 0", "3600", atLeast(0))
	integer("manual_compact.max_concurrent_running_count", 32, ">= 0", "8", atLeast(0))
	integer("manual_compact.once.trigger_time", 64, "> 0, timestamp (in seconds) to trigger the once manual compaction", "1700000000", atLeast(0))
	integer("manual_compact.once.target_level", 64, "-1 or >= 1", "6", level)
	integer("manual_compact.periodic.target_level", 64, "-1 or >= 1", "6", level)
	enum := func(key, example string, values ...string) {
		limit := strings.Join(values, " | ")
		add(key, "string", limit, example, func(v string) string {
			if slices.Contains(values, v) {
				return ""
			}
			return limit
		})
	}
	enum("rocksdb.usage_scenario", "normal", "bulk_load", "normal", "prefer_write")
	enum("manual_compact.once.bottommost_level_compaction", "skip", "force", "skip")
	enum("manual_compact.periodic.bottommost_level_compaction", "skip", "force", "skip")
	add("replica.deny_client_request", "string", denyLimit, "timeout*all", checkDeny)
	return m
}

const denyLimit = "timeout*all | timeout*write | timeout*read | reconfig*all | reconfig*write | reconfig*read"

func checkDeny(v string) string {
	if slices.Contains(strings.Split(denyLimit, " | "), v) {
		return ""
	}
	return "Invalid deny client args, valid include: " + denyLimit
}

func checkBool(v string) string {
	if l := strings.ToLower(v); l == "true" || l == "false" {
		return ""
	}
	return fmt.Sprintf("invalid value '%s', should be a boolean", v)
}

func checkInt(bits int, limit string, ok func(int64) bool) func(string) string {
	return func(v string) string {
		n, good := parseInt(v)
		if !good || bits == 32 && (n < math.MinInt32 || n > math.MaxInt32) {
			return fmt.Sprintf("invalid value '%s', should be an %d bits integer", v, bits)
		}
		if !ok(n) {
			return fmt.Sprintf("invalid value '%s', should be '%s'", v, limit)
		}
		return ""
	}
}

// parseInt reads an integer the way the original does: decimal, 0x hexadecimal or 0 octal, with
// leading white space and a sign allowed (rrdb.md 6.8).
func parseInt(v string) (int64, bool) {
	v = strings.TrimLeft(v, " \t\n\v\f\r")
	if strings.ContainsAny(v, "_oObB") && !strings.HasPrefix(strings.TrimLeft(strings.ToLower(v), "+-"), "0x") {
		return 0, false // forms that only Go reads
	}
	n, err := strconv.ParseInt(v, 0, 64)
	return n, err == nil && !strings.Contains(v, "_")
}

// checkThrottle reads "<n[K|M]>*<delay|reject>*<ms>", one of each kind at most.
func checkThrottle(v string) string {
	if v == "" {
		return "the value shouldn't be empty"
	}
	seen := map[string]bool{}
	for item := range strings.SplitSeq(v, ",") {
		parts := strings.Split(item, "*")
		if len(parts) != 3 {
			return fmt.Sprintf("the field count of '%s' separated by '*' must be 3", item)
		}
		if !positiveUnits(parts[0]) {
			return fmt.Sprintf("invalid units '%s', should be a positive number with an optional K or M", parts[0])
		}
		if parts[1] != "delay" && parts[1] != "reject" {
			return fmt.Sprintf("'%s' should be 'delay' or 'reject'", parts[1])
		}
		if seen[parts[1]] {
			return fmt.Sprintf("duplicate '%s' config", parts[1])
		}
		seen[parts[1]] = true
		if n, ok := parseInt(parts[2]); !ok || n < 0 {
			return fmt.Sprintf("invalid milliseconds '%s'", parts[2])
		}
	}
	return ""
}

func positiveUnits(v string) bool {
	if n := len(v); n > 0 && (v[n-1] == 'K' || v[n-1] == 'M') {
		v = v[:n-1]
	}
	n, ok := parseInt(v)
	return ok && n > 0
}

// checkTokenBucket takes the throttling form, or a bare amount.
func checkTokenBucket(v string) string {
	if !strings.Contains(v, "*") && positiveUnits(v) {
		return ""
	}
	if checkThrottle(v) == "" {
		return ""
	}
	return fmt.Sprintf("invalid value '%s', should be like '20000*delay*100,20000*reject*100'", v)
}
