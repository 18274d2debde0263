// Package bench loads a cluster and reports what it cost: throughput, latency percentiles, CPU time of the servers
// per operation. `pegasus bench` is its command line.
//
// Words: a *caller* keeps one operation in flight; an *operation* is what is timed (one RPC, or the two of a
// read-modify-write); a *chooser* picks the row an operation touches; a *workload* is a mix of kinds of operations with a
// way to choose rows; a *phase* is load, warm-up or measurement.
//
// Closed loop: every caller issues its next operation when the last one ended, from the very callback that reports the
// end, so that callers need no goroutines. Open loop (Options.RatePerSecond): operation i is due at start + i/rate no matter
// how the earlier ones fare, and its latency counts from then. A stall is therefore seen by every operation
// that had to wait for it; nothing is omitted.
//
// The package uses the cluster as any client does and knows nothing of the servers but their addresses; CPU time comes
// from /proc and is left out where that does not exist or the servers are elsewhere.
//
// Read next: options.go, workload.go, runner.go.
package bench
