// The meta part of a THFT v1 request.
// Field numbers, names and types: wire protocol. Argument wrappers are written by package rpc.


namespace go requestmeta

struct thrift_request_meta_v1 {
  1: optional i32 app_id;
  2: optional i32 partition_index;
  3: optional i32 client_timeout;
  4: optional i64 client_partition_hash;
  5: optional bool is_backup_request;
}
