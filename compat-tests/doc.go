// Package compattests drives the server with what its users run: client libraries as their package managers deliver them,
// recorded bytes of the original, and single frames that no library would send.
//
// Each client library has a small program of its own, built or installed when the test runs: go/apache and go/xiaomi (modules
// of their own, so that old dependencies stay out of the project's), python, java. A program checks every public method of
// its library and prints "ok N checks", or each failed claim and exits with 1. The programs of examples are the ones that the
// README shows.
//
// Package cluster runs a onebox of processes on free ports, kills and restarts its servers; package thft speaks the client
// protocol by hand. What can't be had is skipped with the reason, never passed: see the output of go test -v.
package compattests
