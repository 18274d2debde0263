// Package admission decides which client requests a table lets in: deny_client_request and the
// throttles, both set by app envs (rrdb.md sections 4, 12, 13 and replica.md section 12). It is pure:
// no clock, no goroutine, no waiting; the caller passes the time in and carries the decision out.
//
// ParseEnvs reads everything the replica layer needs from a table's env map into one struct, once per
// change, so that no request looks at strings. A value that does not parse counts as absent and is
// named in Envs.Problems.
package admission
