// Package curves measures how the cost of a get and of a set grows with one property of a cluster or of its load, everything
// else held still: `pegasus bench curves`, `make bench-curves`. Each curve is a CSV file, a picture and a section of a page. Clusters
// are its own, as in bench/table. What is varied is data (list.go).
//
// Words: a *curve* is a property and the values it takes; a *point* is one value with everything that follows from it; points that
// can share a cluster with its rows do.
//
// Read next: list.go, run.go.
package curves
