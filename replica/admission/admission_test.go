package admission

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/internal/fuzz"
)

func at(seconds float64) time.Time {
	return time.Unix(1_700_000_000, 0).Add(time.Duration(seconds * float64(time.Second)))
}

func TestParseWindow(t *testing.T) {
	for s, want := range map[string]WindowLimits{
		"10000*delay*100":                  {DelayUnits: 10000, DelayMs: 100},
		"20K*reject*0":                     {RejectUnits: 20480},
		"10000*delay*100,20000*reject*100": {10000, 100, 20000, 100},
		"2M*reject*5 , 1M*delay*7":         {1 << 20, 7, 2 << 20, 5},
		"0*delay*100":                      {DelayMs: 100},
		"8796093022207M*reject*1":          {RejectUnits: 8796093022207 << 20, RejectMs: 1},
	} {
		if got, err := ParseWindow(s); err != nil || got != want {
			t.Errorf("%q: %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{
		"", ",", "100", "100*delay", "100*delay*", "*delay*100", "100*delay*100,", "100*delay*100*", "-1*delay*100", "100*delay*-1",
		"100*delay*1,200*delay*2", "1*reject*1,2*reject*2", "100*wait*5", "100k*delay*5", "100G*delay*5", "K*delay*5", "1KK*delay*1",
		"100*Delay*5", "0x10*delay*5", "1.5*delay*5", "9223372036854775808*delay*5", "8796093022208M*delay*1", "1*delay*1,2*reject*2,3*delay*3",
	} {
		if got, err := ParseWindow(s); err == nil {
			t.Errorf("%q gave %+v", s, got)
		}
	}
}

func TestWindowDividesTheTablesLimit(t *testing.T) {
	w := NewWindow(WindowLimits{DelayUnits: 40, DelayMs: 100, RejectUnits: 80, RejectMs: 200}, 8)
	var got []Verdict
	for range 14 { // delay above 40/8+1 = 6, reject above 11
		got = append(got, w.Ask(at(0.9), 1, 0).Verdict)
	}
	want := slices.Concat(slices.Repeat([]Verdict{Pass}, 6), slices.Repeat([]Verdict{Delay}, 5), slices.Repeat([]Verdict{Reject}, 3))
	if !slices.Equal(got, want) {
		t.Fatalf("%v", got)
	}
	if d := w.Ask(at(1.0), 1, 0); d.Verdict != Pass {
		t.Errorf("the next second begins with %v", d)
	}
	if d := w.Ask(at(1.1), 100, 0); d != (Decision{Reject, 200 * time.Millisecond}) {
		t.Errorf("100 units: %v", d)
	}
	if d := w.Ask(at(1.2), 5, 0); d.Verdict != Pass {
		t.Errorf("rejected units count: %v", d)
	}
	if d := w.Ask(at(1.3), 1, 0); d != (Decision{Delay, 100 * time.Millisecond}) {
		t.Errorf("%v", d)
	}
}

func TestWaitIsAtMostHalfTheClientsTimeout(t *testing.T) {
	w := NewWindow(WindowLimits{RejectUnits: 1, RejectMs: 1000}, 1000)
	w.Ask(at(0), 1, 0)
	for timeout, want := range map[int32]time.Duration{0: time.Second, 5000: time.Second, 2000: time.Second, 1000: 500 * time.Millisecond, 1: 0} {
		if d := w.Ask(at(0), 9, timeout); d != (Decision{Reject, want}) {
			t.Errorf("timeout %d ms: %v", timeout, d)
		}
	}
}

func TestLimitOfZeroIsOff(t *testing.T) {
	if NewWindow(WindowLimits{DelayMs: 10, RejectMs: 10}, 4) != nil {
		t.Error("a window without limits")
	}
	w := NewWindow(WindowLimits{RejectUnits: 10}, 1)
	for i := range 11 {
		if d := w.Ask(at(0), 1, 0); d.Verdict != Pass {
			t.Fatalf("request %d: %v", i, d)
		}
	}
	var none *Window
	if d := none.Ask(at(0), math.MaxInt64, 0); d.Verdict != Pass {
		t.Errorf("no window: %v", d)
	}
}

func TestParseReadBytes(t *testing.T) {
	for s, want := range map[string]int64{
		"100": 100, "10K": 10240, "3M": 3 << 20, "5*delay*100,20K*reject*7": 20480, "20*reject*0": 20, "500*delay*100": 0,
	} {
		if got, err := ParseReadBytes(s); err != nil || got != want {
			t.Errorf("%q: %d, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "0", "-5", "x", "10k", "0K", "1*reject", "0*reject*1", "M"} {
		if got, err := ParseReadBytes(s); err == nil {
			t.Errorf("%q gave %d", s, got)
		}
	}
}

func TestBucket(t *testing.T) {
	b := NewBucket(8000, 8) // 1000 bytes per second
	if !b.Available(at(0)) {
		t.Fatal("it begins empty")
	}
	b.Consume(at(0), 600)
	b.Consume(at(0), 900) // two reads had started: borrowed
	if b.Available(at(0.4)) {
		t.Fatal("available at -100")
	}
	if !b.Available(at(0.6)) {
		t.Fatal("not available at +100")
	}
	b.Consume(at(0.6), 1001) // larger than the bucket: ignored
	if !b.Available(at(0.6)) {
		t.Fatal("a consume above the burst was charged")
	}
	b.Available(at(1000)) // full, not more than full
	b.Consume(at(1000), 1000)
	if b.Available(at(1000)) {
		t.Fatal("holds more than its burst")
	}
	if b.Available(at(10)) || !b.Available(at(11)) {
		t.Fatal("a clock that went back must neither fill it nor stop it")
	}
	var none *Bucket
	none.Consume(at(0), 1<<40)
	if !none.Available(at(0)) {
		t.Fatal("no bucket is empty")
	}
}

func TestThrottlesKeepTheirStateWhileTheRuleStays(t *testing.T) {
	envs := map[string]string{EnvWriteThrottling: "1*reject*0", EnvReadSizeThrottling: "100"}
	a := NewThrottles(ParseEnvs(envs), 4, nil)
	a.Write(at(0), 1, 0)
	a.ReadDone(at(0), 25)
	envs["default_ttl"] = "5"
	b := NewThrottles(ParseEnvs(envs), 4, a)
	if d := b.Write(at(0), 1, 0); d.Verdict != Reject {
		t.Errorf("the count is lost: %v", d)
	}
	if b.ReadAllowed(at(0)) {
		t.Error("the bucket is full again")
	}
	c := NewThrottles(ParseEnvs(envs), 8, b)
	if d := c.Write(at(0), 1, 0); d.Verdict != Pass {
		t.Errorf("after a split: %v", d)
	}
	if NewThrottles(ParseEnvs(map[string]string{EnvWriteThrottling: "bad", EnvReadThrottling: ""}), 4, b) != nil {
		t.Error("bad and empty rules are not off")
	}
	var none *Throttles
	if none.Write(at(0), 1, 0).Verdict != Pass || none.Read(at(0), true, 0).Verdict != Pass || !none.ReadAllowed(at(0)) {
		t.Error("no throttles refuse something")
	}
}

func TestWritesPassCountThenSize(t *testing.T) {
	th := NewThrottles(ParseEnvs(map[string]string{
		EnvWriteThrottling: "2*delay*10", EnvWriteSizeThrottling: "1000*reject*20", EnvReadThrottling: "1*reject*1", EnvBackupThrottling: "2*reject*1",
	}), 1, nil)
	for i, want := range []Decision{{}, {Reject, 20 * time.Millisecond}, {}, {Delay, 10 * time.Millisecond}} {
		bytes := []int64{10, 2000, 10, 10}[i]
		if d := th.Write(at(0), bytes, 0); d != want {
			t.Errorf("write %d: %v", i, d)
		}
	}
	var got []Verdict
	for range 3 {
		got = append(got, th.Read(at(0), false, 0).Verdict, th.Read(at(0), true, 0).Verdict)
	}
	if want := []Verdict{Pass, Pass, Pass, Pass, Reject, Pass}; !slices.Equal(got, want) {
		t.Errorf("reads and backup reads: %v", got)
	}
}

func TestDeny(t *testing.T) {
	for s, want := range map[string][2]DenyAction{ // write, read
		"timeout*all": {DenyTimeout, DenyTimeout}, "timeout*write": {DenyTimeout, DenyNone}, "timeout*read": {DenyNone, DenyTimeout},
		"reconfig*all": {DenyReconfig, DenyReconfig}, "reconfig*write": {DenyReconfig, DenyNone}, "reconfig*read": {DenyNone, DenyReconfig},
	} {
		d, err := ParseDeny(s)
		if err != nil || d.Decide(true) != want[0] || d.Decide(false) != want[1] {
			t.Errorf("%q: %+v, %v", s, d, err)
		}
	}
	for _, s := range []string{"", "timeout", "*all", "timeout*", "timeout*all*", "deny*all", "timeout*ALL", "reconfig*writes", " timeout*all"} {
		if d, err := ParseDeny(s); err == nil || d != (Deny{}) {
			t.Errorf("%q gave %+v, %v", s, d, err)
		}
	}
}

func TestParseInt(t *testing.T) {
	for s, want := range map[string]int64{
		"0": 0, "12": 12, " 12": 12, "\t-7": -7, "+5": 5, "0x1F": 31, "0Xff": 255, "-0x10": -16, "010": 8, "-010": -8, "00": 0,
		"9223372036854775807": math.MaxInt64, "-9223372036854775808": math.MinInt64,
	} {
		if got, err := parseInt(s); err != nil || got != want {
			t.Errorf("%q: %d, %v", s, got, err)
		}
	}
	for _, s := range []string{"", " ", "-", "0x", "08", "12 ", "1_000", "0b1", "1.0", "--1", "-+1", "0x-1", "9223372036854775808", "abc", "1\x00"} {
		if got, err := parseInt(s); err == nil {
			t.Errorf("%q gave %d", s, got)
		}
	}
}

func TestParseEnvs(t *testing.T) {
	e := ParseEnvs(nil)
	if len(e.Problems) != 0 || !e.BlockCacheEnabled || e.UsageScenario != "normal" || e.DefaultTTLSet || e.AllowedUsers != nil ||
		e.ManualCompact.RunningMax != math.MaxInt32 || e.ManualCompact.Once.TargetLevel != -1 || e.Restore != nil {
		t.Fatalf("no envs: %+v", e)
	}
	e = ParseEnvs(map[string]string{
		"default_ttl": "0x10", "replica.split.validate_partition_hash": "TRUE", "replica.rocksdb_block_cache_enabled": "False",
		"rocksdb.usage_scenario": "bulk_load", "replica.slow_query_threshold": "20", "rocksdb.write_buffer_size": "16777216",
		"manual_compact.once.trigger_time": "1700000000", "manual_compact.once.target_level": "2",
		"manual_compact.once.bottommost_level_compaction": "force", "manual_compact.periodic.trigger_time": "3:05,23:59",
		"replica_access_controller.allowed_users": "a, b,,c", "duplication.master_metas": "h1:1,h2:2", "restore.backup_id": "7",
		"replica.deny_client_request": "reconfig*write", "business.info": "x", "unknown": "y",
	})
	if len(e.Problems) != 0 || e.DefaultTTLSeconds != 16 || !e.DefaultTTLSet || !e.ValidatePartitionHash || e.BlockCacheEnabled ||
		e.UsageScenario != "bulk_load" || *e.SlowQueryMs != 20 || *e.WriteBufferBytes != 16<<20 || e.Restore["backup_id"] != "7" ||
		!slices.Equal(e.AllowedUsers, []string{"a", "b", "c"}) || len(e.DupMasterMetas) != 2 || e.Deny.Decide(true) != DenyReconfig {
		t.Fatalf("%+v", e)
	}
	c := e.ManualCompact
	if c.OnceTriggerTime != 1700000000 || c.Once != (CompactOptions{2, true}) || c.Periodic != (CompactOptions{TargetLevel: -1}) ||
		!slices.Equal(c.PeriodicTimes, []DayTime{{3, 5}, {23, 59}}) {
		t.Fatalf("%+v", c)
	}
}

func TestBadEnvsCountAsAbsentAndAreNamed(t *testing.T) {
	bad := map[string]string{
		"default_ttl": "-1", "replica.split.validate_partition_hash": "yes", "replica.rocksdb_block_cache_enabled": "",
		"rocksdb.usage_scenario": "fast", "replica.slow_query_threshold": "19", "rocksdb.write_buffer_size": "1", "rocksdb.num_levels": "11",
		"manual_compact.once.trigger_time": "0", "manual_compact.periodic.trigger_time": "24:00", "replica.write_throttling": "5",
		"replica.read_throttling_by_size": "0", "replica.deny_client_request": "all", "rocksdb.checkpoint.reserve_min_count": "0",
		"manual_compact.once.bottommost_level_compaction": "maybe",
	}
	e := ParseEnvs(bad)
	if len(e.Problems) != len(bad) {
		t.Fatalf("%d problems:\n%s", len(e.Problems), strings.Join(e.Problems, "\n"))
	}
	for key := range bad {
		if !slices.ContainsFunc(e.Problems, func(p string) bool { return strings.HasPrefix(p, key+" = ") }) {
			t.Errorf("%s is not named", key)
		}
	}
	e.Problems = nil
	if got, want := fmt.Sprintf("%+v", e), fmt.Sprintf("%+v", ParseEnvs(nil)); got != want {
		t.Errorf("bad values left a trace:\n%s\n%s", got, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"10000*delay*100,20000*reject*100", "10K", "timeout*all", "0x1F", "3:05,23:59"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if w, err := ParseWindow(s); err == nil && (w.DelayUnits < 0 || w.RejectUnits < 0 || w.DelayMs < 0 || w.RejectMs < 0) {
			t.Fatalf("%q: %+v", s, w)
		}
		if n, err := ParseReadBytes(s); err == nil && n < 0 {
			t.Fatalf("%q: %d", s, n)
		}
		_, _ = ParseDeny(s)
		_, _ = parseInt(s)
		_, _ = parseDayTimes(s)
	})
}

// FuzzEnvs gives any two envs to a table: what does not parse leaves no trace, and the limits that come
// of the rest can be asked.
func FuzzEnvs(f *testing.F) {
	for _, key := range []string{EnvWriteThrottling, EnvReadThrottling, EnvSlowQueryMs, EnvUsageScenario, EnvNumLevels, "manual_compact.periodic.trigger_time"} {
		f.Add(key, "10*delay*100", "replica.deny_client_request", "reconfig*all")
		f.Add(key, "5", "default_ttl", "-1")
	}
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2 string) {
		m := map[string]string{k1: v1, k2: v2}
		var e Envs
		fuzz.Bounded(t, len(k1)+len(v1)+len(k2)+len(v2), func() { e = ParseEnvs(m) })
		bad := slices.Clone(e.Problems)
		for _, p := range bad {
			key, _, _ := strings.Cut(p, " = ")
			delete(m, key)
		}
		again := ParseEnvs(m)
		e.Problems, again.Problems = nil, nil
		if !reflect.DeepEqual(e, again) {
			got, want := fmt.Sprintf("%+v", e), fmt.Sprintf("%+v", again)
			t.Fatalf("%v left a trace:\n%s\n%s", bad, got, want)
		}
		th := NewThrottles(e, 8, nil)
		now := time.Unix(1000, 0)
		for range 3 {
			if d := th.Write(now, 100, 1000); d.Wait < 0 || d.Wait > time.Second {
				t.Fatalf("%q: %+v", m, d)
			}
			if d := th.Read(now, false, 1000); d.Wait < 0 || d.Wait > time.Second {
				t.Fatalf("%q: %+v", m, d)
			}
			th.ReadDone(now, 1<<20)
			th.ReadAllowed(now)
		}
	})
}
