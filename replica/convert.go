package replica

import (
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metadata"
	"github.com/pegasus-go/pegasus/replica/pacifica"
)

// configOf reads a configuration of the wire.
func configOf(pc *layer2.PartitionConfiguration) pacifica.Config {
	if pc == nil {
		return pacifica.Config{Ballot: -1}
	}
	return pacifica.Config{
		Ballot: pc.Ballot, MaxReplicaCount: pc.MaxReplicaCount, Primary: pc.Primary.Val(),
		Secondaries: nodesOf(pc.Secondaries), LastDrops: nodesOf(pc.LastDrops),
	}
}

func nodesOf(list []*base.RPCAddress) []pacifica.Node {
	out := make([]pacifica.Node, 0, len(list))
	for _, a := range list {
		out = append(out, a.Val())
	}
	return out
}

func addressesOf(list []pacifica.Node) []*base.RPCAddress {
	out := make([]*base.RPCAddress, 0, len(list))
	for _, n := range list {
		out = append(out, n.Ptr())
	}
	return out
}

// partitionConfig is configOf the other way.
func partitionConfig(gpid base.Gpid, c pacifica.Config, lastCommitted int64) *layer2.PartitionConfiguration {
	return &layer2.PartitionConfiguration{
		Pid: gpid.Ptr(), Ballot: c.Ballot, MaxReplicaCount: c.MaxReplicaCount, Primary: c.Primary.Ptr(),
		Secondaries: addressesOf(c.Secondaries), LastDrops: addressesOf(c.LastDrops), LastCommittedDecree: lastCommitted,
	}
}

// replicaConfig tells a receiver its role in the group.
func replicaConfig(gpid base.Gpid, ballot int64, primary pacifica.Node, role pacifica.Status, signature int64) *metadata.ReplicaConfiguration {
	c := metadata.NewReplicaConfiguration()
	c.Pid, c.Ballot, c.Primary, c.Status, c.LearnerSignature = gpid.Ptr(), ballot, primary.Ptr(), role, signature
	return c
}
