package cluster

import (
	"fmt"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// GetAtomicIdempotent reads the table's flag (meta.md 5.18).
func (s *State) GetAtomicIdempotent(name string) *metaadmin.ConfigurationGetAtomicIdempotentResponse {
	resp := &metaadmin.ConfigurationGetAtomicIdempotentResponse{Err: base.ErrOK.Ptr()}
	if a := s.names[name]; a != nil {
		resp.AtomicIdempotent = a.info.AtomicIdempotent
		return resp
	}
	resp.Err = base.ErrAppNotExist.Ptr()
	resp.HintMessage = fmt.Sprintf("app_name(%s) is not found", name)
	return resp
}

// SetAtomicIdempotent changes the table's flag; the answer comes when that is persisted.
func (s *State) SetAtomicIdempotent(t Ticket, req *metaadmin.ConfigurationSetAtomicIdempotentRequest) {
	old, want := false, req.AtomicIdempotent
	answer := func(err base.ErrorCode, hint string) {
		s.reply(t, &metaadmin.ConfigurationSetAtomicIdempotentResponse{Err: err.Ptr(), OldAtomicIdempotent: old, HintMessage: hint})
	}
	a := s.names[req.AppName]
	if a == nil {
		answer(base.ErrAppNotExist, fmt.Sprintf("app_name(%s) is not found", req.AppName))
		return
	}
	old = a.info.AtomicIdempotent
	switch {
	case a.info.Status != layer2.AppStatus_AS_AVAILABLE:
		answer(base.ErrInvalidState, fmt.Sprintf("app_name(%s) is not available", req.AppName))
	case s.EffectiveLevel() <= levelFreezed:
		answer(base.ErrStateFreezed, "current meta function level is freezed, since there are too few alive nodes")
	case old == want:
		answer(base.ErrOK, "no need to update atomic_idempotent since it's unchanged")
	default:
		s.writeApp(a, func(info *layer2.AppInfo) bool {
			info.AtomicIdempotent = want
			return true
		}, func(int64) {
			a.info.AtomicIdempotent = want
			answer(base.ErrOK, "")
		})
	}
}
