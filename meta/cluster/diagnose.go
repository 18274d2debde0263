package cluster

import (
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// Diagnose lists the partitions that lost all members and for which no primary can be chosen
// safely (meta.md 5.14).
func (s *State) Diagnose(pid base.Gpid, hostPort bool) *metaadmin.DddDiagnoseResponse {
	resp := &metaadmin.DddDiagnoseResponse{Err: base.ErrOK.Ptr(), Partitions: []*metaadmin.DddPartitionInfo{}}
	if pid.AppID >= 0 && s.apps[pid.AppID] == nil {
		resp.Err = base.ErrAppNotExist.Ptr()
		return resp
	}
	for _, a := range s.appOrder {
		if pid.AppID >= 0 && pid.AppID != a.info.AppID {
			continue
		}
		for i, p := range a.parts {
			if p.diagnosis == nil || pid.PartitionIndex >= 0 && pid.AppID >= 0 && int(pid.PartitionIndex) != i {
				continue
			}
			resp.Partitions = append(resp.Partitions, s.diagnosePartition(p, hostPort))
		}
	}
	return resp
}

func (s *State) diagnosePartition(p *Partition, hostPort bool) *metaadmin.DddPartitionInfo {
	info := &metaadmin.DddPartitionInfo{Config: s.WireConfig(&p.config, hostPort), Reason: *p.diagnosis, Dropped: []*metaadmin.DddNodeInfo{}}
	for _, d := range p.dropped {
		n := s.nodes[d.node]
		e := &metaadmin.DddNodeInfo{
			Node: d.node.Ptr(), DropTimeMs: d.timeMs, Ballot: -1, LastCommittedDecree: -1, LastPreparedDecree: -1,
			IsAlive: n != nil && n.alive, IsCollected: n != nil && n.collectedMs > 0,
		}
		if e.IsAlive && e.IsCollected {
			e.Ballot, e.LastCommittedDecree, e.LastPreparedDecree = d.ballot, d.committed, d.prepared
		}
		if hostPort {
			e.HpNode = s.HostPort(d.node)
		}
		info.Dropped = append(info.Dropped, e)
	}
	return info
}
