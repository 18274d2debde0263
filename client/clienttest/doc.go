// Package clienttest is a small Pegasus cluster inside a test: metas and replica servers that speak
// the real protocol over real sockets, keep rows in memory, and do on command what a cluster does on
// a bad day: fail over, lose a server, answer with errors, answer late or not at all. It replicates
// nothing: all members of a partition share one set of rows.
package clienttest
