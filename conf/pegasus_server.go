package conf

// PegasusServer is [pegasus.server]: the data in the replicas and the memory for it.
type PegasusServer struct {
	MemoryBytesMax                               Bytes         `key:"memory_bytes_max" fv:"i64" def:"0" min:"268435456" zero:"derived" is:"own" doc:"memory of a replica server, everything included; the limits of its parts that are 0 are derived from it. 0: half of what the machine or its control group has"`
	GCPercent                                    Count         `key:"gc_percent" fv:"i64" def:"100" min:"10" max:"1000" is:"own" doc:"growth of the Go heap after which it is collected, in percent, as long as memory_bytes_max allows; the variable GOGC comes first"`
	RocksdbBlockCacheCapacity                    Bytes         `key:"rocksdb_block_cache_capacity" fv:"u64" def:"0" min:"8388608" zero:"derived" doc:"block cache of the server, what memtables hold included; 0: 36 % of memory_bytes_max, and what the other parts leave"`
	RowCachePercent                              Count         `key:"row_cache_percent" fv:"i64" def:"20" min:"0" max:"50" is:"own" doc:"part of the block cache that keeps single rows, for gets; 0: none"`
	RocksdbTotalSizeAcrossWriteBuffer            Bytes         `key:"rocksdb_total_size_across_write_buffer" fv:"u64" def:"0" min:"4194304" zero:"derived" doc:"unflushed writes of all replicas together; the largest are flushed from three quarters of it on, writes wait when it is spent. 0: 15 % of memory_bytes_max, at most 256 MiB"`
	RocksdbWriteBufferSize                       Bytes         `key:"rocksdb_write_buffer_size" fv:"u64" def:"0" min:"1048576" zero:"derived" doc:"unflushed writes of one replica; 0: a quarter of rocksdb_total_size_across_write_buffer, at most 64 MiB"`
	RocksdbMaxOpenFiles                          Count         `key:"rocksdb_max_open_files" fv:"i32" def:"10000" min:"100" doc:"table files open at once in the process"`
	RocksdbLimiterMaxWriteMegabytesPerSec        Megabytes     `key:"rocksdb_limiter_max_write_megabytes_per_sec" fv:"i64" def:"500" min:"0" doc:"what the compactions of the process write per second; flushes are not limited. 0: no limit"`
	RocksdbMaxBackgroundCompactions              Count         `key:"rocksdb_max_background_compactions" fv:"i32" def:"0" min:"0" doc:"compactions at once in the process; 0: half of the processors"`
	RocksdbMultiGetMaxIterationCount             Count         `key:"rocksdb_multi_get_max_iteration_count" fv:"u32" def:"3000" min:"1" doc:"rows that one multi_get looks at"`
	RocksdbMultiGetMaxIterationSize              Bytes         `key:"rocksdb_multi_get_max_iteration_size" fv:"u64" def:"31457280" doc:"bytes that one multi_get returns; 0: no limit"`
	RocksdbMaxIterationCount                     Count         `key:"rocksdb_max_iteration_count" fv:"u32" def:"1000" min:"1" doc:"rows that one step of a scan looks at"`
	RocksdbIterationThresholdTimeMs              Millis        `key:"rocksdb_iteration_threshold_time_ms" fv:"u64" def:"30000" doc:"time of one range read; 0: no limit"`
	RocksdbSlowQueryThresholdNs                  Nanos         `key:"rocksdb_slow_query_threshold_ns" fv:"u64" def:"100000000" min:"1" doc:"a slower read is logged"`
	RocksdbAbnormalGetSizeThreshold              Bytes         `key:"rocksdb_abnormal_get_size_threshold" fv:"u64" def:"1000000" doc:"a get of a larger value is logged; 0: never"`
	RocksdbAbnormalMultiGetSizeThreshold         Bytes         `key:"rocksdb_abnormal_multi_get_size_threshold" fv:"u64" def:"10000000" doc:"a multi_get of more bytes is logged; 0: never"`
	RocksdbAbnormalMultiGetIterateCountThreshold Count         `key:"rocksdb_abnormal_multi_get_iterate_count_threshold" fv:"u64" def:"1000" doc:"a multi_get that looks at more rows is logged; 0: never"`
	RocksdbAbnormalBatchGetBytesThreshold        Live[Bytes]   `key:"rocksdb_abnormal_batch_get_bytes_threshold" fv:"u64" def:"10000000" doc:"a batch_get of more bytes is logged; 0: never"`
	RocksdbAbnormalBatchGetCountThreshold        Live[Count]   `key:"rocksdb_abnormal_batch_get_count_threshold" fv:"u64" def:"2000" doc:"a batch_get of more keys is logged; 0: never"`
	ScanContextsMax                              Count         `key:"scan_contexts_max" fv:"i64" def:"1000" min:"1" is:"own" doc:"open scanners per replica; the oldest is dropped"`
	ScanContextLifeSeconds                       Seconds       `key:"scan_context_life_seconds" fv:"i64" def:"300" min:"1" is:"own" doc:"life of a scanner that nobody uses"`
	SweepPeriodSeconds                           Seconds       `key:"sweep_period_seconds" fv:"i64" def:"86400" min:"0" is:"own" doc:"pause between passes that reclaim expired rows; 0: never"`
	SweepRowsPerSecond                           Seconds       `key:"sweep_rows_per_second" fv:"i64" def:"200000" min:"1" is:"own" doc:"rows looked at per second in such a pass"`
	CheckpointReserveMinCount                    Live[Count]   `key:"checkpoint_reserve_min_count" fv:"u32" def:"2" min:"1" is:"pending" doc:"checkpoints kept per replica"`
	CheckpointReserveTimeSeconds                 Live[Seconds] `key:"checkpoint_reserve_time_seconds" fv:"u32" def:"1800" doc:"how long a checkpoint is kept"`
	UpdateRDBStatInterval                        Seconds       `key:"update_rdb_stat_interval" fv:"i32" def:"60" min:"1" is:"pending" doc:"period of the store's metrics"`
	InjectReadErrorForTest                       Live[Count]   `key:"inject_read_error_for_test" fv:"i32" def:"0" is:"pending" doc:"error code of every read, for tests; 0: none"`
	InjectWriteErrorForTest                      Live[Count]   `key:"inject_write_error_for_test" fv:"i32" def:"0" is:"pending" doc:"error code of every write, for tests; 0: none"`
	PerfCounterReadCapacityUnitSize              Bytes         `key:"perf_counter_read_capacity_unit_size" fv:"u64" def:"4096" check:"pow2" is:"pending" doc:"bytes of a read capacity unit, a power of two"`
	PerfCounterWriteCapacityUnitSize             Bytes         `key:"perf_counter_write_capacity_unit_size" fv:"u64" def:"4096" check:"pow2" is:"pending" doc:"bytes of a write capacity unit, a power of two"`
	ManualCompactWriteMegabytesPerSecond         Megabytes     `key:"manual_compact_write_megabytes_per_second" fv:"i64" def:"0" min:"-1" is:"own" doc:"what the compactions of replicas under manual compaction write per second, in the process; 0: 8 for each processor, 64 at most; -1: no limit of their own"`
	CompactGentleMegabytesPerSecond              Megabytes     `key:"compact_gentle_megabytes_per_second" fv:"i64" def:"0" min:"-1" is:"own" doc:"what compactions, but for those by order, write per second in the process while none is behind; 0: 8 for each processor; -1: no limit of their own"`
	CheckpointFlushMegabytesPerSecond            Megabytes     `key:"checkpoint_flush_megabytes_per_second" fv:"i64" def:"4" min:"0" is:"own" doc:"what flushes write per second that keep logs short or that an operator triggered, in the process; each counts for 1 MB more; 0: no limit"`
	ManualCompactMinIntervalSeconds              Seconds       `key:"manual_compact_min_interval_seconds" fv:"i32" def:"0" min:"0" doc:"least pause between manual compactions of a replica"`
	DupLaggingWriteThresholdMs                   Millis        `key:"dup_lagging_write_threshold_ms" fv:"i64" def:"10000" min:"0" is:"pending" doc:"a duplicated write that is this late is counted"`
	HotBucketVarianceThreshold                   Live[Count]   `key:"hot_bucket_variance_threshold" fv:"u32" def:"7" is:"pending" doc:"sensitivity of the coarse step of hot key detection"`
	HotKeyVarianceThreshold                      Live[Count]   `key:"hot_key_variance_threshold" fv:"u32" def:"5" is:"pending" doc:"sensitivity of the fine step of hot key detection"`
	HotkeyAnalyseTimeIntervalS                   Seconds       `key:"hotkey_analyse_time_interval_s" fv:"i32" def:"10" min:"1" is:"pending" doc:"period of analysis of hot key detection"`
	HotkeyBucketsNum                             Count         `key:"hotkey_buckets_num" fv:"u32" def:"37" min:"3" is:"pending" doc:"buckets of the coarse step of hot key detection"`
	MaxSecondsToDetectHotkey                     Live[Seconds] `key:"max_seconds_to_detect_hotkey" fv:"u32" def:"150" min:"1" is:"pending" doc:"hot key detection gives up after this"`
}
