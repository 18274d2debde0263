package cluster

import (
	"cmp"
	"maps"
	"slices"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/gen-go/metadata"
)

// ConfigSync tells a replica server its partitions and takes in what it stores (meta.md 7.7).
// stored is nil when the server did not report.
func (s *State) ConfigSync(now int64, from base.RPCAddress, stored []*metadata.ReplicaInfo, hostPort bool) *metaadmin.ConfigurationQueryByNodeResponse {
	resp := &metaadmin.ConfigurationQueryByNodeResponse{Err: base.ErrOK.Ptr(), Partitions: []*metaadmin.ConfigurationUpdateRequest{}}
	n := s.nodes[from]
	if n == nil {
		resp.Err = base.ErrObjectNotFound.Ptr()
		return resp
	}
	parts := slices.SortedFunc(maps.Keys(n.parts), compareGpid)
	for _, g := range parts {
		// While a change that concerns this server is being written nobody can say what its role is.
		if c := s.partition(g).pending; c != nil && (c.node == from || c.ticket == nil) {
			resp.Err = base.ErrBusy.Ptr()
			return resp
		}
	}
	infos := map[int32]*layer2.AppInfo{} // one copy for all partitions of a table
	for _, g := range parts {
		p := s.partition(g)
		if infos[g.AppID] == nil {
			infos[g.AppID] = cloneInfo(&p.app.info)
		}
		resp.Partitions = append(resp.Partitions, &metaadmin.ConfigurationUpdateRequest{
			Info: infos[g.AppID], Config: s.WireConfig(&p.config, hostPort), Node: base.NewRPCAddress(), HostNode: from.Ptr(),
		})
	}
	if stored != nil {
		if gc := s.collect(now, n, stored); len(gc) > 0 {
			resp.GcReplicas = gc
		}
	}
	return resp
}

func compareGpid(a, b base.Gpid) int {
	return cmp.Or(cmp.Compare(a.AppID, b.AppID), cmp.Compare(a.PartitionIndex, b.PartitionIndex))
}

// collect takes in a server's report and returns the replicas it may delete.
func (s *State) collect(now int64, n *Node, stored []*metadata.ReplicaInfo) (gc []*metadata.ReplicaInfo) {
	first := n.collectedMs == 0
	s.forgetReports(n.addr)
	mayGC := s.EffectiveLevel() > levelSteady
	for _, r := range stored {
		if r == nil || r.Pid == nil {
			continue
		}
		if !s.collectReplica(now, n, r) && mayGC {
			gc = append(gc, r)
		}
	}
	n.collectedMs = now
	if first {
		s.resendTo(n.addr)
	}
	s.cureReported(now, n.addr)
	return gc
}

// collectReplica takes in one reported replica; it tells whether the replica is worth keeping. What
// the meta does not know at all is kept: deleting it could not be undone.
func (s *State) collectReplica(now int64, n *Node, r *metadata.ReplicaInfo) bool {
	a := s.apps[r.Pid.AppID]
	p := s.partition(*r.Pid)
	if p == nil {
		if a != nil && r.Pid.PartitionIndex >= 0 && r.Pid.PartitionIndex < 2*a.info.PartitionCount &&
			r.Status == metadata.PartitionStatus_PS_ERROR {
			return false // left over from a cancelled split
		}
		s.warn("%s: stores %s, which no table here has; kept", s.HostPort(n.addr), *r.Pid)
		return true
	}
	d := droppedReplica{node: n.addr, ballot: r.Ballot, committed: r.LastCommittedDecree, prepared: r.LastPreparedDecree}
	switch a.info.Status {
	case layer2.AppStatus_AS_DROPPED:
		s.collectDropped(p, d)
		return a.info.ExpireSecond == 0 || now < a.info.ExpireSecond*1000
	case layer2.AppStatus_AS_AVAILABLE:
	default:
		return true
	}
	if p.config.Ballot == InvalidBallot {
		return false
	}
	if p.config.isMember(n.addr) {
		p.setServing(served{node: n.addr, diskTag: n.internTag(r.DiskTag), compact: compactStatus(r)})
		return true
	}
	p.trackLearner(n.addr, r.Status)
	kept := s.collectDropped(p, d)
	return kept || r.Status == metadata.PartitionStatus_PS_POTENTIAL_SECONDARY
}

func compactStatus(r *metadata.ReplicaInfo) int32 {
	if r.ManualCompactStatus == nil {
		return 0
	}
	return int32(*r.ManualCompactStatus)
}
