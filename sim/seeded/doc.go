// Package seeded runs a whole cluster from one seed: real meta and replica servers, with their hosts,
// cores, private logs and stores, on machines of which everything else is simulated: clocks, network,
// disks, the state service of the meta servers, and the order in which goroutines run. Clients work on
// a few rows while faults are injected; afterwards everything heals and the cluster must become whole.
//
// One thread runs everything. A goroutine of a server is a task (node.go) that runs until it waits;
// time jumps from event to event (world.go). The seed decides every delay, loss, crash and every
// choice of who runs next, so the same seed gives the same run, byte for byte: its hash says so.
//
// While it runs, a checker (checker.go) hears what every replica does and ends the run at the first
// thing that must never happen; the history of each row must have an explanation (history.go); at the
// end members of a partition are compared row by row (run.go).
//
// What is not simulated: goroutines of the storage engine. The engine is told to do nothing but what
// it is asked for, and its files see no errors while a server runs; those are injected into the
// private log, and into everything while a server is down. Faults of the engine's files under load
// are the subject of the tests of rrdb and of package sim.
//
// Read next: world.go, node.go, machine.go, faults.go.
package seeded
