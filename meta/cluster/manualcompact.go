package cluster

import (
	"fmt"
	"strconv"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/gen-go/metadata"
)

const (
	envCompactDisabled   = "manual_compact.disabled"
	envCompactMaxRunning = "manual_compact.max_concurrent_running_count"
	envCompactOnce       = "manual_compact.once."
)

// StartManualCompact tells the replicas of a table to compact, through its environment (meta.md
// 5.15).
func (s *State) StartManualCompact(now int64, t Ticket, req *metaadmin.StartAppManualCompactRequest) {
	answer := func(err base.ErrorCode, hint string) {
		s.reply(t, &metaadmin.StartAppManualCompactResponse{Err: err.Ptr(), HintMsg: hint})
	}
	a := s.names[req.AppName]
	switch {
	case a == nil:
		answer(base.ErrAppNotExist, fmt.Sprintf("app %s is not exist", req.AppName))
		return
	case a.info.Status != layer2.AppStatus_AS_AVAILABLE:
		answer(base.ErrAppDropped, fmt.Sprintf("app %s is not available", req.AppName))
		return
	case a.info.Envs[envCompactDisabled] == "true":
		answer(base.ErrOperationDisabled, fmt.Sprintf("app %s disable manual compaction", req.AppName))
		return
	}
	envs, hint := compactEnvs(now, req)
	if hint != "" {
		answer(base.ErrInvalidParameters, hint)
		return
	}
	for _, p := range a.parts {
		for i := range p.serving {
			p.serving[i].compact = int32(metadata.ManualCompactionStatus_IDLE)
		}
	}
	var next map[string]string
	s.writeApp(a, func(info *layer2.AppInfo) bool {
		for k, v := range envs {
			info.Envs[k] = v
		}
		next = info.Envs
		return true
	}, func(int64) {
		a.info.Envs = cloneInfo(&layer2.AppInfo{Envs: next}).Envs
		answer(base.ErrOK, "succeed")
	})
}

func compactEnvs(now int64, req *metaadmin.StartAppManualCompactRequest) (envs map[string]string, hint string) {
	level, trigger, bottommost := int64(-1), now/1000, "skip"
	if req.TargetLevel != nil {
		level = int64(*req.TargetLevel)
	}
	if req.TriggerTime != nil {
		trigger = *req.TriggerTime
	}
	if req.Bottommost != nil && *req.Bottommost {
		bottommost = "force"
	}
	running := int32(0)
	if req.MaxRunningCount != nil {
		running = *req.MaxRunningCount
	}
	if level < -1 {
		return nil, fmt.Sprintf("invalid target_level(%d), should in range of [-1, num_levels]", level)
	}
	if running < 0 {
		return nil, fmt.Sprintf("invalid max_running_count(%d), should be greater than 0", running)
	}
	envs = map[string]string{
		envCompactOnce + "target_level":                strconv.FormatInt(level, 10),
		envCompactOnce + "bottommost_level_compaction": bottommost,
		envCompactOnce + "trigger_time":                strconv.FormatInt(trigger, 10),
	}
	if running > 0 {
		envs[envCompactMaxRunning] = strconv.Itoa(int(running))
	}
	return envs, ""
}

// QueryManualCompact tells how far that has come, as far as replica servers reported it.
func (s *State) QueryManualCompact(name string) *metaadmin.QueryAppManualCompactResponse {
	a := s.names[name]
	fail := func(err base.ErrorCode, hint string) *metaadmin.QueryAppManualCompactResponse {
		return &metaadmin.QueryAppManualCompactResponse{Err: err.Ptr(), HintMsg: hint}
	}
	switch {
	case a == nil:
		return fail(base.ErrAppNotExist, fmt.Sprintf("app %s is not exist", name))
	case a.info.Status != layer2.AppStatus_AS_AVAILABLE:
		return fail(base.ErrAppDropped, fmt.Sprintf("app %s is not available", name))
	}
	total := int(a.info.PartitionCount * a.info.MaxReplicaCount)
	idle, finished := 0, 0
	for _, p := range a.parts {
		for _, sv := range p.serving {
			switch metadata.ManualCompactionStatus(sv.compact) {
			case metadata.ManualCompactionStatus_IDLE:
				idle++
			case metadata.ManualCompactionStatus_FINISHED:
				finished++
			}
		}
	}
	if idle == total {
		return fail(base.ErrInvalidState, fmt.Sprintf("app %s is not manual compaction", name))
	}
	progress := int32(finished * 100 / max(total, 1))
	return &metaadmin.QueryAppManualCompactResponse{Err: base.ErrOK.Ptr(), HintMsg: "succeed", Progress: &progress}
}
