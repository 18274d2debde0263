package conf

// Network is [network]: connections and their limits.
type Network struct {
	ListenHost              string `key:"listen_host" fv:"string" def:"" is:"own" doc:"address to listen on; empty: all"`
	ExplicitHostAddress     string `key:"explicit_host_address" fv:"string" def:"" doc:"address that other servers and clients are told; empty: found from primary_interface"`
	PrimaryInterface        string `key:"primary_interface" fv:"string" def:"" doc:"network interface whose address is told; empty: the first that is up and no loopback, else 127.0.0.1"`
	SendHostPort            string `key:"send_host_port" fv:"string" def:"never" enum:"never|native|always" is:"own" doc:"send the hp_* fields of newer peers: never, over the native protocol only, or always. Released clients cannot read them"`
	FrameBytesMax           Bytes  `key:"frame_bytes_max" fv:"i64" def:"67108864" min:"65536" max:"1073741824" is:"own" doc:"bytes of one request, header included; a longer one closes its connection"`
	ConnsMax                Count  `key:"conns_max" fv:"i64" def:"10000" min:"1" is:"own" doc:"connections that clients and servers may have open, at most half of the process' descriptors; beyond it a connection that never sent a request gives way"`
	ConnThresholdPerIP      Count  `key:"conn_threshold_per_ip" fv:"u32" def:"0" doc:"connections that one address may have open; 0: no limit"`
	InFlightMax             Count  `key:"in_flight_max" fv:"i64" def:"16384" min:"1" is:"own" doc:"unanswered requests of a connection; it is not read from while it has that many"`
	InFlightBytesMax        Bytes  `key:"in_flight_bytes_max" fv:"i64" def:"67108864" min:"65536" is:"own" doc:"bytes of the unanswered requests of a connection; it is not read from while there are more"`
	InFlightBytesTotalMax   Bytes  `key:"in_flight_bytes_total_max" fv:"i64" def:"0" min:"1048576" zero:"derived" is:"own" doc:"the same of all connections; while there are more, those with more than 64 KiB are not read from. 0: 9 % of memory_bytes_max, at most 1.5 GiB; 1 GiB for a meta server"`
	InBufferBytesTotalMax   Bytes  `key:"in_buffer_bytes_total_max" fv:"i64" def:"0" min:"1048576" zero:"derived" is:"own" doc:"read buffers of all connections beyond 64 KiB each; a connection whose request does not fit is closed. 0: 5 % of memory_bytes_max, at most 1 GiB; 1 GiB for a meta server"`
	OutBufferBytesMax       Bytes  `key:"out_buffer_bytes_max" fv:"i64" def:"16777216" min:"65536" is:"own" doc:"answers of a connection that its peer has not taken; it is not read from while there are more"`
	OutBufferBytesBusy      Bytes  `key:"out_buffer_bytes_busy" fv:"i64" def:"268435456" min:"65536" is:"own" doc:"answers that a peer has not taken above which its requests are answered ERR_BUSY"`
	OutBufferBytesTotalMax  Bytes  `key:"out_buffer_bytes_total_max" fv:"i64" def:"0" min:"1048576" zero:"derived" is:"own" doc:"the same of all connections; while there are more, it concerns those with more than 64 KiB. 0: 7 % of memory_bytes_max, at most 1 GiB; 1 GiB for a meta server"`
	PeerBufferBytesTotalMax Bytes  `key:"peer_buffer_bytes_total_max" fv:"i64" def:"0" min:"8388608" zero:"derived" is:"own" doc:"what all other servers together have not taken of what a replica server sends them, and as much for reading their answers; while there is more, connections with more than 64 KiB take none. 0: 3.5 % of memory_bytes_max, at most 512 MiB"`
	FirstRequestMs          Millis `key:"first_request_ms" fv:"i64" def:"600000" min:"100" is:"own" doc:"a connection that has not sent its first request for this long is closed; one that has may be idle for ever"`
	FrameMs                 Millis `key:"frame_ms" fv:"i64" def:"60000" min:"100" is:"own" doc:"how long a request that has begun may take to arrive"`
	StallMs                 Millis `key:"stall_ms" fv:"i64" def:"30000" min:"100" is:"own" doc:"a peer that takes none of its answers for this long is disconnected"`
	ConnPoolMaxSize         Count  `key:"conn_pool_max_size" fv:"u32" def:"1" min:"1" max:"64" doc:"connections to one other server"`
	MessageChecksum         bool   `key:"message_checksum" fv:"bool" def:"false" is:"own" doc:"checksum messages between servers"`
}

