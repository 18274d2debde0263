package meta

import (
	"strings"

	"github.com/apache/thrift/lib/go/thrift"

	"github.com/pegasus-go/pegasus/gen-go/backup"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/bulkload"
	"github.com/pegasus-go/pegasus/gen-go/duplication"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/gen-go/split"
)

// Backup, restore, bulk load, partition split and duplication are not built yet. What would start
// one of them says so; what asks about them answers as a cluster does where none was ever started,
// because that is the truth.
const notBuilt = "this feature is not available in this version"

func (s *Server) registerAbsent() {
	s.registerBackup()
	s.registerBulkLoad()
	s.registerSplit()
	s.registerDuplication()
}

// available finds a table by name and says why it cannot be used.
func available(c *call, name string) (*layer2.AppInfo, base.ErrorCode) {
	app := c.core().App(name)
	switch {
	case app == nil:
		return nil, base.ErrAppNotExist
	case app.Status != layer2.AppStatus_AS_AVAILABLE:
		return app, base.ErrAppDropped
	}
	return app, base.ErrOK
}

func text(s string) *string { return &s }

func (s *Server) registerBackup() {
	answer(s, "RPC_CM_QUERY_BACKUP_POLICY", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &backup.ConfigurationQueryBackupPolicyResponse{Err: e}
	}), func(_ *call, req *backup.ConfigurationQueryBackupPolicyRequest) thrift.TStruct {
		resp := &backup.ConfigurationQueryBackupPolicyResponse{Err: base.ErrOK.Ptr()}
		if len(req.PolicyNames) > 0 {
			resp.Err = base.ErrInvalidParameters.Ptr()
			resp.HintMsg = text("invalid policy_name " + strings.Join(req.PolicyNames, "\n\tinvalid policy_name "))
		}
		return resp
	})
	answer(s, "RPC_CM_ADD_BACKUP_POLICY", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &backup.ConfigurationAddBackupPolicyResponse{Err: e}
	}), func(*call, *backup.ConfigurationAddBackupPolicyRequest) thrift.TStruct {
		return &backup.ConfigurationAddBackupPolicyResponse{Err: base.ErrNotImplemented.Ptr(), HintMessage: notBuilt}
	})
	answer(s, "RPC_CM_MODIFY_BACKUP_POLICY", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &backup.ConfigurationModifyBackupPolicyResponse{Err: e}
	}), func(_ *call, req *backup.ConfigurationModifyBackupPolicyRequest) thrift.TStruct {
		return &backup.ConfigurationModifyBackupPolicyResponse{
			Err: base.ErrInvalidParameters.Ptr(), HintMessage: "invalid policy_name " + req.PolicyName,
		}
	})
	answer(s, "RPC_CM_START_BACKUP_APP", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &backup.StartBackupAppResponse{Err: e}
	}), func(*call, *backup.StartBackupAppRequest) thrift.TStruct {
		return &backup.StartBackupAppResponse{Err: base.ErrNotImplemented.Ptr(), HintMessage: notBuilt}
	})
	answer(s, "RPC_CM_QUERY_BACKUP_STATUS", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &backup.QueryBackupStatusResponse{Err: e}
	}), func(*call, *backup.QueryBackupStatusRequest) thrift.TStruct {
		return &backup.QueryBackupStatusResponse{
			Err: base.ErrInvalidParameters.Ptr(), HintMessage: "Backup not found, please check app_id or backup_id.",
		}
	})
	s.registerRestore()
}

func failCreate(err base.ErrorCode, _ base.RPCAddress) thrift.TStruct {
	return &metaadmin.ConfigurationCreateAppResponse{Err: err.Ptr(), Appid: -1}
}

