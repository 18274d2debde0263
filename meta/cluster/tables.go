package cluster

import (
	"maps"
	"unicode/utf8"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// CreateApp creates a table. The answer comes when all its nodes are persisted; primaries are
// assigned right after (meta.md 5.1).
func (s *State) CreateApp(now int64, t Ticket, req *metaadmin.ConfigurationCreateAppRequest) {
	o := req.Options
	if o == nil {
		o = &metaadmin.CreateAppOptions{}
	}
	err := s.checkCreate(o)
	if err == base.ErrOK && !nameFits(req.AppName) {
		err = base.ErrInvalidParameters
	}
	if err != base.ErrOK {
		s.reply(t, &metaadmin.ConfigurationCreateAppResponse{Err: err.Ptr()})
		return
	}
	if a := s.names[req.AppName]; a != nil {
		err, id := checkExisting(a, o)
		s.reply(t, &metaadmin.ConfigurationCreateAppResponse{Err: err.Ptr(), Appid: id})
		return
	}
	a := s.addApp(&layer2.AppInfo{
		Status:             layer2.AppStatus_AS_CREATING,
		AppType:            o.AppType,
		AppName:            req.AppName,
		AppID:              s.maxAppID + 1,
		PartitionCount:     o.PartitionCount,
		Envs:               maps.Clone(o.Envs),
		IsStateful:         o.IsStateful,
		MaxReplicaCount:    o.ReplicaCount,
		CreateSecond:       now / 1000,
		InitPartitionCount: o.PartitionCount,
		AtomicIdempotent:   o.AtomicIdempotent,
	})
	s.note("table %d (%s): creating %d partitions", a.info.AppID, a.info.AppName, a.info.PartitionCount)
	for i := range a.info.PartitionCount {
		a.parts = append(a.parts, newPartition(a, i))
		a.ill.add(int(i))
	}
	s.stage(a, layer2.AppStatus_AS_CREATING, len(a.parts), layer2.AppStatus_AS_AVAILABLE, func(int64) {
		s.reply(t, &metaadmin.ConfigurationCreateAppResponse{Err: base.ErrOK.Ptr(), Appid: a.info.AppID})
	})
	s.writeApp(a, asIs, func(now int64) {
		for i := range a.parts {
			s.stagePartition(now, a, i, sameConfig)
		}
	})
}

func (s *State) checkCreate(o *metaadmin.CreateAppOptions) base.ErrorCode {
	if s.EffectiveLevel() <= levelFreezed {
		return base.ErrStateFreezed
	}
	if o.PartitionCount <= 0 || o.PartitionCount > s.opts.PartitionCountMax || !s.replicaCountFits(o.ReplicaCount) {
		return base.ErrInvalidParameters
	}
	for k, v := range o.Envs {
		if checkedAtCreate[k] && CheckEnv(k, v) != "" || !utf8.ValidString(k) || !utf8.ValidString(v) {
			return base.ErrInvalidParameters
		}
	}
	if !envsFit(o.Envs) || len(o.AppType) > nameBytesMax || !utf8.ValidString(o.AppType) {
		return base.ErrInvalidParameters
	}
	return base.ErrOK
}

// nameBytesMax bounds the name of a table. What it consists of is the business of those who make
// tables, as long as it is text.
const nameBytesMax = 512

func nameFits(name string) bool {
	return name != "" && len(name) <= nameBytesMax && utf8.ValidString(name)
}

// replicaCountFits tells whether a table may have so many replicas; each needs a server of its own.
func (s *State) replicaCountFits(n int32) bool {
	return n >= s.opts.ReplicaCountMin && n <= s.opts.ReplicaCountMax && int(n) <= s.living
}

func checkExisting(a *App, o *metaadmin.CreateAppOptions) (base.ErrorCode, int32) {
	switch a.info.Status {
	case layer2.AppStatus_AS_AVAILABLE:
	case layer2.AppStatus_AS_DROPPING:
		return base.ErrBusyDropping, 0
	default:
		return base.ErrBusyCreating, 0
	}
	if !o.SuccessIfExist {
		return base.ErrAppExist, 0
	}
	same := o.PartitionCount == a.info.PartitionCount && o.AppType == a.info.AppType &&
		maps.Equal(o.Envs, a.info.Envs) && o.IsStateful == a.info.IsStateful && o.ReplicaCount == a.info.MaxReplicaCount
	if !same {
		return base.ErrInvalidParameters, 0
	}
	return base.ErrOK, a.info.AppID
}

// DefaultApp is a table that exists from the first start of a cluster.
type DefaultApp struct {
	Name           string
	Type           string
	PartitionCount int32
	ReplicaCount   int32
	Envs           map[string]string
}

// NewDefaultApps are the default tables as the store should hold them.
func NewDefaultApps(now int64, list []DefaultApp) []LoadedApp {
	var out []LoadedApp
	for _, d := range list {
		if d.Name == "" {
			continue
		}
		l := LoadedApp{Info: &layer2.AppInfo{
			Status:             layer2.AppStatus_AS_AVAILABLE,
			AppType:            d.Type,
			AppName:            d.Name,
			AppID:              int32(len(out)) + 1,
			PartitionCount:     d.PartitionCount,
			Envs:               d.Envs,
			IsStateful:         true,
			MaxReplicaCount:    d.ReplicaCount,
			CreateSecond:       now / 1000,
			InitPartitionCount: -1,
		}}
		for i := range d.PartitionCount {
			l.Partitions = append(l.Partitions, &Config{
				Pid:             base.Gpid{AppID: l.Info.AppID, PartitionIndex: i},
				MaxReplicaCount: d.ReplicaCount,
			})
		}
		out = append(out, l)
	}
	return out
}

// DropApp drops a table. Its replicas stay until the reserve time is over (meta.md 5.2).
func (s *State) DropApp(now int64, t Ticket, req *metaadmin.ConfigurationDropAppRequest) {
	answer := func(err base.ErrorCode) {
		s.reply(t, &metaadmin.ConfigurationDropAppResponse{Err: err.Ptr()})
	}
	a := s.names[req.AppName]
	if a == nil {
		if req.Options != nil && req.Options.SuccessIfNotExist {
			answer(base.ErrOK)
		} else {
			answer(base.ErrAppNotExist)
		}
		return
	}
	if err := busyStatus(a); err != base.ErrOK {
		answer(err)
		return
	}
	hold := s.opts.DroppedHoldS
	if req.Options != nil && req.Options.ReserveSeconds != nil && *req.Options.ReserveSeconds > 0 {
		hold = *req.Options.ReserveSeconds
	}
	s.note("table %d (%s): dropping", a.info.AppID, a.info.AppName)
	a.info.DropSecond = now / 1000
	a.info.ExpireSecond = a.info.DropSecond + hold
	s.stage(a, layer2.AppStatus_AS_DROPPING, len(a.parts), layer2.AppStatus_AS_DROPPED, func(int64) { answer(base.ErrOK) })
	for _, p := range a.parts {
		s.clearProposals(p)
	}
	s.writeApp(a, asIs, func(now int64) {
		delete(s.names, a.info.AppName)
		for i := range a.parts {
			s.stagePartition(now, a, i, dropConfig)
		}
	})
}

func busyStatus(a *App) base.ErrorCode {
	switch a.info.Status {
	case layer2.AppStatus_AS_AVAILABLE:
		return base.ErrOK
	case layer2.AppStatus_AS_CREATING, layer2.AppStatus_AS_RECALLING:
		return base.ErrBusyCreating
	case layer2.AppStatus_AS_DROPPING:
		return base.ErrBusyDropping
	default:
		return base.ErrAppNotExist
	}
}
