// Package compare sets the server CPU per operation of two programs, or of one with two configurations, side by side: a cluster of each runs
// on this machine at the same time, under the same closed loop at the same time, in rounds with fresh clusters that start in another order. What
// disturbs the machine disturbs both, so that the ratios of the rounds are a few percent apart where runs by turns are twenty. Rates and latencies say little:
// both share the processors.
package compare
