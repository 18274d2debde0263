package meta

import (
	"github.com/apache/thrift/lib/go/thrift"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/meta/cluster"
	"github.com/pegasus-go/pegasus/rpc"
)

func (s *Server) registerHandlers() {
	s.rpc.Handle("RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX", s.onQueryConfig)
	s.rpc.Handle("RPC_FD_FAILURE_DETECTOR_PING", s.onBeacon)
	s.rpc.Handle("RPC_FD_PROCESS_ENDED", s.onDeath)
	s.rpc.Handle("RPC_CLI_CLI_CALL", s.commands.Handle)
	s.rpc.Handle("RPC_NEGOTIATION", rpc.NegotiationDisabled)
	s.registerReplicaHandlers()
	s.registerTableHandlers()
	s.registerClusterHandlers()
	s.registerAbsent()
}

// registerTableHandlers: what operators do with tables.
func (s *Server) registerTableHandlers() {
	later(s, "RPC_CM_CREATE_APP", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &metaadmin.ConfigurationCreateAppResponse{Err: e}
	}), func(c *call, tk cluster.Ticket, req *metaadmin.ConfigurationCreateAppRequest) {
		c.core().CreateApp(c.now, tk, req)
	})
	later(s, "RPC_CM_DROP_APP", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &metaadmin.ConfigurationDropAppResponse{Err: e}
	}), func(c *call, tk cluster.Ticket, req *metaadmin.ConfigurationDropAppRequest) {
		c.core().DropApp(c.now, tk, req)
	})
	later(s, "RPC_CM_RECALL_APP", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &metaadmin.ConfigurationRecallAppResponse{Err: e, Info: layer2.NewAppInfo()}
	}), func(c *call, tk cluster.Ticket, req *metaadmin.ConfigurationRecallAppRequest) {
		c.core().RecallApp(c.now, tk, req)
	})
	later(s, "RPC_CM_RENAME_APP", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &metaadmin.ConfigurationRenameAppResponse{Err: e}
	}), func(c *call, tk cluster.Ticket, req *metaadmin.ConfigurationRenameAppRequest) {
		c.core().RenameApp(tk, req)
	})
	later(s, "RPC_CM_UPDATE_APP_ENV", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &metaadmin.ConfigurationUpdateAppEnvResponse{Err: e}
	}), func(c *call, tk cluster.Ticket, req *metaadmin.ConfigurationUpdateAppEnvRequest) {
		c.core().UpdateAppEnv(tk, req)
	})
	answer(s, "RPC_CM_GET_MAX_REPLICA_COUNT", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &metaadmin.ConfigurationGetMaxReplicaCountResponse{Err: e}
	}), func(c *call, req *metaadmin.ConfigurationGetMaxReplicaCountRequest) thrift.TStruct {
		return c.core().GetMaxReplicaCount(req.AppName)
	})
	later(s, "RPC_CM_SET_MAX_REPLICA_COUNT", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &metaadmin.ConfigurationSetMaxReplicaCountResponse{Err: e}
	}), func(c *call, tk cluster.Ticket, req *metaadmin.ConfigurationSetMaxReplicaCountRequest) {
		c.core().SetMaxReplicaCount(tk, req)
	})
	later(s, "RPC_CM_START_MANUAL_COMPACT", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &metaadmin.StartAppManualCompactResponse{Err: e}
	}), func(c *call, tk cluster.Ticket, req *metaadmin.StartAppManualCompactRequest) {
		c.core().StartManualCompact(c.now, tk, req)
	})
	answer(s, "RPC_CM_QUERY_MANUAL_COMPACT_STATUS", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &metaadmin.QueryAppManualCompactResponse{Err: e}
	}), func(c *call, req *metaadmin.QueryAppManualCompactRequest) thrift.TStruct {
		return c.core().QueryManualCompact(req.AppName)
	})
	answer(s, "RPC_CM_GET_ATOMIC_IDEMPOTENT", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &metaadmin.ConfigurationGetAtomicIdempotentResponse{Err: e}
	}), func(c *call, req *metaadmin.ConfigurationGetAtomicIdempotentRequest) thrift.TStruct {
		return c.core().GetAtomicIdempotent(req.AppName)
	})
	later(s, "RPC_CM_SET_ATOMIC_IDEMPOTENT", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &metaadmin.ConfigurationSetAtomicIdempotentResponse{Err: e}
	}), func(c *call, tk cluster.Ticket, req *metaadmin.ConfigurationSetAtomicIdempotentRequest) {
		c.core().SetAtomicIdempotent(tk, req)
	})
}

