// Package table measures a fixed set of cases on clusters of processes that it starts itself, and sets each beside what the
// original does and what we aim at: `pegasus bench table`, `make bench-table`. The cases, the original's figures and the aims are
// data (rows.go, facts.go, original.go). It never tunes a server: clusters run with defaults but for plog_sync.
//
// Words: a *row* is a case with a number of callers; a *stage* is the rows that share a cluster with the same rows in its table; a
// *run* is one measurement of a row. Runs of a stage go round: first all rows once, then all rows again, so that a disturbance
// of the machine does not hit all runs of one row. A *fact* is a property of a cluster, such as its memory; a *scene* is the
// cluster it is measured on.
//
// Invariant: what failed, or is not known, is never met (verdict.go).
//
// Read next: rows.go, run.go, verdict.go.
package table
