package replica

import (
	"maps"
	"slices"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// replicaSet is the open replicas of a server. It is never modified.
type replicaSet struct {
	byGpid map[base.Gpid]*partition
	list   []*partition // by gpid
}

func newReplicaSet(m map[base.Gpid]*partition) *replicaSet {
	return &replicaSet{byGpid: m, list: slices.SortedFunc(maps.Values(m), func(a, b *partition) int { return compareGpid(a.gpid, b.gpid) })}
}

func compareGpid(a, b base.Gpid) int {
	if a.AppID != b.AppID {
		return int(a.AppID) - int(b.AppID)
	}
	return int(a.PartitionIndex) - int(b.PartitionIndex)
}

func (s *Server) partition(gpid base.Gpid) *partition { return s.replicas.Load().byGpid[gpid] }

// partitions lists the open replicas by gpid. The list is not the caller's.
func (s *Server) partitions() []*partition { return s.replicas.Load().list }

// putPartition publishes an open replica. The caller holds s.mu.
func (s *Server) putPartition(p *partition) {
	p.term = s.lease.term.Load() // its loop does not run yet, and it has no role
	next := maps.Clone(s.replicas.Load().byGpid)
	next[p.gpid] = p
	s.replicas.Store(newReplicaSet(next))
}

// dropPartition takes a replica out of sight. The caller holds s.mu.
func (s *Server) dropPartition(p *partition) {
	next := maps.Clone(s.replicas.Load().byGpid)
	if next[p.gpid] == p {
		delete(next, p.gpid)
	}
	s.replicas.Store(newReplicaSet(next))
}
