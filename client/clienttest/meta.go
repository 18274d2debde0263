package clienttest

import (
	"slices"
	"strings"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/rpc"
)

// serveMeta installs the handlers of meta i.
func (c *Cluster) serveMeta(i int, s *rpc.Server) {
	handle := func(code string, req thrift.TStruct, forward, answer func() thrift.TStruct) {
		s.Handle(code, func(r *rpc.Request) {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.metas[i].silent {
				r.Drop()
				return
			}
			if c.troubled(r) {
				return
			}
			if c.leader != i {
				r.Reply(forward())
				return
			}
			if err := r.Decode(req); err != nil {
				r.ReplyError(base.ErrInvalidData)
				return
			}
			r.Reply(answer())
		})
	}
	c.metaTables(handle)
	c.metaCluster(handle)
	s.Handle("RPC_CLI_CLI_CALL", c.remoteCommand)
}

type metaHandle func(code string, req thrift.TStruct, forward, answer func() thrift.TStruct)

var others = base.ErrForwardToOthers.Ptr()

func (c *Cluster) metaTables(handle metaHandle) {
	cfg := layer2.NewQueryCfgRequest()
	handle("RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX", cfg, c.forwardCfg, func() thrift.TStruct { return c.queryCfg(cfg) })
	create := metaadmin.NewConfigurationCreateAppRequest()
	handle("RPC_CM_CREATE_APP", create,
		func() thrift.TStruct { return &metaadmin.ConfigurationCreateAppResponse{Err: others} },
		func() thrift.TStruct { return c.createApp(create) })
	drop := metaadmin.NewConfigurationDropAppRequest()
	handle("RPC_CM_DROP_APP", drop,
		func() thrift.TStruct { return &metaadmin.ConfigurationDropAppResponse{Err: others} },
		func() thrift.TStruct { return c.dropApp(drop) })
	recall := metaadmin.NewConfigurationRecallAppRequest()
	handle("RPC_CM_RECALL_APP", recall,
		func() thrift.TStruct { return &metaadmin.ConfigurationRecallAppResponse{Err: others} },
		func() thrift.TStruct { return c.recallApp(recall) })
	rename := metaadmin.NewConfigurationRenameAppRequest()
	handle("RPC_CM_RENAME_APP", rename,
		func() thrift.TStruct { return &metaadmin.ConfigurationRenameAppResponse{Err: others} },
		func() thrift.TStruct { return c.renameApp(rename) })
	list := metaadmin.NewConfigurationListAppsRequest()
	handle("RPC_CM_LIST_APPS", list,
		func() thrift.TStruct { return &metaadmin.ConfigurationListAppsResponse{Err: others} },
		func() thrift.TStruct { return c.listApps(list) })
	env := metaadmin.NewConfigurationUpdateAppEnvRequest()
	handle("RPC_CM_UPDATE_APP_ENV", env,
		func() thrift.TStruct { return &metaadmin.ConfigurationUpdateAppEnvResponse{Err: others} },
		func() thrift.TStruct { return c.updateEnv(env) })
}

func (c *Cluster) metaCluster(handle metaHandle) {
	nodes := metaadmin.NewConfigurationListNodesRequest()
	handle("RPC_CM_LIST_NODES", nodes,
		func() thrift.TStruct { return &metaadmin.ConfigurationListNodesResponse{Err: others} },
		func() thrift.TStruct { return c.listNodes(nodes.Status) })
	info := metaadmin.NewConfigurationClusterInfoRequest()
	handle("RPC_CM_CLUSTER_INFO", info,
		func() thrift.TStruct { return &metaadmin.ConfigurationClusterInfoResponse{Err: others} },
		func() thrift.TStruct {
			resp := &metaadmin.ConfigurationClusterInfoResponse{Err: base.ErrOK.Ptr()}
			for i := 0; i+1 < len(c.ClusterInfo); i += 2 {
				resp.Keys, resp.Values = append(resp.Keys, c.ClusterInfo[i]), append(resp.Values, c.ClusterInfo[i+1])
			}
			return resp
		})
	control := metaadmin.NewConfigurationMetaControlRequest()
	handle("RPC_CM_CONTROL_META", control,
		func() thrift.TStruct { return &metaadmin.ConfigurationMetaControlResponse{Err: others} },
		func() thrift.TStruct {
			old := c.level
			if control.Level != metaadmin.MetaFunctionLevel_fl_invalid {
				c.level = control.Level
			}
			return &metaadmin.ConfigurationMetaControlResponse{Err: base.ErrOK.Ptr(), OldLevel: old}
		})
	propose := metaadmin.NewConfigurationBalancerRequest()
	handle("RPC_CM_PROPOSE_BALANCER", propose,
		func() thrift.TStruct { return &metaadmin.ConfigurationBalancerResponse{Err: others} },
		func() thrift.TStruct {
			kept := *propose
			c.Proposals = append(c.Proposals, &kept)
			*propose = *metaadmin.NewConfigurationBalancerRequest()
			return &metaadmin.ConfigurationBalancerResponse{Err: base.ErrOK.Ptr()}
		})
}

