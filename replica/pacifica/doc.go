// Package pacifica is the replication protocol of one partition as a state machine: it decides and
// does nothing else. Step takes an event (a message, a finished write to the log, a tick, an
// answer of the meta server) and returns effects (append, send, apply, reply, ask the meta
// server); the host carries them out in order and feeds the results back as further events.
//
// The package does no I/O, reads no clock, starts no goroutine and draws no random number, so one
// seed replays a whole cluster.
//
// Words: a decree is the serial number of a mutation, a ballot the version of the partition's
// configuration. L is the last committed decree, M the last prepared one.
//
// Invariants, checked by (*Core).Check:
//   - L <= M <= L + window on a primary; every decree of (L, M] is in the prepare list
//   - what is applied grows by exactly one decree at a time and was logged here before
//   - the ballot never decreases, and is persisted before anything is said under it
//   - a primary commits a decree only when its own log and every member and every learner that
//     takes part have it
//   - a learner acts only on messages that carry its current signature
//
// Read next: events.go and effects.go (the two vocabularies), then twophase.go (a write),
// reconfig.go (roles), learn.go (how a new member catches up).
package pacifica
