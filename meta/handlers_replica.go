package meta

import (
	"github.com/apache/thrift/lib/go/thrift"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/fd"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/meta/cluster"
	"github.com/pegasus-go/pegasus/rpc"
)

// registerReplicaHandlers: what replica servers ask.
func (s *Server) registerReplicaHandlers() {
	answer(s, "RPC_CM_CONFIG_SYNC", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &metaadmin.ConfigurationQueryByNodeResponse{Err: e}
	}), func(c *call, req *metaadmin.ConfigurationQueryByNodeRequest) thrift.TStruct {
		stored := req.StoredReplicas
		return c.core().ConfigSync(c.now, addressOf(req.Node, req.HpNode), stored, c.hp)
	})
	later(s, "RPC_CM_UPDATE_PARTITION_CONFIGURATION", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &metaadmin.ConfigurationUpdateResponse{Err: e, Config: layer2.NewPartitionConfiguration()}
	}), func(c *call, tk cluster.Ticket, req *metaadmin.ConfigurationUpdateRequest) {
		want := cluster.Config{Ballot: cluster.InvalidBallot}
		if req.Config != nil {
			want = cluster.FromWire(req.Config, (*base.HostPort).Address)
		}
		c.core().UpdateConfiguration(c.now, tk, req, want, addressOf(req.Node, req.HpNode))
	})
}

// onBeacon answers a replica server's sign of life. Only a leader says that it is the master: such an answer renews the
// lease of the server, and the promise behind it, not to give its partitions away before the grace period is over, can
// only be kept by somebody whom nobody can succeed meanwhile. A leader that loads its state keeps it by doing nothing.
func (s *Server) onBeacon(r *rpc.Request) {
	var b fd.BeaconMsg
	if err := r.Decode(&b); err != nil {
		s.refuse(r, err)
		return
	}
	hostPort := b.HpFromNode != nil || s.opts.wantsHostPort(r.Dialect)
	ack := &fd.BeaconAck{Time: b.Time, ThisNode: b.ToNode, Allowed: true}
	if ack.ThisNode == nil {
		ack.ThisNode = base.NewRPCAddress()
	}
	if hostPort {
		ack.HpThisNode = b.HpToNode
		if ack.HpThisNode == nil {
			ack.HpThisNode = ack.ThisNode.HostPort()
		}
	}
	switch res := s.takeBeacon(&b); {
	case res.Ignore:
		r.Drop()
		return
	case res.NotYet:
		leader, name := s.leader()
		if leader == s.self {
			leader, name = base.RPCAddress{}, ""
		}
		ack.PrimaryNode = leader.Ptr()
		if hp, err := parseHostPort(name); err == nil && hostPort {
			ack.HpPrimaryNode = &hp
		}
	default:
		ack.IsMaster, ack.Allowed, ack.PrimaryNode = true, res.Allowed, s.self.Ptr()
		if hostPort {
			hp := s.selfHP
			ack.HpPrimaryNode = &hp
		}
	}
	r.Reply(ack)
}

// takeBeacon gives a beacon to the core of the present term. Without one there is nothing to tell.
func (s *Server) takeBeacon(b *fd.BeaconMsg) cluster.BeaconAnswer {
	t := s.leadingTerm()
	if t == nil {
		return cluster.BeaconAnswer{NotYet: true}
	}
	in := cluster.Beacon{From: addressOf(b.FromNode, b.HpFromNode), StartMs: b.GetStartTime()}
	if b.HpFromNode != nil {
		in.HostPort = *b.HpFromNode
	}
	res := cluster.BeaconAnswer{Ignore: true} // if the term ended meanwhile
	t.do(func(now int64) { res = t.core.OnBeacon(now, in) })
	return res
}

// onDeath takes in the word of a witness that the process which sent beacons from an address since a time has ended. The
// answer says whether this meta leads, and whether nothing is left to tell.
func (s *Server) onDeath(r *rpc.Request) {
	var b fd.BeaconMsg
	if err := r.Decode(&b); err != nil {
		s.refuse(r, err)
		return
	}
	ack := &fd.BeaconAck{Time: b.Time, ThisNode: s.self.Ptr(), PrimaryNode: base.NewRPCAddress()}
	if t := s.leadingTerm(); t != nil && t.ready.Load() {
		ack.IsMaster, ack.PrimaryNode = true, s.self.Ptr()
		t.do(func(now int64) {
			ack.Allowed = t.core.OnDeath(now, addressOf(b.FromNode, b.HpFromNode), b.GetStartTime())
		})
	}
	r.Reply(ack)
}
