// Package compattests drives the server with what its users run: client libraries as their package managers deliver them,
// recorded bytes of the original, and single frames that no library would send.
//
// Each client library has a small program of its own, built or installed when the test runs: go/apache (both obtainable
// versions of the Apache Go client) and go/xiaomi (XiaoMi's of 2018, and go-ycsb on top of it), modules of their own, so that
// old dependencies stay out of the project, with the claims they share in go/check; and python (pypegasus3). A program checks
// every public method of its library and prints "ok N checks", or each failed claim and exits with 1. The tests that the Apache
// Go client and pypegasus3 are published with run too, unmodified. The programs of examples are the ones that the README shows.
//
// Two clients can't be had: no public Maven repository has the Java client, and Debian has no Python 2 for pypegasus. Java's
// calls are made frame by frame instead, with the header version of its 1.x and of its 2.x line (TestHeaderVersions), and
// examples/java runs where Maven finds the client.
//
// Package cluster runs a onebox on free ports, kills and restarts its servers; package thft speaks the client protocol by
// hand. What a machine lacks is skipped with the reason, never passed; with CI set it fails. PEGASUS_BIN names a server binary
// to test instead of the one built from the checkout, PEGASUS_SHARED the folder of the recordings. With -short nothing runs.
package compattests
