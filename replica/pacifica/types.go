package pacifica

import (
	"slices"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/gen-go/metadata"
)

// Node names a replica server by the address it serves on.
type Node = base.RPCAddress

// Status is the role of a replica; the values are those of the wire.
type Status = metadata.PartitionStatus

// The roles.
const (
	Inactive  = metadata.PartitionStatus_PS_INACTIVE
	Error     = metadata.PartitionStatus_PS_ERROR
	Primary   = metadata.PartitionStatus_PS_PRIMARY
	Secondary = metadata.PartitionStatus_PS_SECONDARY
	Learner   = metadata.PartitionStatus_PS_POTENTIAL_SECONDARY
)

// ConfigType says what a proposal asks for or what a configuration update changes.
type ConfigType = metaadmin.ConfigType

// Config is the configuration of a partition as the meta server stores it. A Config is never
// modified after it was built; derive a new one.
type Config struct {
	Ballot          int64
	MaxReplicaCount int32
	Primary         Node
	Secondaries     []Node
	LastDrops       []Node
}

// RoleOf returns what the configuration makes of a node. Learners are unknown to it.
func (c Config) RoleOf(n Node) Status {
	switch {
	case n == c.Primary:
		return Primary
	case slices.Contains(c.Secondaries, n):
		return Secondary
	}
	return Inactive
}

// Members is the number of nodes that must hold a mutation before it is committed.
func (c Config) Members() int {
	n := len(c.Secondaries)
	if c.Primary.IsValid() {
		n++
	}
	return n
}

func (c Config) without(n Node) Config {
	c.Secondaries = slices.DeleteFunc(slices.Clone(c.Secondaries), func(s Node) bool { return s == n })
	if c.Primary == n {
		c.Primary = Node{}
	}
	return c
}

func (c Config) withSecondary(n Node) Config {
	c = c.without(n)
	c.Secondaries = append(slices.Clone(c.Secondaries), n)
	return c
}

func (c Config) withPrimary(n Node) Config {
	c = c.without(n)
	c.Primary = n
	return c
}

func (c Config) withDropped(n Node) Config {
	drops := slices.DeleteFunc(slices.Clone(c.LastDrops), func(d Node) bool { return d == n })
	c.LastDrops = append(drops, n)
	return c
}

// Params are the bounds of the protocol. Zero fields take the defaults.
type Params struct {
	// WindowDecrees is the most mutations in two-phase commit at once.
	WindowDecrees int64
	// PrepareListDecrees is the most mutations kept in memory, committed ones included.
	PrepareListDecrees int64
	// PrepareListBytesMax bounds the committed mutations kept for learners.
	PrepareListBytesMax int64
	// BatchUpdatesMax and BatchBytesMax close a mutation.
	BatchUpdatesMax int
	BatchBytesMax   int
	// PipelineUpdates and PipelineBytes: while a mutation is in two-phase commit, another one begins
	// only when at least so much waits for it. It could not be committed earlier anyway, and what
	// arrives meanwhile travels with it.
	PipelineUpdates int
	PipelineBytes   int
	// QueueUpdatesMax and QueueBytesMax bound the writes that wait for a mutation.
	QueueUpdatesMax int
	QueueBytesMax   int
	// MinMembers is the fewest members that may accept new writes; 0 derives it from the table's
	// replica count.
	MinMembers int
	// PrepareTimeoutMs bounds how long a prepare is repeated to a member, LearnerTimeoutMs to a learner.
	PrepareTimeoutMs int64
	LearnerTimeoutMs int64
	// NetworkRetryMs is how long a broken connection to a member is retried before it is removed.
	NetworkRetryMs int64
	// GroupCheckIntervalMs is the period of the primary's check of its group.
	GroupCheckIntervalMs int64
	// CommitNoticeMs is how long a primary without new writes waits before it tells the group what
	// was committed.
	CommitNoticeMs int64
	// LearnRetryMs is the pause of a learner before it asks again.
	LearnRetryMs int64
	// UpgradeResendMs is how long a learner waits for its promotion before it reports again.
	UpgradeResendMs int64
}

func (p Params) withDefaults() Params {
	def := func(v *int64, d int64) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&p.WindowDecrees, 20)
	def(&p.PrepareListDecrees, 110)
	def(&p.PrepareListBytesMax, 16<<20)
	def(&p.PrepareTimeoutMs, 3000)
	def(&p.LearnerTimeoutMs, 5000)
	def(&p.NetworkRetryMs, 300)
	def(&p.GroupCheckIntervalMs, 10_000)
	def(&p.CommitNoticeMs, 1000)
	def(&p.LearnRetryMs, 200)
	def(&p.UpgradeResendMs, 3000)
	if p.BatchUpdatesMax <= 0 {
		p.BatchUpdatesMax = 1024
	}
	if p.BatchBytesMax <= 0 {
		p.BatchBytesMax = 1 << 20
	}
	if p.PipelineUpdates <= 0 {
		p.PipelineUpdates = 64
	}
	if p.PipelineBytes <= 0 {
		p.PipelineBytes = 128 << 10
	}
	if p.QueueUpdatesMax <= 0 {
		p.QueueUpdatesMax = 10_000
	}
	if p.QueueBytesMax <= 0 {
		p.QueueBytesMax = 64 << 20
	}
	p.PrepareListDecrees = max(p.PrepareListDecrees, p.WindowDecrees+1)
	return p
}

// retryPrepareMs is the pause before a prepare is repeated to a node that asked for it.
const retryPrepareMs = 5

// LearnPhase is how far a learner has come; the values are those of the wire.
type LearnPhase int32

// The phases of learning.
const (
	// LearnWithoutPrepare: the state is being fetched, prepares are turned away for the moment.
	LearnWithoutPrepare LearnPhase = 1
	// LearnSucceeded: everything learned is in log and store, and prepares are accepted; waiting to become
	// a secondary.
	LearnSucceeded LearnPhase = 4
)
