// Package memory divides the memory of a replica server: one total, the parts of it that have limits of
// their own, and what is left for the garbage collector.
//
// Plan is a pure function from a total and what an operator has fixed to a complete Budget. Machine finds
// what there is, Claim tells the Go runtime, Now reads what is in use.
//
// # Invariants
//
//   - What the parts of a Budget may take adds up to no more than its total less HeadroomPercentMin.
//   - A part that was given keeps its size: Plan fails rather than change it.
//   - The limit of the garbage collector covers what lies on the Go heap; block cache and memtables do not
//     where cgo allocates them.
//   - Environment variables GOGC and GOMEMLIMIT come before all that is configured.
//
// Read next: plan.go, then process.go.
package memory
