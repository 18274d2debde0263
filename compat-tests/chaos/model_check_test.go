//go:build linux

package chaos

import (
	"testing"
	"time"
)

// op makes a record that lasts from one moment to another.
func op(kind, value, expect, outcome, output string, passed bool, start, end int64) record {
	return record{Op: kind, Key: "k", Value: value, Expect: expect, Outcome: outcome, Output: output, Passed: passed, Start: start, End: end}
}

func TestCheckerTellsGoodFromBad(t *testing.T) {
	set := func(v, outcome string, start, end int64) record {
		return op("set", v, "", outcome, "", false, start, end)
	}
	get := func(v string, start, end int64) record { return op("get", "", "", ok, v, false, start, end) }
	for name, c := range map[string]struct {
		good bool
		list []record
	}{
		"a read of the last write":               {true, []record{set("a", ok, 1, 2), get("a", 3, 4)}},
		"a lost write":                           {false, []record{set("a", ok, 1, 2), get("", 3, 4)}},
		"a stale read":                           {false, []record{set("a", ok, 1, 2), set("b", ok, 3, 4), get("a", 5, 6)}},
		"a write in doubt that came late":        {true, []record{set("a", unknown, 1, 2), get("", 3, 4), get("a", 5, 6)}},
		"a write in doubt that came and went":    {false, []record{set("a", unknown, 1, 2), get("a", 3, 4), get("", 5, 6)}},
		"a refused write that was executed":      {false, []record{set("a", refused, 1, 2), get("a", 3, 4)}},
		"a removal":                              {true, []record{set("a", ok, 1, 2), op("del", "", "", ok, "", false, 3, 4), get("", 5, 6)}},
		"a removal undone":                       {false, []record{set("a", ok, 1, 2), op("del", "", "", ok, "", false, 3, 4), get("a", 5, 6)}},
		"a condition that held":                  {true, []record{set("a", ok, 1, 2), op("cas", "b", "a", ok, "a", true, 3, 4), get("b", 5, 6)}},
		"a condition that can't have held":       {false, []record{set("a", ok, 1, 2), op("cas", "b", "c", ok, "", true, 3, 4)}},
		"two winners":                            {false, []record{op("cas", "a", "", ok, "", true, 1, 9), op("cas", "b", "", ok, "", true, 1, 9)}},
		"counting":                               {true, []record{op("incr", "2", "", ok, "2", false, 1, 2), op("incr", "3", "", ok, "5", false, 3, 4)}},
		"counted twice":                          {false, []record{op("incr", "2", "", ok, "2", false, 1, 2), op("incr", "3", "", ok, "8", false, 3, 4)}},
		"counted in doubt":                       {true, []record{op("incr", "2", "", unknown, "", false, 1, 2), op("incr", "3", "", ok, "5", false, 3, 4)}},
		"overlapping writes in either order":     {true, []record{set("a", ok, 1, 9), set("b", ok, 1, 9), get("b", 10, 11), get("b", 12, 13)}},
		"overlapping writes in both orders":      {false, []record{set("a", ok, 1, 9), set("b", ok, 1, 9), get("b", 10, 11), get("a", 12, 13)}},
		"a condition in doubt seen by the next":  {true, []record{op("cas", "a", "", unknown, "", false, 1, 2), op("cas", "b", "a", ok, "a", true, 3, 4)}},
		"a failed read and a doubt nobody met":   {true, []record{op("get", "", "", failed, "", false, 1, 2), set("z", unknown, 1, 2), get("", 3, 4)}},
		"a failed condition tells what it found": {false, []record{set("a", ok, 1, 2), op("cas", "b", "x", ok, "y", false, 3, 4)}},
	} {
		result := check(map[string][]record{"k": c.list}, t.TempDir(), time.Minute)
		if good := len(result.Problems) == 0; good != c.good {
			t.Errorf("%s: judged good: %v", name, good)
		}
	}
}

func TestLostAndInventedRowsAreFound(t *testing.T) {
	row := func(key, outcome string) record {
		return record{Op: "row", Key: key, Outcome: outcome}
	}
	list := []record{row("1", ok), row("2", unknown), row("3", unknown)}
	for name, c := range map[string]struct {
		found    map[string]string
		problems int
	}{
		"all":                 {map[string]string{"1": rowIntact, "2": rowIntact, "3": rowIntact}, 0},
		"those in doubt gone": {map[string]string{"1": rowIntact}, 0},
		"one lost":            {map[string]string{"2": rowIntact}, 1},
		"one changed":         {map[string]string{"1": rowChanged}, 1},
		"one invented":        {map[string]string{"1": rowIntact, "4": rowIntact}, 1},
	} {
		if n, problems := lostRows(list, c.found); n != 1 || len(problems) != c.problems {
			t.Errorf("%s: %d acknowledged, problems %v", name, n, problems)
		}
	}
}
