package cluster

import (
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// actionsMax bounds the steps of one request; the longest known plan has four.
const actionsMax = 16

// Propose takes an operator's plan for a partition. Forced steps are sent at once and forgotten;
// others are done one after the other like the meta's own (meta.md 5.10).
func (s *State) Propose(now int64, req *metaadmin.ConfigurationBalancerRequest, actions []Action) *metaadmin.ConfigurationBalancerResponse {
	answer := func(err base.ErrorCode) *metaadmin.ConfigurationBalancerResponse {
		return &metaadmin.ConfigurationBalancerResponse{Err: err.Ptr()}
	}
	if req.Gpid == nil || len(actions) > actionsMax {
		return answer(base.ErrInvalidParameters)
	}
	p := s.partition(*req.Gpid)
	if p == nil || p.app.info.Status != layer2.AppStatus_AS_AVAILABLE {
		return answer(base.ErrInvalidParameters)
	}
	if req.Force {
		for _, a := range actions {
			if a.Target.IsValid() {
				s.sendAction(p, a)
			}
		}
		return answer(base.ErrOK)
	}
	if len(p.proposals.list) > 0 || len(actions) == 0 {
		return answer(base.ErrInvalidParameters)
	}
	for i := range actions {
		if !actions[i].Target.IsValid() {
			actions[i].Target = p.config.Primary
		}
		if !actions[i].Target.IsValid() || !actions[i].Node.IsValid() {
			return answer(base.ErrInvalidParameters)
		}
	}
	s.setProposals(p, true, actions...)
	s.cure(now, p)
	return answer(base.ErrOK)
}
