// Package check verifies the data directories of a replica server that does not run: what it would find when it opened
// them, and more. It reads every byte that counts: info files, logs with all their blocks, stores with all their blocks
// and rows.
//
// # Invariants
//
//   - Nothing is modified, created or removed: every change is refused by the file system it looks through (readonly.go).
//   - A directory that a server holds is refused, since what changes under one's eyes cannot be judged.
//   - An Error says that the replica would not open, or that something it holds cannot be trusted. A Warning is odd and
//     worth a look, an Info is normal after a crash.
//
// It repairs nothing: a server sets a damaged replica aside and learns it again from the others.
package check
