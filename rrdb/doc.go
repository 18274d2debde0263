// Package rrdb is the data of one partition: keys, values, expiry, the operations clients call,
// and the Pebble store they live in. It knows nothing of replication or sessions: somebody above
// hands it mutations in decree order and requests to read.
//
// Four nouns:
//
//   - Engine: what all stores of a process share (block cache, row cache, file cache, compaction
//     slots, memtable budget, limits).
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
//   - The row cache holds nothing but what is committed: a writer takes its rows out before the commit, a
//     reader puts one in only if nothing was written to the store since before it was read.
//   - No bytes from a client or from the disk make this package panic.
//
// Where a client or an operator can tell this from upstream (rrdb.md §26 numbers its quirks; those
// it says to keep are kept):
//
//   - Expiry, checks and increments are judged at the mutation's timestamp, and every row, also one
//     an atomic operation wrote, carries it in its timetag. default_ttl comes with the mutation.
//   - Malformed keys, reserved keys, undecodable bodies and a wrong partition hash are refused at
//     admission (ValidateWrite) where upstream aborts, now or later.
//   - All entries of a duplicate request are one batch and see each other.
//   - One response holds at most ResponseBytesMax of rows, a store at most ScanContextsMax contexts.
//   - A reverse multi_get that ends at a limit exactly at the first row of its hash key is complete.
//   - A negative expire_ts, which upstream stores as a number beyond 2084, is stored in value schema
//     2, so that its high bit is not taken for a schema mark.
//   - Old rows without an expiry keep none when default_ttl is set: compaction stamps nothing, and
//     user-specified compaction rules are not applied.
//
// Locks, outermost first: Store.applyMu (Apply, a sweeper's chunk) or Store.durableMu, Store.life
// (read side held by every operation, write side by Close), Store.sweeper.mu, Store.scans.mu,
// Engine.mu. A shard of the row cache, held by a get while it builds its answer, and charge.mu are leaves; nobody holds two shards.
// The compaction pool's mutex is a leaf; nothing is called while it is held except
// Pebble's GetAllowedWithoutPermission. Pebble calls the listener with its own lock held: listeners
// take none of ours.
//
// Read next: store.go, apply.go, get.go, rowcache.go.
package rrdb
