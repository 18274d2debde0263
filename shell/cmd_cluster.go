package shell

import (
	"fmt"
	"io"
	"strings"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

func cmdClusterInfo(s *session, p *parsed) error {
	ctx, cancel := s.adminCtx()
	defer cancel()
	keys, values, err := s.admin().ClusterInfo(ctx)
	if err != nil {
		fmt.Fprintf(s.out, "get cluster info failed, error=%s\n", codeName(err))
		return errTold
	}
	t := pairTable("cluster_info")
	for i, key := range keys {
		value := values[i]
		if p.has("resolve_ip") && (key == "meta_servers" || key == "primary_meta_server") {
			value = otherNames(s.ctx, value)
		}
		t.add(key, value)
	}
	return s.output(p, func(w io.Writer) error { return printTable(w, t, p.has("json")) })
}

func cmdSetMetaLevel(s *session, p *parsed) error {
	level, err := metaadmin.MetaFunctionLevelFromString("fl_" + p.arg(0))
	if err != nil || level == metaadmin.MetaFunctionLevel_fl_invalid {
		return fmt.Errorf("parse fl_%s as meta function level failed", p.arg(0))
	}
	ctx, cancel := s.adminCtx()
	defer cancel()
	old, err := s.admin().SetMetaLevel(ctx, level)
	if err != nil {
		fmt.Fprintf(s.out, "control meta level got error %s\n", codeName(err))
		return errTold
	}
	fmt.Fprintf(s.out, "control meta level ok, the old level is %s\n", old)
	return nil
}

func cmdGetMetaLevel(s *session, _ *parsed) error {
	ctx, cancel := s.adminCtx()
	defer cancel()
	level, err := s.admin().MetaLevel(ctx)
	if err != nil {
		fmt.Fprintf(s.out, "get meta level got error %s\n", codeName(err))
		return errTold
	}
	fmt.Fprintf(s.out, "current meta level is %s\n", level)
	return nil
}

// cmdPropose sends one configuration action.
func cmdPropose(s *session, p *parsed) error {
	gpid, err := s.gpidOption(p)
	if err != nil {
		return err
	}
	for _, need := range []string{"target", "node"} {
		if !p.has(need) {
			fmt.Fprintf(s.errw, "need set %s by -%c\n", need, need[0])
			return errTold
		}
	}
	typeName := "CT_" + p.str("type", "")
	typ, err := metaadmin.ConfigTypeFromString(typeName)
	if err != nil || typ == metaadmin.ConfigType_CT_INVALID {
		fmt.Fprintf(s.errw, "parse %s as config_type failed.\n", typeName)
		return errTold
	}
	target, err1 := base.ResolveAddress(p.str("target", ""))
	node, err2 := base.ResolveAddress(p.str("node", ""))
	if err1 != nil || err2 != nil {
		return fmt.Errorf("parse target or node as host:port failed")
	}
	err = s.sendProposal(&metaadmin.ConfigurationBalancerRequest{
		Gpid: gpid.Ptr(), Force: p.has("force"),
		ActionList: []*metaadmin.ConfigurationProposalAction{action(target, node, typ)},
	})
	fmt.Fprintf(s.out, "send proposal response: %s\n", codeName(err))
	return told(err)
}

// cmdBalance sends the actions that move or copy one replica.
func cmdBalance(s *session, p *parsed) error {
	for _, need := range []string{"gpid", "type", "from", "to"} {
		if !p.has(need) {
			return errUsage
		}
	}
	gpid, err := s.gpidOption(p)
	if err != nil {
		return err
	}
	from, err1 := base.ResolveAddress(p.str("from", ""))
	to, err2 := base.ResolveAddress(p.str("to", ""))
	if err1 != nil || err2 != nil {
		return fmt.Errorf("parse from or to as host:port failed")
	}
	req := balanceRequest(p.str("type", ""), from, to)
	if req == nil {
		fmt.Fprintf(s.errw, "parse %s as a balance type failed\n", p.str("type", ""))
		return errUsage
	}
	req.Gpid = gpid.Ptr()
	err = s.sendProposal(req)
	fmt.Fprintf(s.out, "send balance proposal result: %s\n", codeName(err))
	return told(err)
}

// balanceRequest spells a balance type out (ops.md 1.4.2); nil for an unknown one.
func balanceRequest(typ string, from, to base.RPCAddress) *metaadmin.ConfigurationBalancerRequest {
	var none base.RPCAddress
	demote := action(from, from, metaadmin.ConfigType_CT_DOWNGRADE_TO_SECONDARY)
	promote := action(to, to, metaadmin.ConfigType_CT_UPGRADE_TO_PRIMARY)
	req := &metaadmin.ConfigurationBalancerRequest{}
	var kind metaadmin.BalancerRequestType
	switch typ {
	case "move_pri":
		kind = metaadmin.BalancerRequestType_move_primary
		req.ActionList = append(req.ActionList, demote, promote)
	case "copy_pri":
		kind = metaadmin.BalancerRequestType_copy_primary
		req.ActionList = append(req.ActionList, action(from, to, metaadmin.ConfigType_CT_ADD_SECONDARY_FOR_LB), demote, promote)
	case "copy_sec":
		kind = metaadmin.BalancerRequestType_copy_secondary
		req.ActionList = append(req.ActionList,
			action(none, to, metaadmin.ConfigType_CT_ADD_SECONDARY_FOR_LB),
			action(none, from, metaadmin.ConfigType_CT_DOWNGRADE_TO_INACTIVE))
	default:
		return nil
	}
	req.BalanceType = &kind
	return req
}

func action(target, node base.RPCAddress, typ metaadmin.ConfigType) *metaadmin.ConfigurationProposalAction {
	return &metaadmin.ConfigurationProposalAction{Target: target.Ptr(), Node: node.Ptr(), Type: typ}
}

func (s *session) sendProposal(req *metaadmin.ConfigurationBalancerRequest) error {
	ctx, cancel := s.adminCtx()
	defer cancel()
	return s.admin().Propose(ctx, req)
}

func (s *session) gpidOption(p *parsed) (base.Gpid, error) {
	if !p.has("gpid") {
		fmt.Fprintln(s.errw, "need set gpid by -g")
		return base.Gpid{}, errTold
	}
	g, err := base.ParseGpid(p.str("gpid", ""))
	if err != nil {
		fmt.Fprintf(s.errw, "parse %s as gpid failed\n", p.str("gpid", ""))
		return base.Gpid{}, errTold
	}
	return g, nil
}

// told keeps the exit code of an error whose text was printed.
func told(err error) error {
	if err != nil {
		return errTold
	}
	return nil
}

// hintSuffix is ", hint" behind an error of a meta that explained itself.
func hintSuffix(err error) string {
	if hint := strings.TrimSpace(client.HintOf(err)); hint != "" {
		return ", " + hint
	}
	return ""
}
