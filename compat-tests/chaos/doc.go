// Package chaos harms a real cluster and checks what its clients saw. Servers are processes, each in a network namespace of
// its own (package netlab); three client libraries work at once: the project's, the Apache Go client and pypegasus3.
//
// A scenario starts a cluster, then injects faults from a plan that a seed decides: processes are killed, paused and stopped,
// links cut in one direction or both, made lossy, slow or duplicating, a disk is filled up, members of the ZooKeeper ensemble
// are killed. When the faults are over, this must hold:
//
//   - every partition becomes fully healthy within a bound;
//   - the history of every key is linearizable (porcupine), where an operation of unknown outcome may take effect at any
//     later time, or never;
//   - each row whose write was acknowledged is there with its value, and no row that nobody wrote;
//   - the members of a partition have the same digest at the same decree;
//   - no server ended by itself, and all stop when asked to.
//
// The nouns: a server is a process; a fault harms servers or links and can be undone; a step is a fault with its victim and
// duration, a round one or two steps at once; a record is one operation of one client; the run does it all and has the report.
//
//	go test ./compat-tests/chaos -v -chaos.duration 5m -chaos.seed 1 -chaos.report bin/chaos
//
// Without a duration a short scenario runs. Where namespaces can't be made (they need root), processes share the
// loopback and only they are harmed; with CI set that is a failure. The machine's clock is never touched: Go programs
// read it without the C library, so that jumps can't be faked for one process; the simulation covers them.
package chaos
