package cluster

import "github.com/pegasus-go/pegasus/gen-go/metaadmin"

// Options are the knobs of the deciding core. Names follow the configuration keys of the meta
// server; times are milliseconds unless the name says otherwise.
type Options struct {
	Level                   metaadmin.MetaFunctionLevel // level after a start
	FDGraceMs               int64                       // silence after which a server is dead
	FDSuspectMs             int64                       // silence after which another server is preferred
	StableRunMs             int64                       // running this long makes a server stable again
	UnstableRestartsMax     int                         // this many quick restarts mute a server; 0: never
	MinLiveNodesForUnfreeze int                         // fewer living servers freeze the cluster
	LivePercentage          int64                       // a smaller living share freezes the cluster
	AssignDelayMs           int64                       // how long a lost secondary may come back by itself
	AddSecondaryFlowControl bool                        // bound the learners started per server
	AddSecondaryMaxPerNode  int64                       // that bound; 0: none are started
	ReservedDroppedMax      int                         // dropped replicas remembered beyond the replica count
	ReplicaCountMin         int32                       // smallest replica count of a table
	ReplicaCountMax         int32                       // largest replica count of a table
	PartitionCountMax       int32                       // largest partition count of a table
	WriteMinReplicas        int32                       // members needed to write; 0: derived from the table
	DroppedHoldS            int64                       // how long a dropped table can be recalled, seconds
	ResendMs                int64                       // a proposal without effect is sent again after this
	ResendAddMs             int64                       // the same for adding a secondary, which takes longer
	SettleMs                int64                       // quiet time after a server joined before new replicas are placed
	PatienceMs              int64                       // how long a new partition waits for as many servers as it has replicas
	BalanceEveryMs          int64                       // least time between rounds of the balancer
	BalancerInTurn          bool                        // one table per round
	OnlyPrimaryBalancer     bool                        // leave secondaries where they are
	OnlyMovePrimary         bool                        // copy nothing
	SendHostPort            bool                        // fill hp_* fields in proposals
}

// DefaultOptions returns the values the original ships, except for the times that decide how fast a
// change is noticed.
func DefaultOptions() Options {
	return Options{
		Level:                   metaadmin.MetaFunctionLevel_fl_steady,
		FDGraceMs:               22_000,
		FDSuspectMs:             7_000,
		StableRunMs:             600_000,
		UnstableRestartsMax:     5,
		MinLiveNodesForUnfreeze: 3,
		LivePercentage:          65,
		AssignDelayMs:           600_000,
		AddSecondaryFlowControl: true,
		AddSecondaryMaxPerNode:  20,
		ReservedDroppedMax:      1,
		ReplicaCountMin:         1,
		ReplicaCountMax:         5,
		PartitionCountMax:       1 << 16,
		WriteMinReplicas:        2,
		DroppedHoldS:            604_800,
		ResendMs:                1_000,
		ResendAddMs:             3_000,
		SettleMs:                500,
		PatienceMs:              5_000,
		BalanceEveryMs:          1_000,
	}
}

// writeMin is the number of members a partition needs to accept writes.
func (o *Options) writeMin(maxReplicas int32) int {
	switch {
	case o.WriteMinReplicas > 0:
		return int(min(o.WriteMinReplicas, maxReplicas))
	case maxReplicas <= 2:
		return 1
	default:
		return int(maxReplicas/2) + 1
	}
}