// registerClusterHandlers: what operators ask about and do with the cluster.
func (s *Server) registerClusterHandlers() {
	answer(s, "RPC_CM_LIST_APPS", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &metaadmin.ConfigurationListAppsResponse{Err: e}
	}), func(c *call, req *metaadmin.ConfigurationListAppsRequest) thrift.TStruct {
		return c.core().ListApps(req)
	})
	answer(s, "RPC_CM_LIST_NODES", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &metaadmin.ConfigurationListNodesResponse{Err: e}
	}), func(c *call, req *metaadmin.ConfigurationListNodesRequest) thrift.TStruct {
		return c.core().ListNodes(req, c.hp)
	})
	answer(s, "RPC_CM_CLUSTER_INFO", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &metaadmin.ConfigurationClusterInfoResponse{Err: e}
	}), func(c *call, _ *metaadmin.ConfigurationClusterInfoRequest) thrift.TStruct {
		keys, values := s.clusterInfo(c.core())
		return &metaadmin.ConfigurationClusterInfoResponse{Err: base.ErrOK.Ptr(), Keys: keys, Values: values}
	})
	answer(s, "RPC_CM_CONTROL_META", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &metaadmin.ConfigurationMetaControlResponse{Err: e, OldLevel: metaadmin.MetaFunctionLevel_fl_invalid}
	}), func(c *call, req *metaadmin.ConfigurationMetaControlRequest) thrift.TStruct {
		return c.core().ControlMeta(c.now, req)
	})
	answer(s, "RPC_CM_PROPOSE_BALANCER", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &metaadmin.ConfigurationBalancerResponse{Err: e}
	}), func(c *call, req *metaadmin.ConfigurationBalancerRequest) thrift.TStruct {
		return c.core().Propose(c.now, req, actionsOf(req))
	})
	answer(s, "RPC_CM_DDD_DIAGNOSE", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &metaadmin.DddDiagnoseResponse{Err: e}
	}), func(c *call, req *metaadmin.DddDiagnoseRequest) thrift.TStruct {
		pid := base.Gpid{AppID: -1, PartitionIndex: -1}
		if req.Pid != nil {
			pid = *req.Pid
		}
		return c.core().Diagnose(pid, c.hp)
	})
	answer(s, "RPC_CM_START_RECOVERY", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &metaadmin.ConfigurationRecoveryResponse{Err: e}
	}), func(*call, *metaadmin.ConfigurationRecoveryRequest) thrift.TStruct {
		// A leader that is ready has its state and never waits for a recovery.
		return &metaadmin.ConfigurationRecoveryResponse{Err: base.ErrServiceAlreadyRunning.Ptr()}
	})
}

// actionsOf reads the steps of a proposal, by address or by name.
func actionsOf(req *metaadmin.ConfigurationBalancerRequest) []cluster.Action {
	var out []cluster.Action
	for _, a := range req.ActionList {
		if a != nil {
			out = append(out, cluster.Action{
				Target: addressOf(a.Target, a.HpTarget), Node: addressOf(a.Node, a.HpNode), Type: a.Type,
			})
		}
	}
	return out
}

func addressOf(a *base.RPCAddress, hp *base.HostPort) base.RPCAddress {
	if v := a.Val(); v.IsValid() || hp == nil {
		return v
	}
	return hp.Address()
}
