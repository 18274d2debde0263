// Package client talks to a Pegasus cluster: it finds the leading meta, caches which server is
// primary of which partition, reacts to errors the way the established clients do, and offers the
// whole data API, an allocation-free asynchronous path for load generators, and the admin RPCs.
//
// Nouns: a Client owns the connections and knows the metas; a Table is a handle on one table's
// routing; a Scanner walks rows; an Admin speaks to the leading meta and to any node.
//
// Invariants:
//   - Nothing blocks forever: a context without a deadline gets Options.OpTimeout.
//   - A request of an operation that is not idempotent (incr, check_and_set, check_and_mutate) is
//     not sent again once it may have been executed: after a timeout or a broken connection the
//     caller gets the error. See reaction.go for the whole table.
//   - At most one routing query per table is in flight, and at most one starts per
//     Options.RefreshInterval; the first in a row come faster. Once the routing names another
//     primary, an operation is sent to it without a pause.
//   - Byte slices passed in are not kept after return; slices returned belong to the caller.
//
// The package knows nothing about servers beyond the wire. Read next: client.go, meta.go,
// routing.go, reaction.go.
package client
