package cluster

import (
	"fmt"
	"strings"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// operator runs the commands that stand for an operator's requests.
func (w *world) operator(a args) bool {
	words := a.words()
	switch a.d.Cmd {
	case "create":
		w.s.CreateApp(w.now, w.nextTicket(), &metaadmin.ConfigurationCreateAppRequest{
			AppName: words[0], Options: &metaadmin.CreateAppOptions{
				PartitionCount: int32(a.int("partitions", 1)), ReplicaCount: int32(a.int("replicas", 3)), AppType: "pegasus",
				IsStateful: true, SuccessIfExist: a.str("if_exist", "no") == "ok",
			},
		})
	case "drop":
		req := &metaadmin.ConfigurationDropAppRequest{AppName: words[0], Options: &metaadmin.DropAppOptions{
			SuccessIfNotExist: a.str("if_missing", "no") == "ok",
		}}
		if s := a.int("reserve", 0); s > 0 {
			req.Options.ReserveSeconds = &s
		}
		w.s.DropApp(w.now, w.nextTicket(), req)
	case "recall":
		w.s.RecallApp(w.now, w.nextTicket(), &metaadmin.ConfigurationRecallAppRequest{
			AppID: int32(a.int("id", 0)), NewAppName_: a.str("name", ""),
		})
	case "rename":
		w.s.RenameApp(w.nextTicket(), &metaadmin.ConfigurationRenameAppRequest{OldAppName: words[0], NewAppName_: words[1]})
	case "query":
		r := w.s.QueryConfig(&layer2.QueryCfgRequest{AppName: words[0]}, false)
		fmt.Fprintf(&w.out, "%s id %d partitions %d of %d\n", r.Err, r.AppID, len(r.Partitions), r.PartitionCount)
	case "envs":
		w.envs(a)
	case "level":
		l, err := metaadmin.MetaFunctionLevelFromString("fl_" + words[0])
		if err != nil {
			a.d.Fatalf(a.t, "%v", err)
		}
		r := w.s.ControlMeta(w.now, &metaadmin.ConfigurationMetaControlRequest{Level: l})
		fmt.Fprintf(&w.out, "%s was %s\n", r.Err, r.OldLevel)
	case "propose":
		w.propose(a)
	case "replicas":
		w.s.SetMaxReplicaCount(w.nextTicket(), &metaadmin.ConfigurationSetMaxReplicaCountRequest{
			AppName: words[0], MaxReplicaCount: int32(a.int("count", 0)),
		})
	case "blacklist":
		var list []base.RPCAddress
		for _, n := range words {
			list = append(list, nodeAddr(n))
		}
		w.s.SetBlackList(list)
	case "allow":
		var list []base.RPCAddress
		for _, n := range words {
			list = append(list, nodeAddr(n))
		}
		w.s.SetAllowList(list)
	case "diagnose":
		for _, p := range w.s.Diagnose(base.Gpid{AppID: -1, PartitionIndex: -1}, false).Partitions {
			fmt.Fprintf(&w.out, "%s: %s\n", p.Config.Pid, p.Reason)
			for _, d := range p.Dropped {
				fmt.Fprintf(&w.out, "  %s alive %v collected %v ballot %d committed %d prepared %d\n",
					nodeName(d.Node.Val()), d.IsAlive, d.IsCollected, d.Ballot, d.LastCommittedDecree, d.LastPreparedDecree)
			}
		}
	case "health":
		h, ok := w.s.Health(int32(a.int("id", 0)))
		fmt.Fprintf(&w.out, "%v %+v\n", ok, h)
	default:
		return false
	}
	return true
}

// envs: "envs <table> set|del|clear", one "key value", key or prefix per line.
func (w *world) envs(a args) {
	req := &metaadmin.ConfigurationUpdateAppEnvRequest{AppName: a.words()[0]}
	switch a.words()[1] {
	case "set":
		req.Op = metaadmin.AppEnvOperation_APP_ENV_OP_SET
	case "del":
		req.Op = metaadmin.AppEnvOperation_APP_ENV_OP_DEL
	case "clear":
		req.Op = metaadmin.AppEnvOperation_APP_ENV_OP_CLEAR
		prefix := strings.TrimSpace(a.d.Input)
		req.ClearPrefix = &prefix
	}
	for line := range strings.Lines(a.d.Input) {
		k, v, _ := strings.Cut(strings.TrimSpace(line), " ")
		req.Keys = append(req.Keys, k)
		if req.Op == metaadmin.AppEnvOperation_APP_ENV_OP_SET {
			req.Values = append(req.Values, v)
		}
	}
	w.s.UpdateAppEnv(w.nextTicket(), req)
}

// propose: "propose <gpid> [force=yes]", one "<type> <target> <node>" per line; "-" for no target.
func (w *world) propose(a args) {
	pid, err := base.ParseGpid(a.words()[0])
	if err != nil {
		a.d.Fatalf(a.t, "%v", err)
	}
	var actions []Action
	for line := range strings.Lines(a.d.Input) {
		f := strings.Fields(line)
		typ, err := metaadmin.ConfigTypeFromString("CT_" + strings.ToUpper(f[0]))
		if err != nil {
			a.d.Fatalf(a.t, "%v", err)
		}
		actions = append(actions, Action{Type: typ, Target: nodeAddr(f[1]), Node: nodeAddr(f[2])})
	}
	r := w.s.Propose(w.now, &metaadmin.ConfigurationBalancerRequest{Gpid: pid.Ptr(), Force: a.str("force", "no") == "yes"}, actions)
	fmt.Fprintf(&w.out, "%s\n", r.Err)
}
