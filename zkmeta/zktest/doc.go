// Package zktest starts a real ZooKeeper server for tests, and a proxy that can
// cut a client off from it. It is for tests only; nothing else imports it.
//
// The server is Debian's package zookeeper, or an unpacked release named by
// ZOOKEEPER_HOME. Where neither is found the test is skipped with a message that
// says so, except under CI, where it fails.
package zktest
