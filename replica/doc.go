// Package replica is the replica server: it hosts the partitions of a node, each a pure core
// (package pacifica) with a store (package rrdb) and a private log (package plog) around it, and
// speaks with clients, other replica servers and the meta server.
//
// A partition is one goroutine with a mailbox. Whatever happens to it — a client's write, a
// message, a finished log write, a tick — becomes an event of its core; the loop takes all that
// waits, steps the core once and carries out the effects in order. Reads do not pass through the
// loop: they run where they arrive, under the role that the loop published and the lease.
//
// Locks: Server.mu guards the set of partitions, partition.mail.mu its mailbox; neither is held
// while the other is taken, and no lock is held across I/O.
//
// Read next: partition.go (the loop), effects.go (what it does), data.go (clients), peers.go
// (other servers), node.go (lease and meta server), open.go (directories).
package replica
