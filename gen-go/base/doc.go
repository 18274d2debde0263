// Package base holds the value types that every other package speaks: the special types of the
// wire (blob, error_code, task_code, gpid, rpc_address, host_port), the key encoding, the
// partition hash and the clock epoch.
//
// In Thrift binary a special type carries the tag STRUCT but its content is raw: a string or an
// integer with no inner field header and no STOP. The thrift compiler cannot express that, so the
// types are written by hand here and the generated packages refer to them.
//
// A nil pointer to a special type writes as its zero value, because peers expect every
// non-optional field to be present.
package base

// GoUnusedProtection__ is referenced by generated code.
var GoUnusedProtection__ int
