package rpc

import (
	"github.com/apache/thrift/lib/go/thrift"
	"github.com/pegasus-go/pegasus/gen-go/backup"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/bulkload"
	"github.com/pegasus-go/pegasus/gen-go/command"
	"github.com/pegasus-go/pegasus/gen-go/consensus"
	"github.com/pegasus-go/pegasus/gen-go/dupinternal"
	"github.com/pegasus-go/pegasus/gen-go/duplication"
	"github.com/pegasus-go/pegasus/gen-go/fd"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/gen-go/metadata"
	"github.com/pegasus-go/pegasus/gen-go/nfs"
	"github.com/pegasus-go/pegasus/gen-go/replicaadmin"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
	"github.com/pegasus-go/pegasus/gen-go/security"
	"github.com/pegasus-go/pegasus/gen-go/split"
)

// message is what the body of a call or of its answer holds.
type message struct {
	name string
	make func() thrift.TStruct
}

// messages are the arguments of all task codes, the answers that hold more than an error, and the special types.
var messages = []message{
	{"RPC_RRDB_RRDB_PUT", func() thrift.TStruct { return rrdb.NewUpdateRequest() }},
	{"RPC_RRDB_RRDB_PUT_ACK", func() thrift.TStruct { return rrdb.NewUpdateResponse() }},
	{"RPC_RRDB_RRDB_MULTI_PUT", func() thrift.TStruct { return rrdb.NewMultiPutRequest() }},
	{"RPC_RRDB_RRDB_REMOVE", func() thrift.TStruct { return base.NewBlob() }},
	{"RPC_RRDB_RRDB_MULTI_REMOVE", func() thrift.TStruct { return rrdb.NewMultiRemoveRequest() }},
	{"RPC_RRDB_RRDB_MULTI_REMOVE_ACK", func() thrift.TStruct { return rrdb.NewMultiRemoveResponse() }},
	{"RPC_RRDB_RRDB_INCR", func() thrift.TStruct { return rrdb.NewIncrRequest() }},
	{"RPC_RRDB_RRDB_INCR_ACK", func() thrift.TStruct { return rrdb.NewIncrResponse() }},
	{"RPC_RRDB_RRDB_CHECK_AND_SET", func() thrift.TStruct { return rrdb.NewCheckAndSetRequest() }},
	{"RPC_RRDB_RRDB_CHECK_AND_SET_ACK", func() thrift.TStruct { return rrdb.NewCheckAndSetResponse() }},
	{"RPC_RRDB_RRDB_CHECK_AND_MUTATE", func() thrift.TStruct { return rrdb.NewCheckAndMutateRequest() }},
	{"RPC_RRDB_RRDB_CHECK_AND_MUTATE_ACK", func() thrift.TStruct { return rrdb.NewCheckAndMutateResponse() }},
	{"RPC_RRDB_RRDB_DUPLICATE", func() thrift.TStruct { return dupinternal.NewDuplicateRequest() }},
	{"RPC_RRDB_RRDB_DUPLICATE_ACK", func() thrift.TStruct { return dupinternal.NewDuplicateResponse() }},
	{"RPC_RRDB_RRDB_BULK_LOAD", func() thrift.TStruct { return bulkload.NewIngestionRequest() }},
	{"RPC_RRDB_RRDB_BULK_LOAD_ACK", func() thrift.TStruct { return bulkload.NewIngestionResponse() }},
	{"RPC_RRDB_RRDB_GET_ACK", func() thrift.TStruct { return rrdb.NewReadResponse() }},
	{"RPC_RRDB_RRDB_TTL_ACK", func() thrift.TStruct { return rrdb.NewTTLResponse() }},
	{"RPC_RRDB_RRDB_BATCH_GET", func() thrift.TStruct { return rrdb.NewBatchGetRequest() }},
	{"RPC_RRDB_RRDB_BATCH_GET_ACK", func() thrift.TStruct { return rrdb.NewBatchGetResponse() }},
	{"RPC_RRDB_RRDB_MULTI_GET", func() thrift.TStruct { return rrdb.NewMultiGetRequest() }},
	{"RPC_RRDB_RRDB_MULTI_GET_ACK", func() thrift.TStruct { return rrdb.NewMultiGetResponse() }},
	{"RPC_RRDB_RRDB_SORTKEY_COUNT_ACK", func() thrift.TStruct { return rrdb.NewCountResponse() }},
	{"RPC_RRDB_RRDB_GET_SCANNER", func() thrift.TStruct { return rrdb.NewGetScannerRequest() }},
	{"RPC_RRDB_RRDB_SCAN", func() thrift.TStruct { return rrdb.NewScanRequest() }},
	{"RPC_RRDB_RRDB_SCAN_ACK", func() thrift.TStruct { return rrdb.NewScanResponse() }},
	{"RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX", func() thrift.TStruct { return layer2.NewQueryCfgRequest() }},
	{"RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX_ACK", func() thrift.TStruct { return layer2.NewQueryCfgResponse() }},
	{"RPC_CM_CREATE_APP", func() thrift.TStruct { return metaadmin.NewConfigurationCreateAppRequest() }},
	{"RPC_CM_DROP_APP", func() thrift.TStruct { return metaadmin.NewConfigurationDropAppRequest() }},
	{"RPC_CM_RECALL_APP", func() thrift.TStruct { return metaadmin.NewConfigurationRecallAppRequest() }},
	{"RPC_CM_RECALL_APP_ACK", func() thrift.TStruct { return metaadmin.NewConfigurationRecallAppResponse() }},
	{"RPC_CM_RENAME_APP", func() thrift.TStruct { return metaadmin.NewConfigurationRenameAppRequest() }},
	{"RPC_CM_LIST_APPS", func() thrift.TStruct { return metaadmin.NewConfigurationListAppsRequest() }},
	{"RPC_CM_LIST_APPS_ACK", func() thrift.TStruct { return metaadmin.NewConfigurationListAppsResponse() }},
	{"RPC_CM_LIST_NODES", func() thrift.TStruct { return metaadmin.NewConfigurationListNodesRequest() }},
	{"RPC_CM_LIST_NODES_ACK", func() thrift.TStruct { return metaadmin.NewConfigurationListNodesResponse() }},
	{"RPC_CM_CLUSTER_INFO", func() thrift.TStruct { return metaadmin.NewConfigurationClusterInfoRequest() }},
	{"RPC_CM_CLUSTER_INFO_ACK", func() thrift.TStruct { return metaadmin.NewConfigurationClusterInfoResponse() }},
	{"RPC_CM_CONTROL_META", func() thrift.TStruct { return metaadmin.NewConfigurationMetaControlRequest() }},
	{"RPC_CM_PROPOSE_BALANCER", func() thrift.TStruct { return metaadmin.NewConfigurationBalancerRequest() }},
	{"RPC_CM_START_RECOVERY", func() thrift.TStruct { return metaadmin.NewConfigurationRecoveryRequest() }},
	{"RPC_CM_UPDATE_APP_ENV", func() thrift.TStruct { return metaadmin.NewConfigurationUpdateAppEnvRequest() }},
	{"RPC_CM_DDD_DIAGNOSE", func() thrift.TStruct { return metaadmin.NewDddDiagnoseRequest() }},
	{"RPC_CM_DDD_DIAGNOSE_ACK", func() thrift.TStruct { return metaadmin.NewDddDiagnoseResponse() }},
	{"RPC_CM_ADD_BACKUP_POLICY", func() thrift.TStruct { return backup.NewConfigurationAddBackupPolicyRequest() }},
	{"RPC_CM_QUERY_BACKUP_POLICY", func() thrift.TStruct { return backup.NewConfigurationQueryBackupPolicyRequest() }},
	{"RPC_CM_QUERY_BACKUP_POLICY_ACK", func() thrift.TStruct { return backup.NewConfigurationQueryBackupPolicyResponse() }},
	{"RPC_CM_MODIFY_BACKUP_POLICY", func() thrift.TStruct { return backup.NewConfigurationModifyBackupPolicyRequest() }},
	{"RPC_CM_START_BACKUP_APP", func() thrift.TStruct { return backup.NewStartBackupAppRequest() }},
	{"RPC_CM_QUERY_BACKUP_STATUS", func() thrift.TStruct { return backup.NewQueryBackupStatusRequest() }},
	{"RPC_CM_START_RESTORE", func() thrift.TStruct { return backup.NewConfigurationRestoreRequest() }},
	{"RPC_CM_QUERY_RESTORE_STATUS", func() thrift.TStruct { return backup.NewConfigurationQueryRestoreRequest() }},
	{"RPC_CM_ADD_DUPLICATION", func() thrift.TStruct { return duplication.NewDuplicationAddRequest() }},
	{"RPC_CM_MODIFY_DUPLICATION", func() thrift.TStruct { return duplication.NewDuplicationModifyRequest() }},
	{"RPC_CM_QUERY_DUPLICATION", func() thrift.TStruct { return duplication.NewDuplicationQueryRequest() }},
	{"RPC_CM_QUERY_DUPLICATION_ACK", func() thrift.TStruct { return duplication.NewDuplicationQueryResponse() }},
	{"RPC_CM_LIST_DUPLICATION", func() thrift.TStruct { return duplication.NewDuplicationListRequest() }},
	{"RPC_CM_LIST_DUPLICATION_ACK", func() thrift.TStruct { return duplication.NewDuplicationListResponse() }},
	{"RPC_CM_START_PARTITION_SPLIT", func() thrift.TStruct { return split.NewStartPartitionSplitRequest() }},
	{"RPC_CM_CONTROL_PARTITION_SPLIT", func() thrift.TStruct { return split.NewControlSplitRequest() }},
	{"RPC_CM_QUERY_PARTITION_SPLIT", func() thrift.TStruct { return split.NewQuerySplitRequest() }},
	{"RPC_CM_QUERY_PARTITION_SPLIT_ACK", func() thrift.TStruct { return split.NewQuerySplitResponse() }},
	{"RPC_CM_START_BULK_LOAD", func() thrift.TStruct { return bulkload.NewStartBulkLoadRequest() }},
	{"RPC_CM_CONTROL_BULK_LOAD", func() thrift.TStruct { return bulkload.NewControlBulkLoadRequest() }},
	{"RPC_CM_CLEAR_BULK_LOAD", func() thrift.TStruct { return bulkload.NewClearBulkLoadStateRequest() }},
	{"RPC_CM_QUERY_BULK_LOAD_STATUS", func() thrift.TStruct { return bulkload.NewQueryBulkLoadRequest() }},
	{"RPC_CM_QUERY_BULK_LOAD_STATUS_ACK", func() thrift.TStruct { return bulkload.NewQueryBulkLoadResponse() }},
	{"RPC_CM_START_MANUAL_COMPACT", func() thrift.TStruct { return metaadmin.NewStartAppManualCompactRequest() }},
	{"RPC_CM_QUERY_MANUAL_COMPACT_STATUS", func() thrift.TStruct { return metaadmin.NewQueryAppManualCompactRequest() }},
	{"RPC_CM_GET_MAX_REPLICA_COUNT", func() thrift.TStruct { return metaadmin.NewConfigurationGetMaxReplicaCountRequest() }},
	{"RPC_CM_SET_MAX_REPLICA_COUNT", func() thrift.TStruct { return metaadmin.NewConfigurationSetMaxReplicaCountRequest() }},
	{"RPC_CM_GET_ATOMIC_IDEMPOTENT", func() thrift.TStruct { return metaadmin.NewConfigurationGetAtomicIdempotentRequest() }},
	{"RPC_CM_SET_ATOMIC_IDEMPOTENT", func() thrift.TStruct { return metaadmin.NewConfigurationSetAtomicIdempotentRequest() }},
	{"RPC_CM_CONFIG_SYNC", func() thrift.TStruct { return metaadmin.NewConfigurationQueryByNodeRequest() }},
	{"RPC_CM_CONFIG_SYNC_ACK", func() thrift.TStruct { return metaadmin.NewConfigurationQueryByNodeResponse() }},
	{"RPC_CM_UPDATE_PARTITION_CONFIGURATION", func() thrift.TStruct { return metaadmin.NewConfigurationUpdateRequest() }},
	{"RPC_CM_UPDATE_PARTITION_CONFIGURATION_ACK", func() thrift.TStruct { return metaadmin.NewConfigurationUpdateResponse() }},
	{"RPC_CM_DUPLICATION_SYNC", func() thrift.TStruct { return duplication.NewDuplicationSyncRequest() }},
	{"RPC_CM_DUPLICATION_SYNC_ACK", func() thrift.TStruct { return duplication.NewDuplicationSyncResponse() }},
	{"RPC_CM_REPORT_RESTORE_STATUS", func() thrift.TStruct { return backup.NewConfigurationReportRestoreStatusRequest() }},
	{"RPC_CM_REGISTER_CHILD_REPLICA", func() thrift.TStruct { return split.NewRegisterChildRequest() }},
	{"RPC_CM_NOTIFY_STOP_SPLIT", func() thrift.TStruct { return split.NewNotifyStopSplitRequest() }},
	{"RPC_CM_QUERY_CHILD_STATE", func() thrift.TStruct { return split.NewQueryChildStateRequest() }},
	{"RPC_FD_FAILURE_DETECTOR_PING", func() thrift.TStruct { return fd.NewBeaconMsg() }},
	{"RPC_FD_FAILURE_DETECTOR_PING_ACK", func() thrift.TStruct { return fd.NewBeaconAck() }},
	{"RPC_CONFIG_PROPOSAL", func() thrift.TStruct { return metaadmin.NewConfigurationUpdateRequest() }},
	{"RPC_QUERY_PN_DECREE", func() thrift.TStruct { return replicaadmin.NewQueryReplicaDecreeRequest() }},
	{"RPC_QUERY_REPLICA_INFO", func() thrift.TStruct { return replicaadmin.NewQueryReplicaInfoRequest() }},
	{"RPC_QUERY_REPLICA_INFO_ACK", func() thrift.TStruct { return replicaadmin.NewQueryReplicaInfoResponse() }},
	{"RPC_QUERY_APP_INFO", func() thrift.TStruct { return metaadmin.NewQueryAppInfoRequest() }},
	{"RPC_QUERY_APP_INFO_ACK", func() thrift.TStruct { return metaadmin.NewQueryAppInfoResponse() }},
	{"RPC_COLD_BACKUP", func() thrift.TStruct { return backup.NewBackupRequest() }},
	{"RPC_CLEAR_COLD_BACKUP", func() thrift.TStruct { return backup.NewBackupClearRequest() }},
	{"RPC_BULK_LOAD", func() thrift.TStruct { return bulkload.NewBulkLoadRequest() }},
	{"RPC_BULK_LOAD_ACK", func() thrift.TStruct { return bulkload.NewBulkLoadResponse() }},
	{"RPC_GROUP_BULK_LOAD", func() thrift.TStruct { return bulkload.NewGroupBulkLoadRequest() }},
	{"RPC_PREPARE", func() thrift.TStruct { return consensus.NewPrepareMsg() }},
	{"RPC_PREPARE_ACK", func() thrift.TStruct { return consensus.NewPrepareAck() }},
	{"RPC_GROUP_CHECK", func() thrift.TStruct { return consensus.NewGroupCheckRequest() }},
	{"RPC_GROUP_CHECK_ACK", func() thrift.TStruct { return consensus.NewGroupCheckResponse() }},
	{"RPC_LEARN", func() thrift.TStruct { return consensus.NewLearnRequest() }},
	{"RPC_LEARN_ACK", func() thrift.TStruct { return consensus.NewLearnResponse() }},
	{"RPC_LEARN_COMPLETION_NOTIFY_ACK", func() thrift.TStruct { return consensus.NewLearnNotifyResponse() }},
	{"RPC_REMOVE_REPLICA", func() thrift.TStruct { return metadata.NewReplicaConfiguration() }},
	{"RPC_SPLIT_NOTIFY_CATCH_UP", func() thrift.TStruct { return split.NewNotifyCatchUpRequest() }},
	{"RPC_SPLIT_UPDATE_CHILD_PARTITION_COUNT", func() thrift.TStruct { return split.NewUpdateChildGroupPartitionCountRequest() }},
	{"RPC_NFS_COPY", func() thrift.TStruct { return nfs.NewCopyRequest() }},
	{"RPC_NFS_COPY_ACK", func() thrift.TStruct { return nfs.NewCopyResponse() }},
	{"RPC_NFS_GET_FILE_SIZE", func() thrift.TStruct { return nfs.NewGetFileSizeRequest() }},
	{"RPC_NFS_GET_FILE_SIZE_ACK", func() thrift.TStruct { return nfs.NewGetFileSizeResponse() }},
	{"RPC_QUERY_DISK_INFO", func() thrift.TStruct { return replicaadmin.NewQueryDiskInfoRequest() }},
	{"RPC_QUERY_DISK_INFO_ACK", func() thrift.TStruct { return replicaadmin.NewQueryDiskInfoResponse() }},
	{"RPC_REPLICA_DISK_MIGRATE", func() thrift.TStruct { return replicaadmin.NewReplicaDiskMigrateRequest() }},
	{"RPC_DETECT_HOTKEY", func() thrift.TStruct { return replicaadmin.NewDetectHotkeyRequest() }},
	{"RPC_ADD_NEW_DISK", func() thrift.TStruct { return replicaadmin.NewAddNewDiskRequest() }},
	{"RPC_CLI_CLI_CALL", func() thrift.TStruct { return command.NewCommand() }},
	{"RPC_NEGOTIATION", func() thrift.TStruct { return security.NewNegotiationRequest() }},
	{"gpid", func() thrift.TStruct { return base.NewGpid() }},
	{"host_port", func() thrift.TStruct { return base.NewHostPort() }},
	{"rpc_address", func() thrift.TStruct { return base.NewRPCAddress() }},
	{"error_code", func() thrift.TStruct { return base.NewErrorCode() }},
	{"task_code", func() thrift.TStruct { return base.NewTaskCode() }},
	{"request_meta", func() thrift.TStruct { return layer2.NewRequestMeta() }},
	{"learn_state", func() thrift.TStruct { return consensus.NewLearnState() }},
	{"mutation_data", func() thrift.TStruct { return consensus.NewMutationData() }},
}
