package pacifica

import (
	"fmt"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// Core is one replica of one partition. It is not safe for concurrent use.
type Core struct {
	gpid   base.Gpid
	self   Node
	params Params
	now    Clock

	status Status
	// transient: inactive, but about to get its role back; prepares are asked to come again.
	transient bool
	// initializing: loaded and not yet told its role by the meta server.
	initializing bool
	// doubtful: what was acknowledged last may be missing from the log.
	doubtful   bool
	config     Config
	list       *prepareList
	lastTsUs   int64
	defaultTTL int32

	// appendSeq counts appends asked for, loggedSeq those that finished; both in log order.
	appendSeq, loggedSeq uint64

	primary  primaryState
	member   memberState
	learning learningState
	reconfig *reconfiguration
	metaSeq  uint64

	effects []Effect
}

// primaryState is what only a primary needs.
type primaryState struct {
	// barrier is the decree that must be committed before reads are answered.
	barrier int64
	// learners are few and kept in the order they were added, so that runs replay exactly.
	learners []*learnerRecord
	// lastSignature is the newest learner signature handed out; it never goes back.
	lastSignature int64
	// lastRound counts the times that prepares to a learner began.
	lastRound  uint64
	queue      []Update
	queueBytes int
	// announced is the commit point the group was told.
	announced     int64
	lastPrepareMs int64
	nextCheckMs   int64
	// heldSinceMs is when a tick first found writes held, 0 while none are.
	heldSinceMs int64
	// leaving is a proposal to give the role away, which waits until what was prepared is answered.
	leaving *ProposalReceived
}

// learnerRecord is a learner as its primary sees it.
type learnerRecord struct {
	node         Node
	signature    int64
	prepareStart int64 // first decree prepared to it; 0 while it has no prepares
	// round tells acknowledgements of what was prepared since prepareStart from those of an earlier life
	// of the learner within the same candidacy.
	round     uint64
	succeeded bool // it reported that it has everything before prepareStart
}

// memberState is what a secondary or learner needs.
type memberState struct {
	// commitTarget is the commit point the primary told; entries up to it wait only for the log.
	commitTarget int64
	heardMs      int64
}

// reconfiguration is a change of configuration that the meta server has not answered yet.
type reconfiguration struct {
	seq  uint64
	typ  ConfigType
	node Node
	// keepsPrimary: this replica is primary before and after, so reads go on and writes wait.
	keepsPrimary bool
	// next is the last proposal that came meanwhile; it is looked at when the answer is there.
	next *ProposalReceived
}

// New returns the core of a replica that holds everything up to decree applied and has promised
// nothing under a ballot above ballot. timestampUs is the one of the last applied mutation.
func New(gpid base.Gpid, self Node, p Params, ballot, applied, timestampUs int64) *Core {
	p = p.withDefaults()
	c := &Core{gpid: gpid, self: self, params: p, status: Inactive, transient: true, initializing: true}
	c.list = newPrepareList(p.PrepareListDecrees, p.PrepareListBytesMax)
	c.list.reset(applied)
	c.config.Ballot = ballot
	c.lastTsUs = timestampUs
	return c
}

// Replay takes one mutation of the private log, oldest first, before the first Step. It returns
// effects to apply. A hole in the log is an error: the replica must not be opened.
func (c *Core) Replay(m *Mutation) ([]Effect, error) {
	c.config.Ballot = max(c.config.Ballot, m.Ballot)
	c.lastTsUs = max(c.lastTsUs, m.TimestampUs)
	if m.Decree <= c.list.committed {
		return nil, nil
	}
	// What the entry says was committed is decided by the entries before it.
	c.member.commitTarget = max(c.member.commitTarget, m.LastCommitted)
	c.commitMember()
	if m.Decree > c.list.last+1 || !c.list.room(m.Decree) {
		return nil, fmt.Errorf("replay of %s: log holds decree %d but the one after %d is missing", c.gpid, m.Decree, c.list.last)
	}
	c.list.put(m).logged = true
	c.commitMember()
	return c.take(), nil
}

// Doubt says, before the first Step, that the end of the log could not be read. If this replica was
// primary, another member, which has whatever was acknowledged, takes over.
func (c *Core) Doubt() { c.doubtful = true }

// Step handles events in order and returns what to do. The result is valid until the next Step.
func (c *Core) Step(now Clock, events ...Event) []Effect {
	c.effects = c.effects[:0]
	c.now = now
	for _, ev := range events {
		if c.status == Error {
			c.refuse(ev)
			continue
		}
		c.handle(ev)
	}
	c.pump()
	return c.effects
}

func (c *Core) take() []Effect {
	out := c.effects
	c.effects = nil
	return out
}

func (c *Core) emit(e Effect) { c.effects = append(c.effects, e) }

func (c *Core) handle(ev Event) {
	switch ev := ev.(type) {
	case Write:
		c.onWrite(ev.Update)
	case Logged:
		c.onLogged(ev)
	case Tick:
		c.onTick()
	case PrepareReceived:
		c.onPrepareReceived(ev)
	case PrepareReplied:
		c.onPrepareReplied(ev)
	case ProposalReceived:
		c.onProposal(ev)
	case ConfigSynced:
		c.onConfigSynced(ev.Config)
	case MetaReplied:
		c.onMetaReplied(ev)
	case Disconnected:
		c.onDisconnected()
	case GroupCheckReceived:
		c.onGroupCheckReceived(ev)
	case GroupCheckReplied:
		c.onGroupCheckReplied(ev)
	case LearnReceived:
		c.onLearnReceived(ev)
	case LearnReplied:
		c.onLearnReplied(ev)
	case CheckpointInstalled:
		c.onCheckpointInstalled(ev)
	case StateReset:
		c.onStateReset(ev)
	case CompletionReceived:
		c.onCompletionReceived(ev)
	case CompletionReplied:
		c.onCompletionReplied(ev)
	case RemoveReceived:
		if ev.Ballot >= c.config.Ballot {
			cfg := c.config
			cfg.Ballot = ev.Ballot
			c.leave(cfg, nil)
		}
	case Failed:
		c.fail(ev.Err)
	}
}

// refuse answers what can be answered once the replica is in error.
func (c *Core) refuse(ev Event) {
	switch ev := ev.(type) {
	case Write:
		c.emit(FailWrites{Tokens: []uint64{ev.Update.Token}, Err: base.ErrInvalidState})
	case PrepareReceived:
		c.ackPrepare(ev, base.ErrInvalidState)
	case GroupCheckReceived:
		c.ackGroupCheck(ev, base.ErrInvalidState)
	case LearnReceived:
		c.emit(AckLearn{Token: ev.Token, Err: base.ErrInvalidState})
	case CompletionReceived:
		c.emit(AckCompletion{Token: ev.Token, Err: base.ErrInvalidState, Signature: ev.Signature})
	}
}

// onTick does what time asks for.
func (c *Core) onTick() {
	switch c.status {
	case Primary:
		c.primaryTick()
	case Learner:
		c.learnerTick()
	}
}

// NextDeadlineMs is the monotonic time at which a Tick would do something.
func (c *Core) NextDeadlineMs() int64 {
	switch c.status {
	case Primary:
		d := c.primary.nextCheckMs
		if c.primary.announced < c.list.committed {
			d = min(d, c.primary.lastPrepareMs+c.params.CommitNoticeMs)
		}
		return d
	case Learner:
		return c.learnerDeadlineMs()
	}
	return 1<<63 - 1
}

// Accessors for the host; none of them changes anything.

// Status is the current role.
func (c *Core) Status() Status { return c.status }

// Transient reports whether an inactive replica expects its role back.
func (c *Core) Transient() bool { return c.transient }

// Config is the configuration as this replica knows it; only a primary knows all members.
func (c *Core) Config() Config { return c.config }

// LastCommitted is L.
func (c *Core) LastCommitted() int64 { return c.list.committed }

// LastPrepared is the end of the contiguous logged run, what a new primary could recover from.
func (c *Core) LastPrepared() int64 { return c.list.lastLogged() }

// MaxDecree is M.
func (c *Core) MaxDecree() int64 { return c.list.last }

// SetDefaultTTL sets the default_ttl, in seconds, that new mutations carry.
func (c *Core) SetDefaultTTL(seconds int32) { c.defaultTTL = seconds }

// PrepareListBytes is what the committed mutations in the prepare list take, as encoded.
func (c *Core) PrepareListBytes() int64 { return c.list.committedBytes }

// SetPrepareListBytesMax changes Params.PrepareListBytesMax.
func (c *Core) SetPrepareListBytesMax(n int64) {
	c.list.bytesMax = n
	c.list.trim()
}

// SetMaxReplicaCount adopts the table's replica count.
func (c *Core) SetMaxReplicaCount(n int32) { c.config.MaxReplicaCount = n }

// ReadsAllowed reports whether a linearizable read may be answered, as far as the role goes: the
// host checks the lease.
func (c *Core) ReadsAllowed() bool {
	if c.status != Primary && (c.reconfig == nil || !c.reconfig.keepsPrimary) {
		return false
	}
	return c.list.committed >= c.primary.barrier
}

// WritesAllowed returns ErrOK or why a new write is turned away.
func (c *Core) WritesAllowed() base.ErrorCode {
	if c.status != Primary && (c.reconfig == nil || !c.reconfig.keepsPrimary) {
		return base.ErrInvalidState
	}
	if c.primary.leaving != nil {
		return base.ErrInvalidState
	}
	if !c.enough() {
		return base.ErrNotEnoughMember
	}
	if len(c.primary.queue) >= c.params.QueueUpdatesMax || c.primary.queueBytes >= c.params.QueueBytesMax {
		return base.ErrCapacityExceeded
	}
	return base.ErrOK
}

// LearnProgress tells an operator how far a learner is; zero when this is none.
func (c *Core) LearnProgress() (LearnPhase, int64) { return c.learning.phase, c.learning.signature }

// Reconfiguring reports whether the meta server has yet to answer a request of this replica.
func (c *Core) Reconfiguring() bool { return c.reconfig != nil }

// Learners are the nodes that learn from this primary.
func (c *Core) Learners() []Node {
	var out []Node
	for _, l := range c.primary.learners {
		out = append(out, l.node)
	}
	return out
}

// enough reports whether there are members enough for writes.
func (c *Core) enough() bool { return c.config.Members() >= c.minMembers() }

// minMembers is the fewest members under which writes are accepted and answered.
func (c *Core) minMembers() int {
	n := int(c.config.MaxReplicaCount)
	if c.params.MinMembers > 0 {
		if n > 0 {
			return min(c.params.MinMembers, n)
		}
		return c.params.MinMembers
	}
	if n <= 2 {
		return 1
	}
	return n/2 + 1
}

func (c *Core) nextTimestampUs() int64 {
	c.lastTsUs = max(c.now.WallUs, c.lastTsUs+1)
	return c.lastTsUs
}
