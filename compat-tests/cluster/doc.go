// Package cluster runs a onebox for the compat tests, the way a person would: it builds the binary, starts
// `pegasus onebox` on free ports with its data in a temporary directory, and kills and starts single servers with
// `pegasus onebox kill` and `start`. It knows the servers by their command line and ports only.
package cluster
