//go:build linux

package chaos

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/compat-tests/netlab"
)

var anything = regexp.MustCompile("")

func describe(r round) string {
	text := fmt.Sprint(r.settle, r.pause)
	for _, s := range r.steps {
		text += fmt.Sprint("; ", s.kind, s.victim, s.after, s.last)
	}
	return text
}

func TestPlanFollowsItsSeedAndLeavesNoFaultOut(t *testing.T) {
	c := &theCluster{lab: netlab.New(), servers: []*server{{role: roleZooKeeper}}}
	a, b, other := newPlanner(7, c, anything), newPlanner(7, c, anything), newPlanner(8, c, anything)
	seen := map[string]bool{}
	differs := false
	for range 2 * len(menu()) {
		r := a.next()
		text := describe(r)
		if again := describe(b.next()); again != text {
			t.Fatalf("the same seed gives %q and %q", text, again)
		}
		differs = differs || describe(other.next()) != text
		for _, s := range r.steps {
			seen[s.kind] = true
			if s.alone && len(r.steps) > 1 {
				t.Errorf("%q is not alone: %s", s.kind, text)
			}
			if s.last < s.min || s.last > s.max {
				t.Errorf("%q lasts %v, want %v to %v", s.kind, s.last, s.min, s.max)
			}
		}
	}
	for _, f := range menu() {
		if !seen[f.kind] {
			t.Errorf("%q never came up", f.kind)
		}
	}
	if !differs {
		t.Error("another seed gives the same plan")
	}
}

func TestMenuFitsTheCluster(t *testing.T) {
	for _, f := range newPlanner(1, &theCluster{lab: netlab.Loopback()}, anything).menu {
		if f.needs != nil {
			t.Errorf("%q on a loopback", f.kind)
		}
	}
}

func TestOutageIsTheLongestGapThatTouchesTheRound(t *testing.T) {
	second := int64(time.Second)
	var list []record
	for _, at := range []int64{0, 1, 2, 9, 10, 30, 31} {
		list = append(list, record{Op: "row", Outcome: ok, End: at * second})
	}
	for _, c := range []struct{ from, to, ms int64 }{{0, 2, 7000}, {3, 5, 7000}, {10, 12, 15000}, {24, 24, 15000}, {0, 1, 1000}} {
		s := &scenarioReport{Faults: map[string]*faultReport{"f": {}}, rounds: []roundReport{{kinds: []string{"f"}, started: c.from * second, settled: c.to * second}}}
		s.rounds = append(s.rounds, roundReport{kinds: []string{"f"}, started: 25 * second, settled: 31 * second}) // not from health
		s.measure(list)
		if got := s.Faults["f"].OutageMsMax; got != c.ms {
			t.Errorf("from %d s to %d s: %d ms, want %d", c.from, c.to, got, c.ms)
		}
	}
}
