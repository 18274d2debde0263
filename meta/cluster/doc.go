// Package cluster is the deciding half of the meta server: which table exists, which server is
// alive, who is primary of what, and what to propose next.
//
// It is a pure core. A State is fed with requests, beacons, the passing of time and the news that
// something was persisted; it answers with effects (persist this, propose that, reply so) which the
// host carries out. It never reads a clock, opens a socket, starts a goroutine or draws a random
// number, so the same input always gives the same output. It is not safe for concurrent use; the
// host serialises.
//
// Time is one number everywhere: milliseconds since 1970 that never run backwards.
//
// What always holds (Check verifies it):
//   - a configuration becomes visible, and is acknowledged, only after it was persisted;
//   - the ballot grows by exactly one with each change of membership;
//   - no server appears twice in a configuration;
//   - one write per table and one per partition is on its way at a time, later ones wait;
//   - the meta invents membership only where nobody else can: the death of a primary, a dropped
//     table, a changed replica count. All else is asked for by the primary.
//
// Start with state.go, then update.go (how a configuration changes) and cure.go (what is proposed).
package cluster
