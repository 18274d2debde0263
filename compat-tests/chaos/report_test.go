//go:build linux

package chaos

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pegasus-go/pegasus/compat-tests/netlab"
)

// scenarioReport is what one scenario did and found; it is written as JSON and as a table.
type scenarioReport struct {
	Scenario         string                               `json:"scenario"`
	Seed             uint64                               `json:"seed"`
	Servers          string                               `json:"servers"`
	WallSeconds      float64                              `json:"wall_seconds"`
	FaultSeconds     float64                              `json:"fault_seconds"`
	Faults           map[string]*faultReport              `json:"faults"`
	Operations       map[string]map[string]map[string]int `json:"operations"` // client, operation, outcome
	Checked          checked                              `json:"checked"`
	RowsAcknowledged int                                  `json:"rows_acknowledged"`
	DigestsEqual     int                                  `json:"partitions_with_equal_digests"`
	Packets          netlab.Traffic                       `json:"packets"`
	Problems         []string                             `json:"problems"`

	mu     sync.Mutex
	rounds []roundReport
}

// faultReport is about the rounds that had this fault alone and began in a healthy cluster, but for Count.
type faultReport struct {
	Count             int   `json:"count"`
	Alone             int   `json:"alone"`
	OutageMsMax       int64 `json:"write_outage_ms_max"` // the longest time without an acknowledged write to some partition
	TimeToHealthyMs   int64 `json:"time_to_healthy_ms_max"`
	timesHealthyKnown bool
}

type roundReport struct {
	kinds                   []string
	started, ended, settled int64 // monotonic
	waited                  bool  // for health
}

func (s *scenarioReport) count(kind string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Faults[kind] == nil {
		s.Faults[kind] = &faultReport{}
	}
	s.Faults[kind].Count++
}

func (s *scenarioReport) countOperations(list []record) {
	s.Operations = map[string]map[string]map[string]int{}
	for _, r := range list {
		if s.Operations[r.Client] == nil {
			s.Operations[r.Client] = map[string]map[string]int{}
		}
		if s.Operations[r.Client][r.Op] == nil {
			s.Operations[r.Client][r.Op] = map[string]int{}
		}
		s.Operations[r.Client][r.Op][r.Outcome]++
	}
}

func (s *scenarioReport) succeeded(client string) (n int) {
	for _, outcomes := range s.Operations[client] {
		n += outcomes[ok]
	}
	return n
}

// measure finds the outages of writes: the longest time between two acknowledged rows of a partition that touches a round.
func (s *scenarioReport) measure(list []record) {
	acks := make([][]int64, partitions)
	for _, r := range list {
		if r.Op == "row" && r.Outcome == ok {
			acks[r.Caller] = append(acks[r.Caller], r.End)
		}
	}
	for i, round := range s.rounds {
		if len(round.kinds) != 1 || s.Faults[round.kinds[0]] == nil || (i > 0 && !s.rounds[i-1].waited) {
			continue
		}
		f := s.Faults[round.kinds[0]]
		f.Alone++
		next := int64(math.MaxInt64)
		if i+1 < len(s.rounds) {
			next = s.rounds[i+1].started
		}
		for _, times := range acks {
			f.OutageMsMax = max(f.OutageMsMax, longestGap(times, round.started, round.settled, next)/int64(time.Millisecond))
		}
		if round.waited {
			f.timesHealthyKnown = true
			f.TimeToHealthyMs = max(f.TimeToHealthyMs, (round.settled-round.ended)/int64(time.Millisecond))
		}
	}
}

// longestGap is the longest time between two moments that touches [from, to]. What belongs to the next fault is not counted.
func longestGap(times []int64, from, to, next int64) (longest int64) {
	for i := 1; i < len(times); i++ {
		if times[i] >= from && times[i-1] <= to {
			longest = max(longest, min(times[i], next)-times[i-1])
		}
	}
	return longest
}

// table is the report for people.
func (s *scenarioReport) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s: %s\n\nSeed %d, %.0f s of faults, %.0f s in all. ", s.Scenario, s.Servers, s.Seed, s.FaultSeconds, s.WallSeconds)
	fmt.Fprintf(&b, "%d of %d histories are linearizable, with %d operations (%d of unknown outcome kept open; checked in %.1f s), ", s.Checked.Keys-len(s.Checked.Problems), s.Checked.Keys, s.Checked.Operations, s.Checked.Open, s.Checked.Took.Seconds())
	fmt.Fprintf(&b, "%d acknowledged rows are there, %d of %d partitions have equal digests. ", s.RowsAcknowledged, s.DigestsEqual, partitions)
	fmt.Fprintf(&b, "Packets: %d delivered, %d cut, %d lost, %d delayed, %d duplicated.\n\n", s.Packets.Delivered, s.Packets.Cut, s.Packets.Lost, s.Packets.Delayed, s.Packets.Duplicated)
	if len(s.Problems) > 0 {
		fmt.Fprintf(&b, "**%d problems**: %s\n\n", len(s.Problems), strings.Join(s.Problems, "; "))
	}
	b.WriteString("| fault | times | alone | longest write outage | healthy after |\n|---|---|---|---|---|\n")
	for _, kind := range slices.Sorted(maps.Keys(s.Faults)) {
		f := s.Faults[kind]
		outage, healthy := "-", "-"
		if f.Alone > 0 {
			outage = fmt.Sprintf("%.1f s", float64(f.OutageMsMax)/1000)
		}
		if f.timesHealthyKnown {
			healthy = fmt.Sprintf("%.1f s", float64(f.TimeToHealthyMs)/1000)
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %s | %s |\n", kind, f.Count, f.Alone, outage, healthy)
	}
	b.WriteString("\n| client | operation | ok | refused | failed reads | unknown |\n|---|---|---|---|---|---|\n")
	for _, client := range slices.Sorted(maps.Keys(s.Operations)) {
		for _, op := range slices.Sorted(maps.Keys(s.Operations[client])) {
			o := s.Operations[client][op]
			fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %d |\n", client, op, o[ok], o[refused], o[failed], o[unknown])
		}
	}
	return b.String()
}

// write stores the reports of a test in a directory.
func write(dir string, list []*scenarioReport) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	var tables strings.Builder
	for _, s := range list {
		fmt.Fprintln(&tables, s.table())
	}
	return errors.Join(os.WriteFile(filepath.Join(dir, "chaos.json"), append(text, '\n'), 0o644),
		os.WriteFile(filepath.Join(dir, "chaos.md"), []byte(tables.String()), 0o644))
}
