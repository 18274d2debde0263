// The special types. On the wire they carry the type tag STRUCT but raw content, so their
// Go code is written by hand in gen-go/base; what the compiler makes of this file is not kept.

namespace go base

struct blob {}
struct error_code {}
struct task_code {}
struct gpid {}
struct rpc_address {}
struct host_port {}
