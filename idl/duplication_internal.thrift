// What one cluster ships to another.
// Field numbers, names and types: wire protocol. Argument wrappers are written by package rpc.

include "dsn.thrift"

namespace go dupinternal

struct duplicate_request {
  1: list<duplicate_entry> entries;
}

struct duplicate_entry {
  1: optional i64 timestamp;
  2: optional dsn.task_code task_code;
  3: optional dsn.blob raw_message;
  4: optional i8 cluster_id;
  5: optional bool verify_timetag;
}

struct duplicate_response {
  1: optional i32 error;
  2: optional string error_hint;
}
