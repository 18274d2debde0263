package replica

import (
	"math"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/replica/admission"
)

// rrdb.md §15: an order by its time against the end of the last compaction, a time of day once a day, what forbids both, and the pause after the last.
func TestWhenACompactionIsDue(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.Local)
	ms := func(d time.Duration) int64 { return now.Add(d).UnixMilli() }
	noon := []admission.DayTime{{Hour: 11, Minute: 30}, {Hour: 23, Minute: 0}}
	once := now.Add(-time.Minute).Unix()
	for name, c := range map[string]struct {
		rules      admission.ManualCompact
		finishedMs int64
		due, force bool
		pause      time.Duration
	}{
		"nothing ordered":         {admission.ManualCompact{RunningMax: 1}, 0, false, false, 0},
		"once, never done":        {admission.ManualCompact{RunningMax: 1, OnceTriggerTime: once, Once: admission.CompactOptions{ForceBottom: true}}, 0, true, true, 0},
		"once, done before":       {admission.ManualCompact{RunningMax: 1, OnceTriggerTime: once}, ms(-2 * time.Minute), true, false, 0},
		"once, done since":        {admission.ManualCompact{RunningMax: 1, OnceTriggerTime: once}, ms(-time.Second), false, false, 0},
		"once, still to come":     {admission.ManualCompact{RunningMax: 1, OnceTriggerTime: now.Add(time.Minute).Unix()}, 0, false, false, 0},
		"disabled":                {admission.ManualCompact{RunningMax: 1, OnceTriggerTime: once, Disabled: true}, 0, false, false, 0},
		"none at once":            {admission.ManualCompact{RunningMax: 0, OnceTriggerTime: once}, 0, false, false, 0},
		"daily, done yesterday":   {admission.ManualCompact{RunningMax: math.MaxInt32, PeriodicTimes: noon}, ms(-24 * time.Hour), true, false, 0},
		"daily, done today":       {admission.ManualCompact{RunningMax: math.MaxInt32, PeriodicTimes: noon}, ms(-time.Minute), false, false, 0},
		"daily, still to come":    {admission.ManualCompact{RunningMax: math.MaxInt32, PeriodicTimes: noon[1:]}, ms(-24 * time.Hour), false, false, 0},
		"daily, bottom rewritten": {admission.ManualCompact{RunningMax: 1, PeriodicTimes: noon, Periodic: admission.CompactOptions{ForceBottom: true}}, 0, true, true, 0},
		"once comes before daily": {admission.ManualCompact{RunningMax: 1, OnceTriggerTime: once, PeriodicTimes: noon, Periodic: admission.CompactOptions{ForceBottom: true}}, 0, true, false, 0},
		"pause not over":          {admission.ManualCompact{RunningMax: 1, OnceTriggerTime: once}, ms(-2 * time.Minute), false, false, 2 * time.Minute},
		"pause over":              {admission.ManualCompact{RunningMax: 1, OnceTriggerTime: once}, ms(-2 * time.Minute), true, false, 2*time.Minute - 1},
		"no pause before a first": {admission.ManualCompact{RunningMax: 1, OnceTriggerTime: once}, 0, true, false, math.MaxInt64},
	} {
		if due, force := dueCompaction(&c.rules, c.finishedMs, now, c.pause); due != c.due || force != c.force {
			t.Errorf("%s: due %v, force %v", name, due, force)
		}
	}
}
