package seeded

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

var partitionPath = regexp.MustCompile(`/apps/(\d+)/(\d+)$`)

// partitionState is what the run wants to know of a partition's node.
type partitionState struct {
	Ballot          int64    `json:"ballot"`
	MaxReplicaCount int      `json:"max_replica_count"`
	Primary         string   `json:"primary"`
	Secondaries     []string `json:"secondaries"`
}

func (p *partitionState) members() []string {
	if !p.hasPrimary() {
		return p.Secondaries
	}
	return append([]string{p.Primary}, p.Secondaries...)
}

func (p *partitionState) hasPrimary() bool {
	return p.Primary != "" && !strings.HasPrefix(p.Primary, "invalid")
}

// put stores a node, after a look at what it says: a configuration grows by one version at a time,
// names nobody twice and not too many.
func (s *stateService) put(path string, data []byte) error {
	if partitionPath.MatchString(path) {
		if err := s.checkConfig(s.nodes[path], string(data)); err != nil {
			s.w.fail("configuration %s: %v", path, err)
		}
		s.w.trace.line(s.w.now, "state     %s %s", path, brief(data))
		if s.stored != nil {
			s.stored(s.config(path, string(data)))
		}
	}
	s.nodes[path] = string(data)
	return nil
}

func (s *stateService) checkConfig(before, after string) error {
	var old, now partitionState
	if err := json.Unmarshal([]byte(after), &now); err != nil {
		return err
	}
	members := slices.Clone(now.members())
	slices.Sort(members)
	if len(slices.Compact(slices.Clone(members))) != len(members) {
		return fmt.Errorf("a node stands twice in %s", after)
	}
	if len(members) > now.MaxReplicaCount+1 {
		return fmt.Errorf("%d members of %d: %s", len(members), now.MaxReplicaCount, after)
	}
	if before == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(before), &old); err != nil {
		return err
	}
	if now.Ballot != old.Ballot && now.Ballot != old.Ballot+1 {
		return fmt.Errorf("ballot goes from %d to %d", old.Ballot, now.Ballot)
	}
	if now.Ballot == old.Ballot && (now.Primary != old.Primary || !slices.Equal(now.Secondaries, old.Secondaries)) {
		return fmt.Errorf("members change within ballot %d", now.Ballot)
	}
	return nil
}

func brief(data []byte) string {
	var p partitionState
	if json.Unmarshal(data, &p) != nil {
		return string(data)
	}
	return fmt.Sprintf("ballot %d primary %s secondaries %s", p.Ballot, p.Primary, strings.Join(p.Secondaries, " "))
}

// partition is a stored configuration of a table that is not dropped.
type partition struct {
	gpid base.Gpid
	partitionState
}

// partitions lists what stands in the tree, without dropped tables.
func (s *stateService) partitions() (out []partition) {
	for _, path := range slices.Sorted(maps.Keys(s.nodes)) {
		if partitionPath.MatchString(path) && !strings.Contains(s.nodes[parent(path)], "AS_DROP") {
			out = append(out, s.config(path, s.nodes[path]))
		}
	}
	return out
}

// config reads the node of a partition.
func (s *stateService) config(path, data string) partition {
	at := partitionPath.FindStringSubmatch(path)
	app, _ := strconv.Atoi(at[1]) // digits, as the expression says
	index, _ := strconv.Atoi(at[2])
	p := partition{gpid: base.Gpid{AppID: int32(app), PartitionIndex: int32(index)}}
	if err := json.Unmarshal([]byte(data), &p.partitionState); err != nil {
		s.w.fail("configuration %s: %v", path, err)
	}
	return p
}
