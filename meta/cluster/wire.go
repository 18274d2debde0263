package cluster

import (
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// WireConfig is the configuration as peers read it, with hp_* fields when asked.
func (s *State) WireConfig(c *Config, hostPort bool) *layer2.PartitionConfiguration {
	pc := &layer2.PartitionConfiguration{
		Pid:                 c.Pid.Ptr(),
		Ballot:              c.Ballot,
		MaxReplicaCount:     c.MaxReplicaCount,
		Primary:             c.Primary.Ptr(),
		Secondaries:         wireAddresses(c.Secondaries),
		LastDrops:           wireAddresses(c.LastDrops),
		LastCommittedDecree: c.LastCommittedDecree,
		PartitionFlags:      c.Flags,
	}
	if hostPort {
		if c.Primary.IsValid() {
			pc.HpPrimary = s.HostPort(c.Primary)
		}
		pc.HpSecondaries = s.hostPorts(c.Secondaries)
		pc.HpLastDrops = s.hostPorts(c.LastDrops)
	}
	return pc
}

func wireAddresses(list []base.RPCAddress) []*base.RPCAddress {
	out := make([]*base.RPCAddress, len(list))
	for i, n := range list {
		out[i] = n.Ptr()
	}
	return out
}

func (s *State) hostPorts(list []base.RPCAddress) []*base.HostPort {
	out := make([]*base.HostPort, len(list))
	for i, n := range list {
		out[i] = s.HostPort(n)
	}
	return out
}

// FromWire reads a configuration a peer sent. Addresses are taken as they are; resolve fills those
// that are only given by name.
func FromWire(pc *layer2.PartitionConfiguration, resolve func(*base.HostPort) base.RPCAddress) Config {
	c := Config{
		Ballot:              pc.GetBallot(),
		MaxReplicaCount:     pc.GetMaxReplicaCount(),
		Primary:             pick(pc.Primary, pc.HpPrimary, resolve),
		Secondaries:         pickList(pc.Secondaries, pc.HpSecondaries, resolve),
		LastDrops:           pickList(pc.LastDrops, pc.HpLastDrops, resolve),
		LastCommittedDecree: pc.LastCommittedDecree,
		Flags:               pc.PartitionFlags,
	}
	if pc.Pid != nil {
		c.Pid = *pc.Pid
	}
	return c
}

func pick(a *base.RPCAddress, hp *base.HostPort, resolve func(*base.HostPort) base.RPCAddress) base.RPCAddress {
	if v := a.Val(); v.IsValid() || hp == nil || resolve == nil {
		return v
	}
	return resolve(hp)
}

func pickList(list []*base.RPCAddress, hps []*base.HostPort, resolve func(*base.HostPort) base.RPCAddress) []base.RPCAddress {
	var out []base.RPCAddress
	for i := 0; i < max(len(list), len(hps)); i++ {
		var a *base.RPCAddress
		var hp *base.HostPort
		if i < len(list) {
			a = list[i]
		}
		if i < len(hps) {
			hp = hps[i]
		}
		if v := pick(a, hp, resolve); v.IsValid() {
			out = append(out, v)
		}
	}
	return out
}

// updateRequest is the message that proposals and answers to config sync are made of.
func (s *State) updateRequest(p *Partition, typ metaadmin.ConfigType, node base.RPCAddress, hostPort bool) *metaadmin.ConfigurationUpdateRequest {
	req := &metaadmin.ConfigurationUpdateRequest{
		Info:   cloneInfo(&p.app.info),
		Config: s.WireConfig(&p.config, hostPort),
		Type:   typ,
		Node:   node.Ptr(),
	}
	if hostPort && node.IsValid() {
		req.HpNode = s.HostPort(node)
	}
	return req
}
