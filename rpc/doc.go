// Package rpc moves named calls between processes: it frames, sends, receives and dispatches them,
// and knows nothing of what they mean.
//
// One listening port speaks four dialects, told apart by the first four bytes of a connection:
// "THFT" (versions 0 and 1: every language client), "RDSN" (the native header: servers among
// themselves and the C++ tools), HTTP/1.1, and otherwise nothing: the connection is closed.
//
// # Reading order
//
// wire.go and reader.go: values as bytes. thft.go and native.go: frames as bytes. server.go,
// session.go, request.go: from a readable socket to a Handler and back. outbox.go: how both ends
// write to a socket without a goroutine per message. pool.go, conn.go, wheel.go: outgoing calls.
//
// # What holds
//
//   - Bytes from the network never panic, and what they make us allocate is bounded by what was
//     received plus named limits (ServerOptions, PoolOptions).
//   - Every Request is answered or dropped once; a second answer is logged and ignored.
//   - A callback given to Pool.Go runs exactly once, never inside Go itself.
//   - A handler, or whoever answers a request, never blocks on a slow peer: what the socket does
//     not take at once is written by a goroutine of that connection.
//   - A connection whose peer does not read its answers is not read from either, and closed when
//     that lasts (ServerOptions.StallMs).
//   - What all connections hold together is bounded, too, by kind: read buffers, unanswered requests,
//     answers not taken (budget.go). A connection that holds little is not hindered by the others.
//
// Lock order: a session's or connection's mutex is a leaf; no callback runs under it.
package rpc
