package replica

import (
	"math"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/replica/admission"
)

// rrdb.md §15: an order by its time against the end of the last compaction, a time of day once a day, and what forbids both.
func TestWhenACompactionIsDue(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.Local)
	ms := func(d time.Duration) int64 { return now.Add(d).UnixMilli() }
	noon := []admission.DayTime{{Hour: 11, Minute: 30}, {Hour: 23, Minute: 0}}
	once := now.Add(-time.Minute).Unix()
	for name, c := range map[string]struct {
		rules      admission.ManualCompact
		finishedMs int64
		due, force bool
	}{
		"nothing ordered":         {admission.ManualCompact{RunningMax: 1}, 0, false, false},
		"once, never done":        {admission.ManualCompact{RunningMax: 1, OnceTriggerTime: once, Once: admission.CompactOptions{ForceBottom: true}}, 0, true, true},
		"once, done before":       {admission.ManualCompact{RunningMax: 1, OnceTriggerTime: once}, ms(-2 * time.Minute), true, false},
		"once, done since":        {admission.ManualCompact{RunningMax: 1, OnceTriggerTime: once}, ms(-time.Second), false, false},
		"once, still to come":     {admission.ManualCompact{RunningMax: 1, OnceTriggerTime: now.Add(time.Minute).Unix()}, 0, false, false},
		"disabled":                {admission.ManualCompact{RunningMax: 1, OnceTriggerTime: once, Disabled: true}, 0, false, false},
		"none at once":            {admission.ManualCompact{RunningMax: 0, OnceTriggerTime: once}, 0, false, false},
		"daily, done yesterday":   {admission.ManualCompact{RunningMax: math.MaxInt32, PeriodicTimes: noon}, ms(-24 * time.Hour), true, false},
		"daily, done today":       {admission.ManualCompact{RunningMax: math.MaxInt32, PeriodicTimes: noon}, ms(-time.Minute), false, false},
		"daily, still to come":    {admission.ManualCompact{RunningMax: math.MaxInt32, PeriodicTimes: noon[1:]}, ms(-24 * time.Hour), false, false},
		"daily, bottom rewritten": {admission.ManualCompact{RunningMax: 1, PeriodicTimes: noon, Periodic: admission.CompactOptions{ForceBottom: true}}, 0, true, true},
		"once comes before daily": {admission.ManualCompact{RunningMax: 1, OnceTriggerTime: once, PeriodicTimes: noon, Periodic: admission.CompactOptions{ForceBottom: true}}, 0, true, false},
	} {
		if due, force := dueCompaction(&c.rules, c.finishedMs, now); due != c.due || force != c.force {
			t.Errorf("%s: due %v, force %v", name, due, force)
		}
	}
}
