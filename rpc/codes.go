package rpc

// Kind says how a task code is routed.
type Kind uint8

// The kinds of task codes. Storage codes are routed by the partition in the header.
const (
	KindPlain Kind = iota
	KindStorageRead
	KindStorageScan // a read that may take long
	KindStorageWrite
)

// IsStorage reports whether the header's partition decides where such a request goes.
func (k Kind) IsStorage() bool { return k != KindPlain }

// KindOf looks up a task code; ok is false for a name that is not one.
func KindOf(name string) (k Kind, ok bool) {
	k, ok = codes[name]
	return k, ok
}

// codes are the request names of the protocol (wire.md §8). A name outside this table and without a
// handler is answered ERR_HANDLER_NOT_FOUND. The table is never written to.
var codes = func() map[string]Kind {
	m := make(map[string]Kind, 128)
	add := func(k Kind, prefix string, names ...string) {
		for _, n := range names {
			m[prefix+n] = k
		}
	}
	add(KindStorageWrite, "RPC_RRDB_RRDB_", "PUT", "MULTI_PUT", "REMOVE", "MULTI_REMOVE", "INCR",
		"CHECK_AND_SET", "CHECK_AND_MUTATE", "DUPLICATE", "BULK_LOAD")
	add(KindStorageRead, "RPC_RRDB_RRDB_", "GET", "TTL", "BATCH_GET")
	add(KindStorageScan, "RPC_RRDB_RRDB_", "MULTI_GET", "SORTKEY_COUNT", "GET_SCANNER", "SCAN", "CLEAR_SCANNER")
	add(KindPlain, "RPC_CM_", "QUERY_PARTITION_CONFIG_BY_INDEX",
		"CREATE_APP", "DROP_APP", "RECALL_APP", "RENAME_APP", "LIST_APPS", "LIST_NODES", "CLUSTER_INFO",
		"CONTROL_META", "PROPOSE_BALANCER", "START_RECOVERY", "UPDATE_APP_ENV", "DDD_DIAGNOSE",
		"ADD_BACKUP_POLICY", "QUERY_BACKUP_POLICY", "MODIFY_BACKUP_POLICY",
		"START_BACKUP_APP", "QUERY_BACKUP_STATUS", "START_RESTORE", "QUERY_RESTORE_STATUS",
		"ADD_DUPLICATION", "MODIFY_DUPLICATION", "QUERY_DUPLICATION", "LIST_DUPLICATION",
		"START_PARTITION_SPLIT", "CONTROL_PARTITION_SPLIT", "QUERY_PARTITION_SPLIT",
		"START_BULK_LOAD", "CONTROL_BULK_LOAD", "CLEAR_BULK_LOAD", "QUERY_BULK_LOAD_STATUS",
		"START_MANUAL_COMPACT", "QUERY_MANUAL_COMPACT_STATUS",
		"GET_MAX_REPLICA_COUNT", "SET_MAX_REPLICA_COUNT", "GET_ATOMIC_IDEMPOTENT", "SET_ATOMIC_IDEMPOTENT",
		"CONFIG_SYNC", "UPDATE_PARTITION_CONFIGURATION", "DUPLICATION_SYNC", "REPORT_RESTORE_STATUS",
		"REGISTER_CHILD_REPLICA", "NOTIFY_STOP_SPLIT", "QUERY_CHILD_STATE")
	add(KindPlain, "RPC_", "FD_FAILURE_DETECTOR_PING", "FD_PROCESS_ENDED", "CONFIG_PROPOSAL", "QUERY_PN_DECREE",
		"QUERY_REPLICA_INFO", "QUERY_APP_INFO", "COLD_BACKUP", "CLEAR_COLD_BACKUP", "BULK_LOAD",
		"GROUP_BULK_LOAD", "PREPARE", "GROUP_CHECK", "LEARN", "LEARN_COMPLETION_NOTIFY",
		"LEARN_ADD_LEARNER", "REMOVE_REPLICA", "QUERY_LAST_CHECKPOINT_INFO", "SPLIT_NOTIFY_CATCH_UP",
		"SPLIT_UPDATE_CHILD_PARTITION_COUNT", "NFS_COPY", "NFS_GET_FILE_SIZE", "QUERY_DISK_INFO",
		"REPLICA_DISK_MIGRATE", "DETECT_HOTKEY", "ADD_NEW_DISK", "CLI_CLI_CALL", "NEGOTIATION")
	return m
}()
