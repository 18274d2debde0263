package cluster

import (
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/duplication"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
)

// ListDuplications lists available tables by name pattern with their duplications; tables without
// any are listed too, and for now no table has one (meta.md 10.2).
func (s *State) ListDuplications(req *duplication.DuplicationListRequest) *duplication.DuplicationListResponse {
	resp := &duplication.DuplicationListResponse{Err: base.ErrOK.Ptr(), AppStates: map[string]*duplication.DuplicationAppState{}}
	for _, a := range s.appOrder {
		if a.info.Status != layer2.AppStatus_AS_AVAILABLE {
			continue
		}
		ok, err := match(a.info.AppName, req.AppNamePattern, req.MatchType)
		if err != base.ErrOK {
			return &duplication.DuplicationListResponse{Err: err.Ptr(), HintMessage: "match_type " + req.MatchType.String() + " is not supported"}
		}
		if ok {
			resp.AppStates[a.info.AppName] = &duplication.DuplicationAppState{
				Appid: a.info.AppID, AppName: a.info.AppName, PartitionCount: a.info.PartitionCount,
			}
		}
	}
	return resp
}
