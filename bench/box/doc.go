// Package box runs a cluster of processes on this machine for the length of a measurement: `pegasus onebox --processes` on free
// ports with a data directory of its own, which is removed afterwards. It is a seam between measurements and the command line
// of a onebox: it starts and stops processes, waits until they are ready or quiet, and never measures an operation.
package box
