package seeded

import (
	"fmt"
	"slices"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/command"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/rpc"
)

// An operator's orders race with everything else. Whether they are carried out is nobody's promise;
// what they must not do is harm.

// order asks every meta server; the leader acts.
func (n *nemesis) order(name string, req thrift.TStruct) {
	cl := n.c.clients[0]
	body := rpc.AppendValue(nil, rpc.FieldNative, req)
	for _, m := range n.c.metas {
		cl.port.Go(m.addr(), rpc.Call{Name: name, TimeoutMs: 5000, Body: body}, func(base.ErrorCode, []byte) {})
	}
}

// extraTables bounds the tables that come and go beside the main one.
const extraTables = 3

func (n *nemesis) createTable() bool {
	name := fmt.Sprintf("extra%d", n.c.w.rng.IntN(extraTables))
	n.c.note("operator", "creates table %s", name)
	n.order("RPC_CM_CREATE_APP", &metaadmin.ConfigurationCreateAppRequest{AppName: name, Options: &metaadmin.CreateAppOptions{
		PartitionCount: int32(1 + n.c.w.rng.IntN(2)), ReplicaCount: 3, SuccessIfExist: true, AppType: "pegasus", IsStateful: true, Envs: map[string]string{},
	}})
	return true
}

func (n *nemesis) dropTable() bool {
	name := fmt.Sprintf("extra%d", n.c.w.rng.IntN(extraTables))
	hold := int64(60 + n.c.w.rng.IntN(600))
	n.c.note("operator", "drops table %s", name)
	n.order("RPC_CM_DROP_APP", &metaadmin.ConfigurationDropAppRequest{AppName: name,
		Options: &metaadmin.DropAppOptions{SuccessIfNotExist: true, ReserveSeconds: &hold}})
	if n.c.w.chance(40) {
		n.later(time.Second, 40*time.Second, func() {
			id := int32(2 + n.c.w.rng.IntN(extraTables))
			n.c.note("operator", "recalls table %d", id)
			n.order("RPC_CM_RECALL_APP", &metaadmin.ConfigurationRecallAppRequest{AppID: id, NewAppName_: name})
		})
	}
	return true
}

func (n *nemesis) changeEnv() bool {
	ttl := fmt.Sprint(100_000 + n.c.w.rng.IntN(100_000))
	n.c.note("operator", "sets default_ttl to %s", ttl)
	n.order("RPC_CM_UPDATE_APP_ENV", &metaadmin.ConfigurationUpdateAppEnvRequest{
		AppName: mainTable, Op: metaadmin.AppEnvOperation_APP_ENV_OP_SET, Keys: []string{"default_ttl"}, Values: []string{ttl},
	})
	return true
}

// move gives the primary to a secondary, or a secondary's place to another server.
func (n *nemesis) move() bool {
	parts := n.c.state.partitions()
	p := pick(n.c.w, parts)
	if !p.hasPrimary() || len(p.Secondaries) == 0 {
		return false
	}
	old, _ := base.ParseAddress(p.Primary)
	secondary, _ := base.ParseAddress(pick(n.c.w, p.Secondaries))
	req := &metaadmin.ConfigurationBalancerRequest{Gpid: p.gpid.Ptr(), Force: n.c.w.chance(20)}
	step := func(target, node base.RPCAddress, t metaadmin.ConfigType) {
		req.ActionList = append(req.ActionList, &metaadmin.ConfigurationProposalAction{Target: target.Ptr(), Node: node.Ptr(), Type: t})
	}
	var free []*machine
	for _, m := range running(n.c.replicas) {
		if !slices.Contains(p.members(), m.addr().String()) {
			free = append(free, m)
		}
	}
	if len(free) > 0 && n.c.w.chance(50) {
		other := pick(n.c.w, free)
		n.c.note("operator", "moves a secondary of %v from %s to %s", p.gpid, secondary, other.name)
		step(old, other.addr(), metaadmin.ConfigType_CT_ADD_SECONDARY_FOR_LB)
		step(old, secondary, metaadmin.ConfigType_CT_DOWNGRADE_TO_INACTIVE)
	} else {
		n.c.note("operator", "moves the primary of %v to %s", p.gpid, secondary)
		step(old, old, metaadmin.ConfigType_CT_DOWNGRADE_TO_SECONDARY)
		step(secondary, secondary, metaadmin.ConfigType_CT_UPGRADE_TO_PRIMARY)
	}
	n.order("RPC_CM_PROPOSE_BALANCER", req)
	return true
}

func (n *nemesis) balance() bool {
	level := metaadmin.MetaFunctionLevel_fl_lively
	if n.c.w.chance(40) {
		level = metaadmin.MetaFunctionLevel_fl_steady
	}
	n.c.note("operator", "sets level %v", level)
	n.order("RPC_CM_CONTROL_META", &metaadmin.ConfigurationMetaControlRequest{Level: level})
	return true
}

// killPartition makes one replica fail as if its storage had.
func (n *nemesis) killPartition() bool {
	m := n.server()
	if m == nil {
		return false
	}
	p := pick(n.c.w, n.c.state.partitions())
	n.c.note("operator", "kills %v at %s", p.gpid, m.name)
	n.c.clients[0].port.Go(m.addr(), rpc.Call{Name: "RPC_CLI_CLI_CALL", TimeoutMs: 5000, Body: rpc.AppendValue(nil, rpc.FieldNative, &command.Command{
		Cmd: "replica.kill_partition", Arguments: []string{fmt.Sprint(p.gpid.AppID), fmt.Sprint(p.gpid.PartitionIndex)},
	})}, func(base.ErrorCode, []byte) {})
	return true
}
