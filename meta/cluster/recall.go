package cluster

import (
	"fmt"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// RecallApp brings a dropped table back, under a new name when one is given (meta.md 5.3).
func (s *State) RecallApp(now int64, t Ticket, req *metaadmin.ConfigurationRecallAppRequest) {
	fail := func(err base.ErrorCode) {
		s.reply(t, &metaadmin.ConfigurationRecallAppResponse{Err: err.Ptr(), Info: emptyInfo()})
	}
	a := s.apps[req.AppID]
	if a == nil {
		fail(base.ErrAppNotExist)
		return
	}
	name := req.NewAppName_
	if name == "" {
		name = a.info.AppName
	}
	if err := s.checkRecall(now, a, name); err != base.ErrOK {
		fail(err)
		return
	}
	s.note("table %d (%s): recalling as %s", a.info.AppID, a.info.AppName, name)
	a.info.AppName = name
	s.names[name] = a
	s.stage(a, layer2.AppStatus_AS_RECALLING, len(a.parts), layer2.AppStatus_AS_AVAILABLE, func(int64) {
		s.reply(t, &metaadmin.ConfigurationRecallAppResponse{Err: base.ErrOK.Ptr(), Info: cloneInfo(&a.info)})
	})
	s.writeApp(a, asIs, func(now int64) {
		for i := range a.parts {
			s.stagePartition(now, a, i, recallConfig)
		}
	})
}

func (s *State) checkRecall(now int64, a *App, name string) base.ErrorCode {
	switch a.info.Status {
	case layer2.AppStatus_AS_AVAILABLE:
		return base.ErrAppExist
	case layer2.AppStatus_AS_DROPPED:
	default:
		return busyStatus(a)
	}
	if a.info.ExpireSecond*1000 < now {
		return base.ErrAppNotExist
	}
	if s.names[name] != nil || !nameFits(name) {
		return base.ErrInvalidParameters
	}
	return base.ErrOK
}

func emptyInfo() *layer2.AppInfo {
	return &layer2.AppInfo{Envs: map[string]string{}, InitPartitionCount: -1}
}

// RenameApp gives a table another name. Both names lead to it until the change is persisted
// (meta.md 5.4).
func (s *State) RenameApp(t Ticket, req *metaadmin.ConfigurationRenameAppRequest) {
	answer := func(err base.ErrorCode, hint string) {
		s.reply(t, &metaadmin.ConfigurationRenameAppResponse{Err: err.Ptr(), HintMessage: hint})
	}
	from, to := req.OldAppName, req.NewAppName_
	a := s.names[from]
	switch {
	case a == nil:
		answer(base.ErrAppNotExist, fmt.Sprintf("ERROR: app(%s) not exist!", from))
		return
	case s.names[to] != nil:
		answer(base.ErrInvalidParameters, fmt.Sprintf("ERROR: app(%s) already exist!", to))
		return
	case !nameFits(to):
		answer(base.ErrInvalidParameters, "ERROR: the new name is empty, too long or no text!")
		return
	case a.info.Status != layer2.AppStatus_AS_AVAILABLE:
		answer(busyStatus(a), fmt.Sprintf("ERROR: app(%s) status can't execute rename.", from))
		return
	}
	a.info.AppName = to
	a.version++
	s.names[to] = a
	s.writeApp(a, asIs, func(int64) {
		if s.names[from] == a {
			delete(s.names, from)
		}
		answer(base.ErrOK, "")
	})
}
