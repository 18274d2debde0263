package cluster

import (
	"cmp"
	"fmt"
	"maps"

	"github.com/apache/thrift/lib/go/thrift"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// State is all that the leading meta server knows.
type State struct {
	opts         Options
	loaded       bool                        // Load has filled the state
	level        metaadmin.MetaFunctionLevel // as set; EffectiveLevel may be lower
	apps         map[int32]*App
	names        map[string]*App // tables that are not dropped
	maxAppID     int32
	appOrder     []*App // by id
	nodes        map[base.RPCAddress]*Node
	nodeOrder    []*Node // by address
	living       int     // servers that are alive
	hosts        map[base.RPCAddress]base.HostPort
	hostsVersion uint64
	allowed      map[base.RPCAddress]bool // nil: everybody may join
	blackList    map[base.RPCAddress]bool // never chosen for a new secondary
	joinedMs     int64                    // when a server was last seen for the first time
	balancedMs   int64                    // when the balancer last made a round
	unbalanced   map[int32]bool           // tables it leaves alone
	curedMs      int64                    // when all ill partitions were last looked at
	cureDue      bool                     // the next tick looks at them
	freed        []*Node                  // servers that may take one more learner
	lastTurn     uint64                   // of partitions that wait for one
	effects      []Effect
	counters     Counters
}

// Counters count what happened since the core started; the host exports them.
type Counters struct {
	NodeDisconnects       int64
	ConfigChanges         int64
	ChoosePrimaryFailures int64
	ProposalsSent         int64
}

// App is one table.
type App struct {
	info    layer2.AppInfo
	parts   []*Partition
	ill     partitionSet // see quiet
	tallies []tally      // by slot of server; see tally
	staging int          // partitions that still have to be written before the table leaves its staging status
	staged  func(now int64)
	writes  []*appWrite // the first is on its way
	version uint64      // grows with every change of the table or of one of its partitions
}

// appWrite is one write of the table's node. build runs when its turn has come and may find that
// there is nothing to write; done runs when it is persisted.
type appWrite struct {
	build func(info *layer2.AppInfo) bool
	done  func(now int64)
}

// Partition is one partition of a table.
type Partition struct {
	app       *App
	config    Config
	pending   *change   // being persisted
	queue     []*change // wait for pending
	proposals proposals
	serving   []served         // by members that reported, in no order
	waits     wait             // for one more learner to be taken
	dropped   []droppedReplica // the one with the most data last
	preferred int              // index into dropped: where to look for the next learner
	avoid     base.RPCAddress  // ignored what was wanted of it; taken only when there is no other
	diagnosis *string          // why no primary can be chosen; nil: no such trouble
}

// served is what a member last reported about itself.
type served struct {
	node    base.RPCAddress
	diskTag string
	compact int32
}

// Node is one replica server.
type Node struct {
	addr        base.RPCAddress
	slot        int // its place in the tallies of tables
	alive       bool
	beaconMs    int64              // when the last beacon came
	startMs     int64              // latest start time of a process, by its own clock; 0: unknown
	processMs   int64              // start time in the last beacon that told one
	sinceMs     int64              // when that process was first heard, by this clock
	soleSinceMs int64              // the same, or when a beacon came that told no start time
	goneMs      int64              // start time of the process that was last known to have ended; 0: none
	restarts    int                // quick restarts in a row
	collectedMs int64              // when it last reported all its replicas; 0: not since it (re)connected
	parts       map[base.Gpid]bool // partitions it is a member of; true: as primary
	total       tally
	drops       map[base.Gpid]bool // partitions that remember a dropped replica here
	tags        []string           // disks it reported
	learnersIn  int                // proposals under way that add a replica here
	waiting     []waitingPartition // for learnersIn to shrink, the first come first
	waiters     int                // those in waiting that still do
}

// tally counts replicas on a node: those it has, and those proposed but not there yet.
type tally struct {
	primaries, partitions       int32
	newPrimaries, newPartitions int32
}

// New returns an empty state; Load fills it. Until then it takes beacons, and nothing else may be asked of it.
func New(opts Options) *State {
	return &State{
		opts:      opts,
		level:     opts.Level,
		apps:      map[int32]*App{},
		names:     map[string]*App{},
		nodes:     map[base.RPCAddress]*Node{},
		hosts:     map[base.RPCAddress]base.HostPort{},
		blackList: map[base.RPCAddress]bool{},
	}
}

// Take returns what the host has to do since the last call.
func (s *State) Take() []Effect {
	e := s.effects
	s.effects = nil
	return e
}

// Options returns the knobs for reading and changing.
func (s *State) Options() *Options { return &s.opts }

// Counters returns what was counted so far.
func (s *State) Counters() Counters { return s.counters }

func (s *State) emit(e Effect) { s.effects = append(s.effects, e) }

func (s *State) reply(t Ticket, r thrift.TStruct) { s.emit(Reply{Ticket: t, Response: r}) }

func (s *State) note(format string, args ...any) {
	s.emit(Note{Text: fmt.Sprintf(format, args...)})
}

func (s *State) warn(format string, args ...any) {
	s.emit(Note{Warn: true, Text: fmt.Sprintf(format, args...)})
}

func (s *State) partition(g base.Gpid) *Partition {
	if a := s.apps[g.AppID]; a != nil && g.PartitionIndex >= 0 && int(g.PartitionIndex) < len(a.parts) {
		return a.parts[g.PartitionIndex]
	}
	return nil
}

func compareAddr(a, b base.RPCAddress) int {
	return cmp.Or(cmp.Compare(a.IP(), b.IP()), cmp.Compare(a.Port(), b.Port()))
}

func (s *State) alive(n base.RPCAddress) bool {
	node := s.nodes[n]
	return node != nil && node.alive
}

func newPartition(a *App, index int32) *Partition {
	return &Partition{
		app: a,
		config: Config{
			Pid:             base.Gpid{AppID: a.info.AppID, PartitionIndex: index},
			MaxReplicaCount: a.info.MaxReplicaCount,
		},
	}
}

// writeApp puts a write of the table's node at the end of the table's queue: writes of whole
// structs must not overtake each other, or one would bring back what another removed.
func (s *State) writeApp(a *App, build func(info *layer2.AppInfo) bool, done func(now int64)) {
	a.writes = append(a.writes, &appWrite{build: build, done: done})
	if len(a.writes) == 1 {
		s.startWrites(a)
	}
}

// asIs writes the table as it stands in memory.
func asIs(*layer2.AppInfo) bool { return true }

// startWrites begins the first write that still makes sense.
func (s *State) startWrites(a *App) {
	for len(a.writes) > 0 {
		info := cloneInfo(&a.info)
		info.Status = storedStatus(a.info.Status)
		if a.writes[0].build(info) {
			s.emit(PersistApp{Info: info})
			return
		}
		a.writes = a.writes[1:]
	}
}

// AppPersisted tells that the write of the table's node is durable.
func (s *State) AppPersisted(now int64, appID int32) {
	a := s.apps[appID]
	if a == nil || len(a.writes) == 0 {
		return
	}
	w := a.writes[0]
	a.writes = a.writes[1:]
	a.version++
	w.done(now)
	s.startWrites(a)
}

// storedStatus is what the tree holds: a table half-way to a status is stored as having reached it.
func storedStatus(st layer2.AppStatus) layer2.AppStatus {
	switch st {
	case layer2.AppStatus_AS_DROPPING, layer2.AppStatus_AS_DROPPED:
		return layer2.AppStatus_AS_DROPPED
	default:
		return layer2.AppStatus_AS_AVAILABLE
	}
}

func cloneInfo(in *layer2.AppInfo) *layer2.AppInfo {
	out := *in
	out.Envs = maps.Clone(in.Envs)
	if out.Envs == nil {
		out.Envs = map[string]string{}
	}
	return &out
}
