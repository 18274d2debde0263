// Package zkmeta keeps the durable state of the meta servers: a small tree of
// paths with bytes, and the election that says which meta may change it.
//
// Two backends stand behind the same two interfaces, [Store] and [Election],
// and pass the same conformance tests:
//
//   - [OpenZooKeeper]: a ZooKeeper ensemble. The tree and the leader's lock node
//     have the shape that C++ meta servers and their tools read and write.
//   - [OpenEmbedded]: a directory on a local disk, shared by the metas of one
//     machine. Leadership is a file lock; state is a checksummed log with
//     snapshots.
//
// What the bytes under a path mean is the business of package meta. This
// package never looks into them.
//
// # Invariants
//
//   - The Store answers only while this handle holds the lease; otherwise every
//     call fails with [ErrNotLeader]. One lease exists at a time.
//   - A write by a deposed leader never takes effect: on ZooKeeper each write is
//     one transaction that also checks that the leader's lock node still exists;
//     the embedded store holds the file lock for as long as it is writable.
//   - [Lease.Lost] is closed before another candidate can win, measured on the
//     monotonic clock of this process. It is closed late when the process or its
//     machine was suspended, when an operator removes the lock, or when a second
//     process campaigns under the same address; the previous rule holds even then.
//   - A write that returned nil is on disk. A write that returned [ErrTimeout]
//     may or may not take effect; the caller repeats it until it knows.
//   - A transaction takes effect as a whole or not at all.
//
// Read next: store.go (the contract), then embedded.go and journal.go, or
// zookeeper.go, zookeeper_election.go and zookeeper_bulk.go.
package zkmeta
