// Package baseline keeps what operations cost in figures that do not depend on the speed of the machine (allocations,
// allocated bytes, system calls) in a file, and compares it with what they cost now. Times are reported, never compared.
//
// Its test measures parts in the process of the test and a cluster in processes of its own, with fixed numbers of
// operations. baseline.txt is what the measures may cost; `make baseline` writes it anew. Only tests import the package.
//
// Read next: baseline.go, then parts_test.go and servers_test.go for what is measured.
package baseline
