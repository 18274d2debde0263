package cluster

import (
	"fmt"
	"math"
	"strings"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/gen-go/utils"
)

// QueryConfig answers the question every client asks first: where are the partitions of a table
// (meta.md 5.8).
func (s *State) QueryConfig(req *layer2.QueryCfgRequest, hostPort bool) *layer2.QueryCfgResponse {
	resp := &layer2.QueryCfgResponse{Err: base.ErrOK.Ptr(), Partitions: []*layer2.PartitionConfiguration{}}
	a := s.names[req.AppName]
	if a == nil {
		resp.Err = base.ErrObjectNotFound.Ptr()
		return resp
	}
	if err := busyStatus(a); err != base.ErrOK {
		resp.Err = err.Ptr()
		return resp
	}
	resp.AppID = a.info.AppID
	resp.PartitionCount = a.info.PartitionCount
	resp.IsStateful = a.info.IsStateful
	for _, i := range req.PartitionIndices {
		if i >= 0 && int(i) < len(a.parts) && len(resp.Partitions) < len(a.parts) {
			resp.Partitions = append(resp.Partitions, s.WireConfig(&a.parts[i].config, hostPort))
		}
	}
	if len(resp.Partitions) == 0 {
		for _, p := range a.parts {
			resp.Partitions = append(resp.Partitions, s.WireConfig(&p.config, hostPort))
		}
	}
	return resp
}

// Version identifies the state of a table that answers to QueryConfig depend on; 0 when there is no
// such table.
func (s *State) Version(name string) uint64 {
	if a := s.names[name]; a != nil {
		return uint64(a.info.AppID)<<40 + a.version + s.hostsVersion + 1
	}
	return 0
}

// App returns a copy of a table's info by name; nil when no table that is not dropped has it.
func (s *State) App(name string) *layer2.AppInfo {
	if a := s.names[name]; a != nil {
		return cloneInfo(&a.info)
	}
	return nil
}

// AppByID returns a copy of a table's info.
func (s *State) AppByID(id int32) *layer2.AppInfo {
	if a := s.apps[id]; a != nil {
		return cloneInfo(&a.info)
	}
	return nil
}

// Configs returns the configurations of a table.
func (s *State) Configs(id int32) []Config {
	a := s.apps[id]
	if a == nil {
		return nil
	}
	out := make([]Config, len(a.parts))
	for i, p := range a.parts {
		out[i] = p.config.clone()
	}
	return out
}

// ListApps lists tables, the dropped ones too, by id (meta.md 5.5).
func (s *State) ListApps(req *metaadmin.ConfigurationListAppsRequest) *metaadmin.ConfigurationListAppsResponse {
	resp := &metaadmin.ConfigurationListAppsResponse{Err: base.ErrOK.Ptr(), Infos: []*layer2.AppInfo{}}
	for _, a := range s.appOrder {
		if req.Status != layer2.AppStatus_AS_INVALID && req.Status != a.info.Status {
			continue
		}
		if req.AppNamePattern != nil && req.MatchType != nil {
			ok, err := match(a.info.AppName, *req.AppNamePattern, *req.MatchType)
			if err != base.ErrOK {
				hint := fmt.Sprintf("match_type %s is not supported", *req.MatchType)
				return &metaadmin.ConfigurationListAppsResponse{Err: err.Ptr(), Infos: []*layer2.AppInfo{}, HintMessage: &hint}
			}
			if !ok {
				continue
			}
		}
		resp.Infos = append(resp.Infos, cloneInfo(&a.info))
	}
	return resp
}

func match(name, pattern string, typ utils.PatternMatchType) (bool, base.ErrorCode) {
	switch typ {
	case utils.PatternMatchType_PMT_MATCH_ALL:
		return true, base.ErrOK
	case utils.PatternMatchType_PMT_MATCH_EXACT:
		return name == pattern, base.ErrOK
	case utils.PatternMatchType_PMT_MATCH_ANYWHERE:
		return strings.Contains(name, pattern), base.ErrOK
	case utils.PatternMatchType_PMT_MATCH_PREFIX:
		return strings.HasPrefix(name, pattern), base.ErrOK
	case utils.PatternMatchType_PMT_MATCH_POSTFIX:
		return strings.HasSuffix(name, pattern), base.ErrOK
	}
	return false, base.ErrNotImplemented
}

// ListNodes lists replica servers, the living first (meta.md 5.6).
func (s *State) ListNodes(req *metaadmin.ConfigurationListNodesRequest, hostPort bool) *metaadmin.ConfigurationListNodesResponse {
	resp := &metaadmin.ConfigurationListNodesResponse{Err: base.ErrOK.Ptr(), Infos: []*metaadmin.NodeInfo{}}
	for _, status := range []metaadmin.NodeStatus{metaadmin.NodeStatus_NS_ALIVE, metaadmin.NodeStatus_NS_UNALIVE} {
		if req.Status != metaadmin.NodeStatus_NS_INVALID && req.Status != status {
			continue
		}
		for _, n := range s.nodeOrder {
			if n.alive != (status == metaadmin.NodeStatus_NS_ALIVE) {
				continue
			}
			info := &metaadmin.NodeInfo{Status: status, Node: n.addr.Ptr()}
			if hostPort {
				info.HpNode = s.HostPort(n.addr)
			}
			resp.Infos = append(resp.Infos, info)
		}
	}
	return resp
}

// NodeLoad is what one replica server holds.
type NodeLoad struct {
	Addr                base.RPCAddress
	Alive               bool
	Replicas, Primaries int
}

// NodeLoads lists all servers by address.
func (s *State) NodeLoads() []NodeLoad {
	var out []NodeLoad
	for _, n := range s.nodeOrder {
		out = append(out, NodeLoad{Addr: n.addr, Alive: n.alive, Replicas: int(n.total.partitions), Primaries: int(n.total.primaries)})
	}
	return out
}

// Deviation is how unevenly primaries and replicas are spread over the living servers that have any,
// as the standard deviation with two decimals (meta.md 5.7).
func (s *State) Deviation() (primaries, replicas string) {
	var p, t []float64
	partial := false
	for _, n := range s.nodes {
		if n.total.partitions == 0 {
			continue
		}
		if !n.alive {
			partial = true
			continue
		}
		p = append(p, float64(n.total.primaries))
		t = append(t, float64(n.total.partitions))
	}
	return deviation(p, partial), deviation(t, partial)
}

func deviation(v []float64, partial bool) string {
	if len(v) <= 1 {
		return "0.00"
	}
	mean, sum, n := 0.0, 0.0, float64(len(v))
	for _, x := range v {
		mean += x / n
	}
	for _, x := range v {
		sum += (x - mean) * (x - mean)
	}
	if partial {
		n--
	}
	return fmt.Sprintf("%.2f", math.Floor(math.Sqrt(sum/n)*100+0.5)/100)
}