func (c *Cluster) forwardCfg() thrift.TStruct {
	resp := &layer2.QueryCfgResponse{Err: others}
	if c.leader >= 0 && !c.noHint {
		resp.Partitions = []*layer2.PartitionConfiguration{{Pid: &base.Gpid{}, Primary: c.metas[c.leader].addr.Ptr()}}
	}
	return resp
}

func (c *Cluster) queryCfg(req *layer2.QueryCfgRequest) thrift.TStruct {
	a := c.apps[req.AppName]
	if a == nil {
		return &layer2.QueryCfgResponse{Err: base.ErrObjectNotFound.Ptr()}
	}
	resp := &layer2.QueryCfgResponse{Err: base.ErrOK.Ptr(), AppID: a.info.AppID, PartitionCount: a.info.PartitionCount, IsStateful: true}
	for i, p := range a.parts {
		if len(req.PartitionIndices) == 0 || slices.Contains(req.PartitionIndices, int32(i)) {
			resp.Partitions = append(resp.Partitions, p.cfg)
		}
	}
	return resp
}

func (c *Cluster) createApp(req *metaadmin.ConfigurationCreateAppRequest) thrift.TStruct {
	o := req.Options
	if a := c.apps[req.AppName]; a != nil {
		code := base.ErrAppExist
		if o.SuccessIfExist {
			code = base.ErrOK
			if a.info.PartitionCount != o.PartitionCount {
				code = base.ErrInvalidParameters
			}
		}
		return &metaadmin.ConfigurationCreateAppResponse{Err: code.Ptr(), Appid: a.info.AppID}
	}
	if o.ReplicaCount > int32(len(c.replicas)) {
		return &metaadmin.ConfigurationCreateAppResponse{Err: base.ErrInvalidParameters.Ptr()}
	}
	a := c.create(req.AppName, o.PartitionCount, o.ReplicaCount, o.Envs)
	a.info.AtomicIdempotent = o.AtomicIdempotent
	return &metaadmin.ConfigurationCreateAppResponse{Err: base.ErrOK.Ptr(), Appid: a.info.AppID}
}

func (c *Cluster) dropApp(req *metaadmin.ConfigurationDropAppRequest) thrift.TStruct {
	a := c.apps[req.AppName]
	if a == nil {
		code := base.ErrAppNotExist
		if req.Options.SuccessIfNotExist {
			code = base.ErrOK
		}
		return &metaadmin.ConfigurationDropAppResponse{Err: code.Ptr()}
	}
	delete(c.apps, req.AppName)
	a.info.Status = layer2.AppStatus_AS_DROPPED
	a.info.DropSecond = time.Now().Unix()
	a.info.ExpireSecond = a.info.DropSecond + max(1, req.Options.GetReserveSeconds())
	c.dropped[a.info.AppID] = a
	return &metaadmin.ConfigurationDropAppResponse{Err: base.ErrOK.Ptr()}
}

