// Package meta is the meta server: it answers clients that ask where partitions are, listens to the
// beacons of replica servers, and keeps every partition of every table complete.
//
// What to do is decided by package cluster, a pure core. This package is the host around it: it
// campaigns for leadership, loads the tree of tables, turns RPCs into calls of the core, persists
// what the core wants persisted and sends what it wants sent.
//
// One Server is a follower or, between winning an election and losing it, a leader. All that belongs
// to one leadership is a term, which takes nothing but beacons until the tree is loaded; when leadership is gone the term is thrown away with all it knew, and
// the store refuses its late writes. A term is guarded by one mutex, which is never held during I/O.
//
// Ways to read on: server.go (life), term.go (running effects), gate.go (who may ask what), then the
// handlers by subject, tree.go and treejson.go (the upstream layout), http.go, commands.go.
package meta
