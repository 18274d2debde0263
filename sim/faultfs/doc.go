// Package faultfs is a disk in memory that fails as told: it loses what was not synced when the power goes, tears
// writes, flips bits, refuses operations, runs full, and counts what is done to it. A Disk is a vfs.FS.
//
// # Two states
//
// Every file and directory has a current state, which reads see, and a synced one, which survives a crash. Data
// becomes synced by Sync or SyncData of a handle of the file; SyncTo promises nothing and syncs nothing. A name becomes
// synced by Sync of its directory: a synced file under a name that was not synced is gone after a crash, as POSIX
// allows. Moving a directory to another parent is one change, synced by either parent's Sync; any other move between
// directories is two, one for each.
//
// # Invariants
//
//   - The same calls in the same order leave the same bytes, also after Crash with a generator of the same seed: nothing
//     here depends on the order of a Go map, on a clock (Options.Now dates files, nothing else) or on a goroutine.
//   - Bytes that were synced and not overwritten since survive every crash; what a crash does to the rest says
//     CrashOptions.
//   - Of the changes of names in one directory a crash keeps those before some instant, as every file system with a
//     journal does. Between directories there is no order.
//   - After Crash nothing that the old life does succeeds: it can promise nothing that the next life does not hold.
//   - Hooks run before the operation and without any lock, so they may use the Disk, Crash included.
//
// Read node.go first (the two states), then crash.go, fs.go and file.go (the operations), faults.go (the hooks).
package faultfs
