// Package plog is the private log of one replica: the write-ahead log that makes an acknowledged
// mutation survive a crash. It stores opaque entries (ballot, decree, bytes) in the order in which
// they were appended, and knows nothing of mutations, roles or messages.
//
// # Files
//
// A log is a directory of files plog.<number>; numbers grow and are never used twice. Each file is a
// header followed by blocks; one block is one write: everything that arrived while the previous write
// was in progress. Every block carries its file's number, its own offset, the checksum of the block
// before it, and how much of the file was known to be on disk when it was written. So
//
//   - bytes left over in a recycled file are never taken for new ones (their file number differs);
//   - a file that has a successor ends exactly where the successor's header says;
//   - in the last file, an unreadable block is a torn tail only if no later block proves that it had
//     been synced; otherwise it is corruption.
//
// # Invariants
//
//   - One write or sync is in progress per log at any time; callbacks run in the order of Append.
//   - A file is complete and synced, in every mode, before the header of its successor is written.
//   - A header is synced, and its directory too, before the first block after it is written.
//   - Files are collected from the oldest on, one directory sync each, so that no crash leaves a hole.
//   - A failed write or sync is final: the log stays failed until it is opened again.
//   - What Open returns is on disk: it syncs the last file of a log that was not closed cleanly.
//
// # Journal
//
// The logs of a disk may share a Journal: blocks are written to their logs without a sync and once more to the journal, which
// is synced for all of them at once. Small ones wait for each other in the tail of their log, and are written to its file before
// anybody reads or syncs it. OpenJournal, before any log is opened, writes to the logs what they lost. "On disk", in
// the invariants above, is then "in the log or in the journal". A file of the journal is used again only when every
// log file with blocks in it was synced; a sync that failed is never tried again in its place. A log that failed writes nothing more; before
// it is opened again it is given everything that the journal has of it (complete).
//
// # What it never does
//
// It never repairs: a torn tail is ignored (and fenced off by the next file's header), anything else
// that cannot be read is a *CorruptError and nothing is deleted. It never decides which version of a
// decree counts, except in Read, where the version appended last wins.
//
// Read format.go first, then log.go (append), open.go (recovery), read.go (learning), gc.go; then syncer.go (rounds),
// journal.go, tail.go, settle.go, complete.go, redo.go and journalopen.go.
package plog
