package pacifica

import "github.com/pegasus-go/pegasus/gen-go/base"

// Effect is something the host must do; one of the types of this file. Effects of a step are
// carried out in order; those marked synchronous are complete before the next one begins.
type Effect interface{ effect() }

// PersistBallot makes the ballot durable. Synchronous.
type PersistBallot struct{ Ballot int64 }

// Append writes a mutation to the private log; Logged reports the end.
type Append struct{ Mutation *Mutation }

// Apply runs a committed mutation on the storage and answers its clients (updates with a token)
// when Reply is set. Synchronous; an error comes back as Failed.
type Apply struct {
	Mutation *Mutation
	Reply    bool
}

// SendPrepare sends RPC_PREPARE after a delay; PrepareReplied reports the end.
type SendPrepare struct {
	To        Node
	Role      Status
	Ballot    int64
	Signature int64
	Round     uint64 // comes back with PrepareReplied
	Mutation  *Mutation
	TimeoutMs int64
	DelayMs   int64
}

// AckPrepare answers a received prepare.
type AckPrepare struct {
	Token                         uint64
	Err                           base.ErrorCode
	Ballot, Decree, LastCommitted int64
}

// DropPrepare ends a received prepare without an answer.
type DropPrepare struct{ Token uint64 }

// FailWrites answers clients whose writes were not prepared. With Silent the outcome is unknown
// and no answer is given.
type FailWrites struct {
	Tokens []uint64
	Err    base.ErrorCode
	Silent bool
}

// UpdateMeta asks the meta server to accept a configuration, repeating until MetaReplied or
// CancelMeta.
type UpdateMeta struct {
	Seq    uint64
	Type   ConfigType
	Node   Node
	Config Config
}

// CancelMeta ends the UpdateMeta with this number.
type CancelMeta struct{ Seq uint64 }

// SendGroupCheck sends RPC_GROUP_CHECK, or one-way RPC_LEARN_ADD_LEARNER.
type SendGroupCheck struct {
	To            Node
	Role          Status
	Ballot        int64
	Signature     int64
	LastCommitted int64
	AddLearner    bool
}

// AckGroupCheck answers a received group check.
type AckGroupCheck struct {
	Token         uint64
	Err           base.ErrorCode
	LastCommitted int64
	Phase         LearnPhase
	Signature     int64
}

// SendRemove sends one-way RPC_REMOVE_REPLICA.
type SendRemove struct {
	To     Node
	Ballot int64
}

// SendLearn sends RPC_LEARN after a delay; LearnReplied reports the end.
type SendLearn struct {
	To            Node
	Signature     int64
	LastCommitted int64
	DelayMs       int64
}

// AckLearn answers a received learn request.
type AckLearn struct {
	Token  uint64
	Err    base.ErrorCode
	Answer LearnAnswer
}

// ServeLearn answers a received learn request from the log when it still holds From..To, from a
// checkpoint otherwise. The host completes Answer.
type ServeLearn struct {
	Token    uint64
	From, To int64
	Answer   LearnAnswer
}

// InstallCheckpoint fetches the checkpoint of an answer and makes it the state of this replica;
// the log begins anew after it. CheckpointInstalled reports the end.
type InstallCheckpoint struct {
	From      Node
	Signature int64
	Answer    LearnAnswer
}

// ResetState empties storage and log; StateReset reports the end.
type ResetState struct{ Signature int64 }

// SendCompletion sends RPC_LEARN_COMPLETION_NOTIFY; CompletionReplied reports the end.
type SendCompletion struct {
	To            Node
	Signature     int64
	LastCommitted int64
}

// AckCompletion answers a received completion notify.
type AckCompletion struct {
	Token     uint64
	Err       base.ErrorCode
	Signature int64
}

// Close ends the replica: its storage is closed and its memory given back, its directory stays.
type Close struct{ Err error }

func (PersistBallot) effect()     {}
func (Append) effect()            {}
func (Apply) effect()             {}
func (SendPrepare) effect()       {}
func (AckPrepare) effect()        {}
func (DropPrepare) effect()       {}
func (FailWrites) effect()        {}
func (UpdateMeta) effect()        {}
func (CancelMeta) effect()        {}
func (SendGroupCheck) effect()    {}
func (AckGroupCheck) effect()     {}
func (SendRemove) effect()        {}
func (SendLearn) effect()         {}
func (AckLearn) effect()          {}
func (ServeLearn) effect()        {}
func (InstallCheckpoint) effect() {}
func (ResetState) effect()        {}
func (SendCompletion) effect()    {}
func (AckCompletion) effect()     {}
func (Close) effect()             {}

// SendResign tells the meta server once, without waiting for an answer, that this primary is gone.
type SendResign struct{ Config Config }

func (SendResign) effect() {}