// HTTP is [http]: the pages on the RPC port.
type HTTP struct {
	EnableHTTPServer   bool   `key:"enable_http_server" fv:"bool" def:"true" doc:"answer HTTP on the RPC port"`
	HTTPHeaderBytesMax Bytes  `key:"http_header_bytes_max" fv:"i64" def:"65536" min:"1024" is:"own" doc:"headers of one HTTP request"`
	HTTPBodyBytesMax   Bytes  `key:"http_body_bytes_max" fv:"i64" def:"16777216" min:"1024" is:"own" doc:"body of one HTTP request"`
	HTTPInFlightMax    Count  `key:"http_in_flight_max" fv:"i64" def:"256" min:"1" is:"own" doc:"HTTP requests that are worked on or being answered; more wait, and are answered 503 after [network] frame_ms"`
	HTTPWriteMs        Millis `key:"http_write_ms" fv:"i64" def:"300000" min:"1000" is:"own" doc:"time of one HTTP request, its answer included"`
	HTTPIdleMs         Millis `key:"http_idle_ms" fv:"i64" def:"600000" min:"1000" is:"own" doc:"an HTTP connection without requests for this long is closed"`
}

// NFS is [nfs]: copying checkpoints from server to server.
type NFS struct {
	NfsCopyBlockBytes               Bytes           `key:"nfs_copy_block_bytes" fv:"u32" def:"131072" min:"4096" max:"33554432" doc:"bytes per request when a checkpoint is copied"`
	MaxConcurrentRemoteCopyRequests Count           `key:"max_concurrent_remote_copy_requests" fv:"i32" def:"0" min:"1" zero:"derived" doc:"copy requests at once of the server; 0: what fits 2 % of memory_bytes_max, 2 to 50"`
	MaxFileCopyRequestCountPerFile  Count           `key:"max_file_copy_request_count_per_file" fv:"i32" def:"10" min:"1" doc:"copy requests at once for one file"`
	MaxRetryCountPerCopyRequest     Count           `key:"max_retry_count_per_copy_request" fv:"i32" def:"2" min:"0" doc:"how often a failed copy request is repeated"`
	RPCTimeoutMs                    Millis          `key:"rpc_timeout_ms" fv:"i32" def:"100000" min:"1" doc:"timeout of a copy request"`
	MaxCopyRateMegabytesPerDisk     Live[Megabytes] `key:"max_copy_rate_megabytes_per_disk" fv:"i64" def:"50" min:"0" doc:"what a learner may copy per second and disk; 0: no limit"`
	CheckMegabytesPerSecond         Megabytes       `key:"check_megabytes_per_second" is:"own" fv:"i64" def:"200" min:"0" doc:"what a server may read per second of checkpoints to compare their checksums; 0: no limit"`
	MaxSendRateMegabytesPerDisk     Live[Megabytes] `key:"max_send_rate_megabytes_per_disk" fv:"i64" def:"0" min:"0" doc:"what a server may send to learners per second and disk; 0: no limit"`
}

// ZooKeeper is [zookeeper]: only with meta_state_service_zookeeper.
type ZooKeeper struct {
	HostsList List   `key:"hosts_list" fv:"string" def:"" check:"hostports" doc:"the ZooKeeper ensemble, host:port"`
	TimeoutMs Millis `key:"timeout_ms" fv:"i32" def:"4000" min:"1000" max:"600000" doc:"session timeout of ZooKeeper: a meta that is cut off stops leading before it has passed. Two seconds or more shorter than fd_lease_seconds, or all servers stop serving when the leading meta is killed"`
}

// Metrics is [metrics].
type Metrics struct {
	BuiltinMetricsUpdateIntervalMs Millis `key:"builtin_metrics_update_interval_ms" fv:"u64" def:"10000" min:"100" is:"pending" doc:"period of the metrics of the process itself"`
	EntityRetirementDelayMs        Millis `key:"entity_retirement_delay_ms" fv:"u64" def:"600000" is:"pending" doc:"how long the metrics of a closed replica are shown"`
}

// Core is [core].
type Core struct {
	DataDir      string `key:"data_dir" fv:"string" def:"./data" check:"nonempty" doc:"directory of everything whose place is not given otherwise"`
	TimerSlackNs Nanos  `key:"timer_slack_ns" fv:"i64" def:"500000" min:"0" max:"10000000" is:"own" doc:"how much later than due the kernel may wake a thread of the server, on Linux; less costs processor time for writes. 0: leave it as it is"`
}
