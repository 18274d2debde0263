package cluster

import (
	"strings"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

const (
	levelBlind   = metaadmin.MetaFunctionLevel_fl_blind
	levelFreezed = metaadmin.MetaFunctionLevel_fl_freezed
	levelSteady  = metaadmin.MetaFunctionLevel_fl_steady
	levelInvalid = metaadmin.MetaFunctionLevel_fl_invalid
)

// EffectiveLevel is the function level that gates activities: the one set, lowered to freezed while
// too few servers live (meta.md 4.2).
func (s *State) EffectiveLevel() metaadmin.MetaFunctionLevel {
	if s.level > levelFreezed && s.frozen() {
		return levelFreezed
	}
	return s.level
}

// LevelText is the effective level as people read it.
func (s *State) LevelText() string {
	return strings.TrimPrefix(s.EffectiveLevel().String(), "fl_")
}

func (s *State) frozen() bool {
	return s.living < s.opts.MinLiveNodesForUnfreeze || int64(s.living)*100 < s.opts.LivePercentage*int64(len(s.nodes))
}

// ControlMeta sets the function level; the invalid level only asks.
func (s *State) ControlMeta(now int64, req *metaadmin.ConfigurationMetaControlRequest) *metaadmin.ConfigurationMetaControlResponse {
	resp := &metaadmin.ConfigurationMetaControlResponse{Err: base.ErrOK.Ptr(), OldLevel: s.level}
	switch req.Level {
	case levelInvalid:
		return resp
	case metaadmin.MetaFunctionLevel_fl_stopped, levelBlind, levelFreezed, levelSteady, metaadmin.MetaFunctionLevel_fl_lively:
		s.level = req.Level
	default:
		resp.Err = base.ErrInvalidParameters.Ptr()
		return resp
	}
	s.note("function level: %s -> %s", resp.OldLevel, s.level)
	if s.level <= levelSteady {
		for _, a := range s.appOrder {
			for i := range a.ill.all() {
				s.clearProposals(a.parts[i])
			}
		}
	}
	s.cureAll(now)
	return resp
}
