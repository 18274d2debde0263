// Package rrdb is the data of one partition: keys, values, expiry, the operations clients call,
// and the Pebble store they live in. It knows nothing of replication or sessions: somebody above
// hands it mutations in decree order and requests to read.
//
// Four nouns:
//
//   - Engine: what all stores of a process share (block cache, file cache, compaction slots,
//     memtable budget, limits).
//   - Store: one partition's data in one directory.
//   - Update: one client write, as the bytes the client sent. A mutation is a list of them.
//   - ReadContext: what a read depends on besides the data (the clock, the partition count).
//
// Invariants:
//
//   - Apply(decree) is one Pebble batch that also holds the state record (decree, timestamp), so
//     what is on disk after a crash is exactly the mutations 1..d for the d in that record.
//   - Apply depends on nothing but the store's content and its arguments: expiry, increments and
//     checks are judged at the mutation's timestamp. Two stores that applied the same mutations
//     hold the same live rows, whatever else happened to them.
//   - Effective timestamps never decrease. The sweeper deletes only rows that had expired at the
//     timestamp of the last applied mutation, so no later mutation can tell a swept store from
//     one that was not.
//   - No bytes from a client or from the disk make this package panic.
//
// Locks, outermost first: Store.applyMu (Apply, a sweeper's chunk), Store.life (read side held by
// every operation, write side by Close), Store.scans.mu, Engine.mu. The compaction pool's mutex is
// a leaf; nothing is called while it is held except Pebble's GetAllowedWithoutPermission.
//
// Read next: store.go, apply.go, get.go.
package rrdb
