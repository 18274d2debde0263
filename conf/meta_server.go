package conf

// MetaServer is [meta_server]: what the meta servers decide and where they keep it.
type MetaServer struct {
	ServerList                           List        `key:"server_list" fv:"string" def:"127.0.0.1:34601" check:"hostports" doc:"all meta servers of the cluster, host:port"`
	ClusterRoot                          string      `key:"cluster_root" fv:"string" def:"/pegasus/onebox" check:"path" doc:"path of the cluster's state in ZooKeeper, and in the embedded store"`
	MetaStateServiceType                 string      `key:"meta_state_service_type" fv:"string" def:"meta_state_service_embedded" enum:"meta_state_service_embedded|meta_state_service_zookeeper" doc:"where the state is kept; both also elect the leader"`
	MetaStateServiceParameters           string      `key:"meta_state_service_parameters" fv:"string" def:"" doc:"directory of the embedded store; empty: <core.data_dir>/meta_state. Metas on one machine share it"`
	DistributedLockServiceParameters     string      `key:"distributed_lock_service_parameters" fv:"string" def:"" check:"emptypath" doc:"path of the leader's lock in ZooKeeper; empty: <cluster_root>/lock"`
	MetaFunctionLevelOnStart             string      `key:"meta_function_level_on_start" fv:"string" def:"steady" enum:"stopped|blind|freezed|steady|lively" doc:"what the meta may do by itself after a start"`
	RecoverFromReplicaServer             bool        `key:"recover_from_replica_server" fv:"bool" def:"false" is:"pending" doc:"rebuild an empty state from what the replica servers hold"`
	NodeLivePercentageThresholdForUpdate Percent     `key:"node_live_percentage_threshold_for_update" fv:"i32" def:"50" min:"0" max:"100" doc:"a smaller living share of the replica servers freezes the cluster"`
	MinLiveNodeCountForUnfreeze          Live[Count] `key:"min_live_node_count_for_unfreeze" fv:"u64" def:"1" min:"1" doc:"fewer living replica servers freeze the cluster"`
	HoldSecondsForDroppedApp             Seconds     `key:"hold_seconds_for_dropped_app" fv:"i32" def:"604800" min:"0" doc:"how long a dropped table can be recalled"`
	AddSecondaryEnableFlowControl        bool        `key:"add_secondary_enable_flow_control" fv:"bool" def:"true" doc:"bound the learners that are started at once per server"`
	AddSecondaryMaxCountForOneNode       Count       `key:"add_secondary_max_count_for_one_node" fv:"i32" def:"20" min:"1" doc:"learners that are started at once per server, with add_secondary_enable_flow_control"`
	ReplicaAssignDelayMsForDropouts      Millis      `key:"replica_assign_delay_ms_for_dropouts" fv:"i64" def:"600000" min:"0" doc:"how long a lost secondary may come back before another server takes its place"`
	MaxReplicasInGroup                   Count       `key:"max_replicas_in_group" fv:"i32" def:"3" min:"1" is:"pending" doc:"living and dead replicas that are remembered per partition"`
	MaxReservedDroppedReplicas           Live[Count] `key:"max_reserved_dropped_replicas" fv:"u32" def:"1" doc:"dead replicas that are remembered beyond the replica count"`
	MaxAllowedReplicaCount               Live[Count] `key:"max_allowed_replica_count" fv:"i32" def:"5" min:"1" doc:"largest replica count of a table"`
	MinAllowedReplicaCount               Live[Count] `key:"min_allowed_replica_count" fv:"i32" def:"1" min:"1" doc:"smallest replica count of a table"`
	StableRsMinRunningSeconds            Seconds     `key:"stable_rs_min_running_seconds" fv:"u64" def:"600" doc:"a replica server that ran for this long counts as stable again"`
	MaxSuccssiveUnstableRestart          Count       `key:"max_succssive_unstable_restart" fv:"i32" def:"5" min:"0" doc:"quick restarts after which a replica server is distrusted; 0: never"`
	EnableWhiteList                      bool        `key:"enable_white_list" fv:"bool" def:"false" doc:"only replica servers of replica_white_list may join"`
	ReplicaWhiteList                     List        `key:"replica_white_list" fv:"string" def:"" check:"hostports" doc:"replica servers that may join with enable_white_list, host:port"`
	BalancerInTurn                       bool        `key:"balancer_in_turn" fv:"bool" def:"false" is:"pending" doc:"balance one table after the other"`
	OnlyPrimaryBalancer                  bool        `key:"only_primary_balancer" fv:"bool" def:"false" is:"pending" doc:"balance primaries only"`
	OnlyMovePrimary                      bool        `key:"only_move_primary" fv:"bool" def:"false" is:"pending" doc:"the balancer may only swap roles, not copy"`
	BalanceCluster                       LiveBool    `key:"balance_cluster" fv:"bool" def:"false" is:"pending" doc:"balance over all tables together"`
	BalanceOpCountPerRound               Live[Count] `key:"balance_op_count_per_round" fv:"u32" def:"10" is:"pending" doc:"moves per round of the balancer with balance_cluster"`
	ColdBackupDisabled                   bool        `key:"cold_backup_disabled" fv:"bool" def:"true" is:"pending" doc:"no backups"`
	BulkLoadMaxRollbackTimes             Live[Count] `key:"bulk_load_max_rollback_times" fv:"u32" def:"10" is:"pending" doc:"rollbacks after which a bulk load fails"`
	BulkLoadNodeMaxIngestingCount        Live[Count] `key:"bulk_load_node_max_ingesting_count" fv:"u32" def:"4" min:"1" is:"pending" doc:"partitions that ingest at once per server"`
	BulkLoadNodeMinDiskCount             Live[Count] `key:"bulk_load_node_min_disk_count" fv:"u32" def:"1" min:"1" is:"pending" doc:"disks assumed per server for that bound"`
	BulkLoadVerifyBeforeIngest           LiveBool    `key:"bulk_load_verify_before_ingest" fv:"bool" def:"false" is:"pending" doc:"check the files before ingesting"`
	EnableConcurrentBulkLoad             LiveBool    `key:"enable_concurrent_bulk_load" fv:"bool" def:"false" is:"pending" doc:"bulk load several tables at once"`
}
