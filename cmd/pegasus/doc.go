// Command pegasus is all of Pegasus in one binary: `onebox` starts a whole cluster on this machine, `server` one server
// from a configuration file, `shell` and `bench` talk to a cluster, `version` says what was built.
//
// This package knows flags, files of configuration, processes and which roles to start; it translates the configuration
// into the options of packages meta and replica (roles_*.go) and never looks inside them.
//
// A onebox is described by the configuration files it writes, one per server, and starts every server from its file:
// in this process, or each in a child process (--processes). A single server of it can therefore be started again by hand.
package main
