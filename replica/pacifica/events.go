package pacifica

import "github.com/pegasus-go/pegasus/gen-go/base"

// Clock is the time of a step, given by the host.
type Clock struct {
	MonoMs int64 // monotonic, for timeouts
	WallUs int64 // since 1970, for mutation timestamps
}

// Event is something that happened; one of the types of this file.
type Event interface{ event() }

// Write is a client write that passed admission. The update's Body must stay untouched.
type Write struct{ Update Update }

// Logged reports that an Append reached the log, in the order of the appends.
type Logged struct {
	Ballot, Decree int64
	Err            error
}

// Tick lets time pass; see NextDeadlineMs.
type Tick struct{}

// PrepareReceived is an RPC_PREPARE.
type PrepareReceived struct {
	Token     uint64 // names the RPC to answer
	From      Node
	Ballot    int64
	Role      Status // the receiver's role in the sender's eyes
	Signature int64
	Primary   Node
	Mutation  *Mutation
}

// PrepareReplied answers a SendPrepare. Err is the transport's or the peer's code.
type PrepareReplied struct {
	From           Node
	Ballot, Decree int64
	Round          uint64 // of the SendPrepare
	Err            base.ErrorCode
}

// ProposalReceived is an RPC_CONFIG_PROPOSAL of the meta server.
type ProposalReceived struct {
	Type   ConfigType
	Node   Node
	Config Config
}

// ConfigSynced is the meta server's view of this partition, from config sync.
type ConfigSynced struct{ Config Config }

// MetaReplied ends an UpdateMeta: Err is ErrOK or ErrInvalidVersion, Config what the meta stores.
type MetaReplied struct {
	Seq    uint64
	Err    base.ErrorCode
	Config Config
}

// Disconnected says that this node's lease is over.
type Disconnected struct{}

// GroupCheckReceived is an RPC_GROUP_CHECK or RPC_LEARN_ADD_LEARNER (Token 0: one-way).
type GroupCheckReceived struct {
	Token         uint64
	Ballot        int64
	Role          Status
	Signature     int64
	Primary       Node
	LastCommitted int64
}

// GroupCheckReplied answers a SendGroupCheck.
type GroupCheckReplied struct {
	From      Node
	Ballot    int64
	Role      Status
	Err       base.ErrorCode
	Phase     LearnPhase
	Signature int64
}

// LearnReceived is an RPC_LEARN at the primary.
type LearnReceived struct {
	Token         uint64
	From          Node
	Signature     int64
	LastCommitted int64
}

// LearnReplied answers a SendLearn.
type LearnReplied struct {
	Signature int64
	Err       base.ErrorCode
	Answer    LearnAnswer
}

// LearnKind says how a round of learning brings state; the values are those of the wire.
type LearnKind int32

// The kinds of a round.
const (
	LearnCache      LearnKind = 1
	LearnCheckpoint LearnKind = 2
	LearnLog        LearnKind = 3
)

// LearnAnswer is what a primary gives a learner in one round.
type LearnAnswer struct {
	Kind LearnKind
	// Ballot and LastCommitted are the primary's.
	Ballot, LastCommitted int64
	// PrepareStart is the first decree that will be prepared to the learner; cache rounds only.
	PrepareStart int64
	// Mutations are committed and contiguous; log and cache rounds.
	Mutations []*Mutation
	// Reset tells the learner to throw its state away first: it has what the group never committed.
	Reset bool
	// CheckpointDecree and Files describe the primary's checkpoint; checkpoint rounds.
	CheckpointDecree int64
	Dir              string
	Files            []string
	FileSizes        []int64
}

// CheckpointInstalled ends an InstallCheckpoint.
type CheckpointInstalled struct {
	Signature int64
	Decree    int64
	Err       error
}

// StateReset ends a ResetState.
type StateReset struct {
	Signature int64
	Err       error
}

// CompletionReceived is an RPC_LEARN_COMPLETION_NOTIFY at the primary.
type CompletionReceived struct {
	Token     uint64
	From      Node
	Signature int64
	Phase     LearnPhase
}

// CompletionReplied answers a SendCompletion.
type CompletionReplied struct {
	Signature int64
	Err       base.ErrorCode
}

// RemoveReceived is an RPC_REMOVE_REPLICA.
type RemoveReceived struct{ Ballot int64 }

// Failed says that the storage of this replica cannot go on.
type Failed struct{ Err error }

func (Write) event()               {}
func (Logged) event()              {}
func (Tick) event()                {}
func (PrepareReceived) event()     {}
func (PrepareReplied) event()      {}
func (ProposalReceived) event()    {}
func (ConfigSynced) event()        {}
func (MetaReplied) event()         {}
func (Disconnected) event()        {}
func (GroupCheckReceived) event()  {}
func (GroupCheckReplied) event()   {}
func (LearnReceived) event()       {}
func (LearnReplied) event()        {}
func (CheckpointInstalled) event() {}
func (StateReset) event()          {}
func (CompletionReceived) event()  {}
func (CompletionReplied) event()   {}
func (RemoveReceived) event()      {}
func (Failed) event()              {}
