// Package disk looks after the data directories of a replica server: which there are, which work and
// have room, which replica lies where, and the directories that were set aside. It also reads and
// writes the two small files that describe a replica, .app-info and .init-info, in the formats of the
// C++ server (replica.md section 9).
//
// A data directory holds
//
//	<path>/replica/.lock                            one process at a time
//	<path>/replica/reps/<app>.<partition>.pegasus/  a live replica
//	<path>/replica/reps/<...>.pegasus.<us>.err      set aside: damaged (.gar: garbage), removed after a while
//	<path>/replica/reps/<...>.disk.migrate.tmp      a copy that moves between disks (.ori: the one it replaces)
//	<path>/replica/reps/<...>.bak                   kept by hand, never removed
//
// Invariants: over all disks at most one live directory per gpid; a directory that was renamed or an
// info file that was written is so after a power cut too; a directory without its info files is never
// guessed at. The package does not open replicas and decides nothing about their contents.
package disk
