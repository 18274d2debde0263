package cluster

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// envCountUpdate marks a table whose replica count is being changed, so that the next leader can
// finish the change.
const envCountUpdate, countUpdating = "max_replica_count.update", "updating;"

// GetMaxReplicaCount reads a table's replica count (meta.md 5.16).
func (s *State) GetMaxReplicaCount(name string) *metaadmin.ConfigurationGetMaxReplicaCountResponse {
	resp := &metaadmin.ConfigurationGetMaxReplicaCountResponse{Err: base.ErrOK.Ptr()}
	a := s.names[name]
	if a == nil {
		resp.Err = base.ErrAppNotExist.Ptr()
		resp.HintMessage = fmt.Sprintf("app_name(%s) is not found", name)
		return resp
	}
	if err, hint := consistentCount(a); err != base.ErrOK {
		resp.Err, resp.HintMessage = err.Ptr(), hint
		return resp
	}
	resp.MaxReplicaCount = a.info.MaxReplicaCount
	return resp
}

func consistentCount(a *App) (base.ErrorCode, string) {
	for _, p := range a.parts {
		if p.config.MaxReplicaCount != a.info.MaxReplicaCount {
			return base.ErrInconsistentState, fmt.Sprintf("partition %s has max_replica_count %d, the table has %d",
				p.config.Pid, p.config.MaxReplicaCount, a.info.MaxReplicaCount)
		}
	}
	return base.ErrOK, ""
}

// SetMaxReplicaCount changes a table's replica count: first the intent is persisted, then every
// partition, then the table. The cures add or remove secondaries afterwards (meta.md 5.17).
func (s *State) SetMaxReplicaCount(t Ticket, req *metaadmin.ConfigurationSetMaxReplicaCountRequest) {
	old := int32(0)
	answer := func(err base.ErrorCode, hint string) {
		s.reply(t, &metaadmin.ConfigurationSetMaxReplicaCountResponse{Err: err.Ptr(), OldMaxReplicaCount: old, HintMessage: hint})
	}
	a, n := s.names[req.AppName], req.MaxReplicaCount
	if a == nil {
		answer(base.ErrAppNotExist, fmt.Sprintf("app_name(%s) is not found", req.AppName))
		return
	}
	if err, hint := consistentCount(a); err != base.ErrOK {
		answer(err, hint)
		return
	}
	old = a.info.MaxReplicaCount
	switch {
	case a.info.Status != layer2.AppStatus_AS_AVAILABLE:
		answer(base.ErrInvalidState, fmt.Sprintf("app_name(%s) is not available", req.AppName))
	case s.EffectiveLevel() <= levelFreezed:
		answer(base.ErrStateFreezed, "current meta function level is freezed, since there are too few alive nodes")
	case !s.replicaCountFits(n):
		answer(base.ErrInvalidParameters, fmt.Sprintf("invalid max_replica_count %d: should be in [%d, %d] and at most the %d alive nodes",
			n, s.opts.ReplicaCountMin, s.opts.ReplicaCountMax, s.living))
	case n == old:
		answer(base.ErrOK, "no need to update max_replica_count since it's not changed")
	case strings.HasPrefix(a.info.Envs[envCountUpdate], countUpdating):
		answer(base.ErrOperationDisabled, "a change of max_replica_count is under way")
	default:
		value := countUpdating + strconv.Itoa(int(n))
		// The mark counts from now on, so that a second request cannot slip in before it is written.
		if a.info.Envs == nil {
			a.info.Envs = map[string]string{}
		}
		a.info.Envs[envCountUpdate] = value
		s.writeApp(a, asIs, func(now int64) {
			s.changeCounts(now, a, n, func() { answer(base.ErrOK, "") })
		})
	}
}

// changeCounts brings every partition and then the table to the new replica count.
func (s *State) changeCounts(now int64, a *App, n int32, done func()) {
	left := len(a.parts)
	for _, p := range a.parts {
		s.startChange(now, p, &change{
			typ: metaadmin.ConfigType_CT_INVALID,
			build: func(c Config) (Config, bool) {
				d := c.clone()
				d.MaxReplicaCount = n
				d.raise()
				return d, c.MaxReplicaCount != n
			},
			done: func(int64) {
				if left--; left == 0 {
					s.finishCounts(a, n, done)
				}
			},
		})
	}
}

func (s *State) finishCounts(a *App, n int32, done func()) {
	s.writeApp(a, func(info *layer2.AppInfo) bool {
		info.MaxReplicaCount = n
		delete(info.Envs, envCountUpdate)
		return true
	}, func(now int64) {
		a.info.MaxReplicaCount = n
		delete(a.info.Envs, envCountUpdate)
		done()
		s.cureAll(now)
	})
}

// resumeCounts finishes changes of the replica count that an earlier leader began.
func (s *State) resumeCounts(now int64, a *App) {
	rest, ok := strings.CutPrefix(a.info.Envs[envCountUpdate], countUpdating)
	if !ok || a.info.Status != layer2.AppStatus_AS_AVAILABLE {
		return
	}
	n, err := strconv.ParseInt(rest, 10, 32)
	if err != nil || n <= 0 {
		s.warn("table %d (%s): env %s = %q makes no sense, left alone", a.info.AppID, a.info.AppName, envCountUpdate, a.info.Envs[envCountUpdate])
		return
	}
	s.changeCounts(now, a, int32(n), func() {})
}
