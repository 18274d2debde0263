// Command mutants shows that the tests would notice. It plants one known bug at a time, a line or two
// of the cores, their hosts, the private log or the meta server, and runs the layers of the test suite
// until one of them objects: the unit tests of the package, the random histories of the replication
// core, the simulation of whole clusters. A bug that survives all of them is a hole in the tests.
//
//	go run ./internal/mutants                 # all of them, a table at the end
//	go run ./internal/mutants -only lease     # those whose name matches
//	go run ./internal/mutants -list
//
// Nothing in the tree is changed: the compiler gets the mutated file as an overlay.
package main
