// Package trouble measures what clients see while a cluster has extra work or a slow server: learning of a big partition,
// checkpoints, a manual compaction, moves of primaries, a peer that is paused again and again. It runs a cluster of processes,
// offers it an open loop of gets and sets at a rate that leaves the machine room, and puts the latency during each trouble beside
// that of a quiet phase just before it. Latency counts from the time an operation was due, so that a stall is seen by all that had to
// wait for it; operations that fail count with the time until their failure.
//
// It never judges correctness: bench/availability and the chaos tests do.
package trouble