func (s *Server) registerRestore() {
	// An answer to START_RESTORE is the answer to CREATE_APP, which has no place for a hint.
	answer(s, "RPC_CM_START_RESTORE", failCreate, func(*call, *backup.ConfigurationRestoreRequest) thrift.TStruct {
		return failCreate(base.ErrNotImplemented, base.RPCAddress{})
	})
	answer(s, "RPC_CM_QUERY_RESTORE_STATUS", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &backup.ConfigurationQueryRestoreResponse{Err: e}
	}), func(c *call, req *backup.ConfigurationQueryRestoreRequest) thrift.TStruct {
		resp := &backup.ConfigurationQueryRestoreResponse{Err: base.ErrOK.Ptr()}
		app := c.core().AppByID(req.RestoreAppID)
		switch {
		case app == nil:
			resp.Err = base.ErrAppNotExist.Ptr()
		case app.Status == layer2.AppStatus_AS_DROPPED:
			resp.Err = base.ErrAppDropped.Ptr()
		default:
			for _, p := range c.core().Configs(app.AppID) {
				progress := int32(0)
				if p.Members() > 0 {
					progress = 1000
				}
				resp.RestoreStatus = append(resp.RestoreStatus, base.ErrOK.Ptr())
				resp.RestoreProgress = append(resp.RestoreProgress, progress)
			}
		}
		return resp
	})
	answer(s, "RPC_CM_REPORT_RESTORE_STATUS", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &backup.ConfigurationReportRestoreStatusResponse{Err: e}
	}), func(*call, *backup.ConfigurationReportRestoreStatusRequest) thrift.TStruct {
		return &backup.ConfigurationReportRestoreStatusResponse{Err: base.ErrNotImplemented.Ptr()}
	})
}

func (s *Server) registerBulkLoad() {
	answer(s, "RPC_CM_START_BULK_LOAD", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &bulkload.StartBulkLoadResponse{Err: e}
	}), func(*call, *bulkload.StartBulkLoadRequest) thrift.TStruct {
		return &bulkload.StartBulkLoadResponse{Err: base.ErrNotImplemented.Ptr(), HintMsg: notBuilt}
	})
	answer(s, "RPC_CM_CONTROL_BULK_LOAD", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &bulkload.ControlBulkLoadResponse{Err: e}
	}), func(c *call, req *bulkload.ControlBulkLoadRequest) thrift.TStruct {
		if _, err := available(c, req.AppName); err != base.ErrOK {
			return &bulkload.ControlBulkLoadResponse{Err: err.Ptr(), HintMsg: text("app(" + req.AppName + ") is not existed or not available")}
		}
		return &bulkload.ControlBulkLoadResponse{
			Err: base.ErrInactiveState.Ptr(), HintMsg: text("app(" + req.AppName + ") is not during bulk load"),
		}
	})
	answer(s, "RPC_CM_QUERY_BULK_LOAD_STATUS", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &bulkload.QueryBulkLoadResponse{Err: e}
	}), func(c *call, req *bulkload.QueryBulkLoadRequest) thrift.TStruct { return queryBulkLoad(c, req.AppName) })
	answer(s, "RPC_CM_CLEAR_BULK_LOAD", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &bulkload.ClearBulkLoadStateResponse{Err: e}
	}), func(c *call, req *bulkload.ClearBulkLoadStateRequest) thrift.TStruct {
		if _, err := available(c, req.AppName); err != base.ErrOK {
			return &bulkload.ClearBulkLoadStateResponse{Err: err.Ptr(), HintMsg: "app(" + req.AppName + ") is not existed or not available"}
		}
		return &bulkload.ClearBulkLoadStateResponse{Err: base.ErrOK.Ptr(), HintMsg: "app(" + req.AppName + ") has no bulk load state"}
	})
}

func queryBulkLoad(c *call, name string) *bulkload.QueryBulkLoadResponse {
	app, err := available(c, name)
	if err != base.ErrOK {
		return &bulkload.QueryBulkLoadResponse{Err: err.Ptr(), HintMsg: text("app(" + name + ") is not existed or not available")}
	}
	loading := false
	resp := &bulkload.QueryBulkLoadResponse{
		Err: base.ErrOK.Ptr(), AppName: name, MaxReplicaCount: app.MaxReplicaCount, IsBulkLoading: &loading,
		HintMsg: text("app(" + name + ") is not during bulk load, return last time result"),
	}
	for range app.PartitionCount {
		resp.PartitionsStatus = append(resp.PartitionsStatus, bulkload.BulkLoadStatus_BLS_INVALID)
		resp.BulkLoadStates = append(resp.BulkLoadStates, nil)
		if c.hp {
			resp.HpBulkLoadStates = append(resp.HpBulkLoadStates, nil)
		}
	}
	return resp
}