func (c *Cluster) recallApp(req *metaadmin.ConfigurationRecallAppRequest) thrift.TStruct {
	a := c.dropped[req.AppID]
	if a == nil {
		return &metaadmin.ConfigurationRecallAppResponse{Err: base.ErrAppNotExist.Ptr(), Info: layer2.NewAppInfo()}
	}
	delete(c.dropped, req.AppID)
	if req.NewAppName_ != "" {
		a.info.AppName = req.NewAppName_
	}
	a.info.Status = layer2.AppStatus_AS_AVAILABLE
	c.apps[a.info.AppName] = a
	return &metaadmin.ConfigurationRecallAppResponse{Err: base.ErrOK.Ptr(), Info: a.info}
}

func (c *Cluster) renameApp(req *metaadmin.ConfigurationRenameAppRequest) thrift.TStruct {
	a := c.apps[req.OldAppName]
	if a == nil {
		return &metaadmin.ConfigurationRenameAppResponse{Err: base.ErrAppNotExist.Ptr(),
			HintMessage: "ERROR: app(" + req.OldAppName + ") not exist!"}
	}
	delete(c.apps, req.OldAppName)
	a.info.AppName = req.NewAppName_
	c.apps[req.NewAppName_] = a
	return &metaadmin.ConfigurationRenameAppResponse{Err: base.ErrOK.Ptr()}
}

func (c *Cluster) listApps(req *metaadmin.ConfigurationListAppsRequest) thrift.TStruct {
	resp := &metaadmin.ConfigurationListAppsResponse{Err: base.ErrOK.Ptr()}
	add := func(a *app) {
		if req.Status != layer2.AppStatus_AS_INVALID && a.info.Status != req.Status {
			return
		}
		if req.AppNamePattern == nil || strings.HasPrefix(a.info.AppName, *req.AppNamePattern) {
			resp.Infos = append(resp.Infos, a.info)
		}
	}
	for _, a := range c.apps {
		add(a)
	}
	for _, a := range c.dropped {
		add(a)
	}
	*req = *metaadmin.NewConfigurationListAppsRequest()
	return resp
}

func (c *Cluster) updateEnv(req *metaadmin.ConfigurationUpdateAppEnvRequest) thrift.TStruct {
	defer func() { *req = *metaadmin.NewConfigurationUpdateAppEnvRequest() }()
	resp := &metaadmin.ConfigurationUpdateAppEnvResponse{Err: base.ErrOK.Ptr()}
	a := c.apps[req.AppName]
	if a == nil {
		resp.Err, resp.HintMessage = base.ErrAppNotExist.Ptr(), "app cannot be found"
		return resp
	}
	if a.info.Envs == nil {
		a.info.Envs = map[string]string{}
	}
	var gone []string
	switch req.Op {
	case metaadmin.AppEnvOperation_APP_ENV_OP_SET:
		for i, k := range req.Keys {
			if strings.HasPrefix(k, "nosuch") {
				resp.Err, resp.HintMessage = base.ErrInvalidParameters.Ptr(), "app_env '"+k+"' is not supported"
				return resp
			}
			a.info.Envs[k] = req.Values[i]
		}
		return resp
	case metaadmin.AppEnvOperation_APP_ENV_OP_DEL:
		gone = req.Keys
	case metaadmin.AppEnvOperation_APP_ENV_OP_CLEAR:
		for k := range a.info.Envs {
			if p := req.GetClearPrefix(); p == "" || strings.HasPrefix(k, p+".") {
				gone = append(gone, k)
			}
		}
	}
	slices.Sort(gone)
	resp.HintMessage = "deleted keys:"
	for _, k := range gone {
		delete(a.info.Envs, k)
		resp.HintMessage += "\n    " + k
	}
	return resp
}

func (c *Cluster) listNodes(status metaadmin.NodeStatus) thrift.TStruct {
	resp := &metaadmin.ConfigurationListNodesResponse{Err: base.ErrOK.Ptr()}
	for _, n := range c.replicas {
		st := metaadmin.NodeStatus_NS_UNALIVE
		if n.alive {
			st = metaadmin.NodeStatus_NS_ALIVE
		}
		if status == metaadmin.NodeStatus_NS_INVALID || status == st {
			resp.Infos = append(resp.Infos, &metaadmin.NodeInfo{Status: st, Node: n.addr.Ptr()})
		}
	}
	return resp
}
