package conf

// Replication is [replication]: the replicas, their logs and who is alive. Meta and
// replica servers read it, and must agree in the fd_* keys.
type Replication struct {
	ClusterName                                    string          `key:"cluster_name" fv:"string" def:"onebox" check:"nonempty" doc:"name of the cluster"`
	DupClusterName                                 string          `key:"dup_cluster_name" fv:"string" def:"" is:"pending" doc:"name in duplication; empty: cluster_name"`
	DataDirs                                       List            `key:"data_dirs" fv:"string" def:"" check:"datadirs" doc:"directories of the replicas, \"tag:/path\" each; empty: <core.data_dir>/replica"`
	DataDirsBlackListFile                          string          `key:"data_dirs_black_list_file" fv:"string" def:"" doc:"file with directories not to use, one a line"`
	PlogSync                                       string          `key:"plog_sync" fv:"string" def:"always" enum:"always|interval|none" is:"own" doc:"when a logged write counts as durable: synced, synced every plog_sync_interval_ms, or left to the system"`
	PlogSyncIntervalMs                             Millis          `key:"plog_sync_interval_ms" fv:"i64" def:"100" min:"1" max:"60000" is:"own" doc:"pause between syncs of the private log with plog_sync = interval"`
	LogPrivateFileSizeMb                           Megabytes       `key:"log_private_file_size_mb" fv:"i32" def:"32" min:"1" max:"1024" doc:"size of one file of the private log"`
	LogPrivateReserveMaxSizeMb                     Megabytes       `key:"log_private_reserve_max_size_mb" fv:"i32" def:"1000" min:"0" doc:"size up to which log is kept for learners although it is not needed"`
	LogPrivateReserveMaxTimeSeconds                Seconds         `key:"log_private_reserve_max_time_seconds" fv:"i32" def:"36000" min:"0" doc:"age up to which log is kept for learners although it is not needed"`
	PlogPendingBytesMax                            Bytes           `key:"plog_pending_bytes_max" fv:"i64" def:"268435456" min:"1048576" is:"own" doc:"log bytes of one replica that wait for the disk; beyond it writes are refused"`
	PlogJournalFileBytes                           Bytes           `key:"plog_journal_file_bytes" fv:"i64" def:"33554432" min:"0" max:"1073741824" is:"own" doc:"size of a file of the journal through which the logs of a disk share syncs with plog_sync = always; 0: each log syncs for itself"`
	StalenessForCommit                             Count           `key:"staleness_for_commit" fv:"i32" def:"20" min:"1" max:"10000" doc:"mutations in two-phase commit at once per partition"`
	MaxMutationCountInPrepareList                  Count           `key:"max_mutation_count_in_prepare_list" fv:"i32" def:"110" min:"1" max:"100000" doc:"mutations kept in memory per partition, committed ones included"`
	PrepareListBytesMax                            Bytes           `key:"prepare_list_bytes_max" fv:"i64" def:"16777216" min:"65536" is:"own" doc:"bytes of the committed mutations kept in memory per partition"`
	PrepareListBytesTotalMax                       Bytes           `key:"prepare_list_bytes_total_max" fv:"i64" def:"0" min:"1048576" zero:"derived" is:"own" doc:"the same of all partitions of a server, which get equal parts; 0: 1.5 % of memory_bytes_max, at most 512 MiB"`
	MutationTwoPCMinReplicaCount                   Count           `key:"mutation_2pc_min_replica_count" fv:"i32" def:"0" min:"0" doc:"members needed to accept writes; 0: one for a replica count up to 2, otherwise a majority"`
	PrepareTimeoutMsForSecondaries                 Millis          `key:"prepare_timeout_ms_for_secondaries" fv:"i32" def:"3000" min:"1" doc:"how long a prepare is repeated to a secondary before it is removed"`
	PrepareTimeoutMsForPotentialSecondaries        Millis          `key:"prepare_timeout_ms_for_potential_secondaries" fv:"i32" def:"5000" min:"1" doc:"how long a prepare is repeated to a learner before it is removed"`
	PrepareNetworkRetryMs                          Millis          `key:"prepare_network_retry_ms" fv:"i64" def:"300" min:"1" is:"own" doc:"how long a broken connection to a member is retried before it is removed"`
	BatchWriteDisabled                             bool            `key:"batch_write_disabled" fv:"bool" def:"false" doc:"one request per mutation"`
	EmptyWriteDisabled                             LiveBool        `key:"empty_write_disabled" fv:"bool" def:"false" is:"pending" doc:"no empty writes while there are no others"`
	MaxAllowedWriteSize                            Bytes           `key:"max_allowed_write_size" fv:"u64" def:"1048576" doc:"bytes of one write request; 0: no limit"`
	GroupCheckDisabled                             bool            `key:"group_check_disabled" fv:"bool" def:"false" is:"pending" doc:"primaries do not check their group"`
	GroupCheckIntervalMs                           Millis          `key:"group_check_interval_ms" fv:"i32" def:"10000" min:"100" doc:"period of a primary's check of its group"`
	ConfigSyncDisabled                             bool            `key:"config_sync_disabled" fv:"bool" def:"false" is:"pending" doc:"replica servers do not compare their replicas with the meta"`
	ConfigSyncIntervalMs                           Live[Millis]    `key:"config_sync_interval_ms" fv:"u32" def:"10000" min:"1" doc:"period of comparing the replicas of a server with the meta"`
	FDCheckIntervalSeconds                         Seconds         `key:"fd_check_interval_seconds" fv:"i32" def:"1" min:"1" is:"pending" doc:"period of looking for silent servers"`
	FDBeaconIntervalSeconds                        Seconds         `key:"fd_beacon_interval_seconds" fv:"i32" def:"1" min:"1" doc:"period of beacons from replica server to meta"`
	FDLeaseSeconds                                 Seconds         `key:"fd_lease_seconds" fv:"i32" def:"7" min:"2" doc:"a replica server without an answered beacon for this long stops serving"`
	FDGraceSeconds                                 Seconds         `key:"fd_grace_seconds" fv:"i32" def:"8" min:"3" doc:"the meta counts a server silent for this long as dead; longer than the lease"`
	FDWitness                                      bool            `key:"fd_witness" fv:"bool" def:"true" is:"own" doc:"a small second process tells the meta servers at once when this server has been killed or has crashed"`
	DelayForFDTimeoutOnStart                       bool            `key:"delay_for_fd_timeout_on_start" fv:"bool" def:"false" is:"pending" doc:"wait for one grace period at start"`
	DenyClientOnStart                              bool            `key:"deny_client_on_start" fv:"bool" def:"false" doc:"refuse all clients"`
	CheckpointDisabled                             bool            `key:"checkpoint_disabled" fv:"bool" def:"false" is:"pending" doc:"no periodic flush of the stores"`
	CheckpointIntervalSeconds                      Seconds         `key:"checkpoint_interval_seconds" fv:"i32" def:"100" min:"1" doc:"period of flushing what the log must not be kept for"`
	CheckpointMaxIntervalHours                     Hours           `key:"checkpoint_max_interval_hours" fv:"i32" def:"2" min:"1" is:"pending" doc:"a store is flushed at least this often"`
	CheckpointFlushBehindBytes                     Bytes           `key:"checkpoint_flush_behind_bytes" fv:"i64" def:"67108864" min:"1048576" is:"own" doc:"a store whose log holds more than this is flushed"`
	GCIntervalMs                                   Millis          `key:"gc_interval_ms" fv:"i32" def:"30000" min:"100" is:"pending" doc:"period of looking for what can be deleted"`
	GCMemoryReplicaIntervalMs                      Millis          `key:"gc_memory_replica_interval_ms" fv:"i32" def:"600000" min:"0" doc:"how long a replica without a role stays open"`
	GCDiskErrorReplicaIntervalSeconds              Live[Seconds]   `key:"gc_disk_error_replica_interval_seconds" fv:"u64" def:"86400" doc:"age at which a quarantined replica (.err) is deleted"`
	GCDiskGarbageReplicaIntervalSeconds            Live[Seconds]   `key:"gc_disk_garbage_replica_interval_seconds" fv:"u64" def:"86400" doc:"age at which a dropped replica (.gar) is deleted"`
	GCDiskMigrationOriginReplicaIntervalSeconds    Live[Seconds]   `key:"gc_disk_migration_origin_replica_interval_seconds" fv:"u64" def:"604800" doc:"age at which the origin of a disk move (.ori) is deleted"`
	GCDiskMigrationTmpReplicaIntervalSeconds       Live[Seconds]   `key:"gc_disk_migration_tmp_replica_interval_seconds" fv:"u64" def:"86400" doc:"age at which what a disk move left (.tmp) is deleted"`
	PlogGCEnabled                                  bool            `key:"plog_gc_enabled" fv:"bool" def:"true" doc:"delete log files that are not needed"`
	DiskStatDisabled                               bool            `key:"disk_stat_disabled" fv:"bool" def:"false" is:"pending" doc:"do not look at the free space of the disks"`
	DiskStatIntervalSeconds                        Seconds         `key:"disk_stat_interval_seconds" fv:"i32" def:"60" min:"1" doc:"period of looking at the free space of the disks"`
	DiskMinAvailableSpaceRatio                     Live[Percent]   `key:"disk_min_available_space_ratio" fv:"i32" def:"10" min:"0" max:"100" doc:"a disk with less free space, in percent, is full"`
	RejectWriteWhenDiskInsufficient                LiveBool        `key:"reject_write_when_disk_insufficient" fv:"bool" def:"true" doc:"refuse writes to a full disk"`
	IgnoreBrokenDisk                               bool            `key:"ignore_broken_disk" fv:"bool" def:"true" doc:"start without a disk that does not work"`
	LearnAppMaxConcurrentCount                     Count           `key:"learn_app_max_concurrent_count" fv:"i32" def:"5" min:"1" doc:"learners that copy a checkpoint at once"`
	MaxReplicasOnLoadForEachDisk                   Live[Count]     `key:"max_replicas_on_load_for_each_disk" fv:"u64" def:"8" min:"1" doc:"replicas opened at once per disk at start"`
	MaxConcurrentManualEmergencyCheckpointingCount Live[Count]     `key:"max_concurrent_manual_emergency_checkpointing_count" fv:"u32" def:"10" min:"1" is:"pending" doc:"forced checkpoints at once"`
	TriggerCheckpointRetryIntervalMs               Millis          `key:"trigger_checkpoint_retry_interval_ms" fv:"u32" def:"100" min:"1" is:"pending" doc:"pause before a forced checkpoint is tried again"`
	AbnormalWriteTraceLatencyThreshold             Live[Nanos]     `key:"abnormal_write_trace_latency_threshold" fv:"u64" def:"1000000000" is:"pending" doc:"a slower write is logged"`
	PrepareDecreeGapForDebugLogging                Count           `key:"prepare_decree_gap_for_debug_logging" fv:"i32" def:"10000" min:"1" is:"pending" doc:"log each so many decrees"`
	VerboseClientLogOnStart                        bool            `key:"verbose_client_log_on_start" fv:"bool" def:"false" is:"pending" doc:"log each error that a client is answered"`
	VerboseCommitLogOnStart                        bool            `key:"verbose_commit_log_on_start" fv:"bool" def:"false" is:"pending" doc:"log each commit"`
	ReplicasStatDisabled                           bool            `key:"replicas_stat_disabled" fv:"bool" def:"false" is:"pending" doc:"no statistics of the replicas"`
	ReplicasStatIntervalMs                         Live[Millis]    `key:"replicas_stat_interval_ms" fv:"u32" def:"30000" min:"100" is:"pending" doc:"period of the statistics of the replicas"`
	LongReadsMax                                   Count           `key:"long_reads_max" fv:"i64" def:"64" min:"1" is:"own" doc:"scans and multi reads that run at once"`
	LongReadsQueuedMax                             Count           `key:"long_reads_queued_max" fv:"i64" def:"10000" min:"1" is:"own" doc:"scans and multi reads that wait for their turn; more are refused as busy"`
	WriteBytesWaitingMax                           Bytes           `key:"write_bytes_waiting_max" fv:"i64" def:"0" min:"1048576" zero:"derived" is:"own" doc:"bytes of all writes of a server that wait to be committed; more are refused. 0: 3 % of memory_bytes_max, at most 512 MiB"`
	RowLockMapCapacity                             Live[Count]     `key:"row_lock_map_capacity" fv:"u64" def:"1024" min:"1" is:"pending" doc:"rows locked at once for idempotent atomic writes"`
	LbIntervalMs                                   Millis          `key:"lb_interval_ms" fv:"i32" def:"10000" min:"100" is:"pending" doc:"period of the balancer"`
	DuplicationEnabled                             bool            `key:"duplication_enabled" fv:"bool" def:"true" is:"pending" doc:"tables may be duplicated to other clusters"`
	DuplicationSyncPeriodSecond                    Seconds         `key:"duplication_sync_period_second" fv:"u64" def:"10" min:"1" is:"pending" doc:"period of reporting the progress of duplication to the meta"`
	DuplicateLogBatchBytes                         Live[Bytes]     `key:"duplicate_log_batch_bytes" fv:"u32" def:"4096" min:"1" is:"pending" doc:"bytes per request of duplication"`
	DupMaxAllowedWriteSize                         Live[Bytes]     `key:"dup_max_allowed_write_size" fv:"u64" def:"1048576" is:"pending" doc:"largest entry that duplication ships"`
	DupNoMutationLoadDelayMs                       Live[Millis]    `key:"dup_no_mutation_load_delay_ms" fv:"u64" def:"100" is:"pending" doc:"pause of duplication when there was nothing to ship"`
	DupProgressMinUpdatePeriodMs                   Millis          `key:"dup_progress_min_update_period_ms" fv:"u64" def:"5000" is:"pending" doc:"least pause between updates of duplication's progress"`
	DupProgressMinReportPeriodMs                   Millis          `key:"dup_progress_min_report_period_ms" fv:"u64" def:"300000" is:"pending" doc:"least pause between reports of duplication's progress"`
	DupIgnoreOtherClusterIDs                       bool            `key:"dup_ignore_other_cluster_ids" fv:"bool" def:"false" doc:"take duplicated writes from clusters that are not in [duplication-group]"`
	ColdBackupRoot                                 string          `key:"cold_backup_root" fv:"string" def:"" is:"pending" doc:"path prefix on the backup store"`
	ColdBackupCheckpointReserveMinutes             Minutes         `key:"cold_backup_checkpoint_reserve_minutes" fv:"i32" def:"10" min:"0" is:"pending" doc:"how long a checkpoint for a backup is kept"`
	MaxConcurrentUploadingFileCount                Count           `key:"max_concurrent_uploading_file_count" fv:"u64" def:"10" min:"1" is:"pending" doc:"files uploaded at once"`
	MaxConcurrentBulkLoadDownloadingCount          Count           `key:"max_concurrent_bulk_load_downloading_count" fv:"i32" def:"5" min:"1" is:"pending" doc:"replicas that download at once"`
	HDFSReadBatchSizeBytes                         Live[Bytes]     `key:"hdfs_read_batch_size_bytes" fv:"u64" def:"67108864" min:"1" is:"pending" doc:"bytes per read from HDFS"`
	HDFSReadLimitRateMbPerSec                      Live[Megabytes] `key:"hdfs_read_limit_rate_mb_per_sec" fv:"u32" def:"200" is:"pending" doc:"limit of reading from HDFS"`
	HDFSWriteBatchSizeBytes                        Live[Bytes]     `key:"hdfs_write_batch_size_bytes" fv:"u64" def:"67108864" min:"1" is:"pending" doc:"bytes per write to HDFS"`
	HDFSWriteLimitRateMbPerSec                     Live[Megabytes] `key:"hdfs_write_limit_rate_mb_per_sec" fv:"u32" def:"200" is:"pending" doc:"limit of writing to HDFS"`
}