func (s *Server) registerSplit() {
	answer(s, "RPC_CM_START_PARTITION_SPLIT", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &split.StartPartitionSplitResponse{Err: e}
	}), func(*call, *split.StartPartitionSplitRequest) thrift.TStruct {
		return &split.StartPartitionSplitResponse{Err: base.ErrNotImplemented.Ptr(), HintMsg: notBuilt}
	})
	notSplitting := func(c *call, name string) (*base.ErrorCode, *string) {
		if _, err := available(c, name); err != base.ErrOK {
			return err.Ptr(), text("app(" + name + ") is not existed or not available")
		}
		return base.ErrInvalidState.Ptr(), text("app(" + name + ") is not splitting")
	}
	answer(s, "RPC_CM_CONTROL_PARTITION_SPLIT", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &split.ControlSplitResponse{Err: e}
	}), func(c *call, req *split.ControlSplitRequest) thrift.TStruct {
		err, hint := notSplitting(c, req.AppName)
		return &split.ControlSplitResponse{Err: err, HintMsg: hint}
	})
	answer(s, "RPC_CM_QUERY_PARTITION_SPLIT", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &split.QuerySplitResponse{Err: e}
	}), func(c *call, req *split.QuerySplitRequest) thrift.TStruct {
		err, hint := notSplitting(c, req.AppName)
		return &split.QuerySplitResponse{Err: err, HintMsg: hint}
	})
	failRegister := failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &split.RegisterChildResponse{
			Err: e, App: layer2.NewAppInfo(), ParentConfig: layer2.NewPartitionConfiguration(), ChildConfig: layer2.NewPartitionConfiguration(),
		}
	})
	answer(s, "RPC_CM_REGISTER_CHILD_REPLICA", failRegister, func(*call, *split.RegisterChildRequest) thrift.TStruct {
		return failRegister(base.ErrInvalidState, base.RPCAddress{})
	})
	failStop := failErr(func(e *base.ErrorCode) thrift.TStruct { return &split.NotifyStopSplitResponse{Err: e} })
	answer(s, "RPC_CM_NOTIFY_STOP_SPLIT", failStop, func(*call, *split.NotifyStopSplitRequest) thrift.TStruct {
		return failStop(base.ErrInvalidVersion, base.RPCAddress{})
	})
	failChild := failErr(func(e *base.ErrorCode) thrift.TStruct { return &split.QueryChildStateResponse{Err: e} })
	answer(s, "RPC_CM_QUERY_CHILD_STATE", failChild, func(*call, *split.QueryChildStateRequest) thrift.TStruct {
		return failChild(base.ErrInvalidState, base.RPCAddress{})
	})
}

func (s *Server) registerDuplication() {
	answer(s, "RPC_CM_ADD_DUPLICATION", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &duplication.DuplicationAddResponse{Err: e}
	}), func(*call, *duplication.DuplicationAddRequest) thrift.TStruct {
		return &duplication.DuplicationAddResponse{Err: base.ErrNotImplemented.Ptr(), Hint: text(notBuilt)}
	})
	answer(s, "RPC_CM_MODIFY_DUPLICATION", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &duplication.DuplicationModifyResponse{Err: e}
	}), func(c *call, req *duplication.DuplicationModifyRequest) thrift.TStruct {
		app, err := available(c, req.AppName)
		if err != base.ErrOK {
			return &duplication.DuplicationModifyResponse{Err: base.ErrAppNotExist.Ptr()}
		}
		return &duplication.DuplicationModifyResponse{Err: base.ErrObjectNotFound.Ptr(), Appid: app.AppID}
	})
	answer(s, "RPC_CM_QUERY_DUPLICATION", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &duplication.DuplicationQueryResponse{Err: e}
	}), func(c *call, req *duplication.DuplicationQueryRequest) thrift.TStruct {
		app, err := available(c, req.AppName)
		if err != base.ErrOK {
			return &duplication.DuplicationQueryResponse{Err: base.ErrAppNotExist.Ptr()}
		}
		return &duplication.DuplicationQueryResponse{Err: base.ErrOK.Ptr(), Appid: app.AppID}
	})
	answer(s, "RPC_CM_LIST_DUPLICATION", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &duplication.DuplicationListResponse{Err: e}
	}), func(c *call, req *duplication.DuplicationListRequest) thrift.TStruct {
		return c.core().ListDuplications(req)
	})
	answer(s, "RPC_CM_DUPLICATION_SYNC", failErr(func(e *base.ErrorCode) thrift.TStruct {
		return &duplication.DuplicationSyncResponse{Err: e}
	}), func(*call, *duplication.DuplicationSyncRequest) thrift.TStruct {
		return &duplication.DuplicationSyncResponse{Err: base.ErrOK.Ptr()}
	})
}
