// Package conf reads the configuration of the servers: TOML, with the section
// and key names of Apache Pegasus wherever a key still means something.
//
// A [Config] is a struct per section. A field's tags say everything about its
// key: name, upstream's type, default, limits and meaning; the shipped files in
// this directory and docs/configuration.md are generated from them by a test.
// Fields carry their unit in their type ([Millis], [Bytes], ...). A key that may
// change while the server runs has the type [Live] or [LiveBool]; all others are
// read once.
//
// # Invariants
//
//   - What Load or Default returned is valid, and stays valid after any Set.
//   - A key that is not known is an error with its line and the nearest known
//     key. A key of upstream's that decides nothing here is accepted with a
//     warning (meaningless.go). A switch whose effect nobody provides can only be
//     off (refused.go).
//   - Flat names, as HTTP's /config and /updateConfig use them, are unique over
//     all sections.
//
// Read next: config.go, then load.go.
package conf
