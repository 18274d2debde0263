// Package redis measures Redis on this machine as a yardstick: a well-known server of one process, loaded by its own
// redis-benchmark, with the CPU time of the server from /proc. It needs redis-server and redis-benchmark on PATH (Debian packages
// redis-server and redis-tools) and is left out without them. It is a yardstick, not a rival: Redis replicates nothing here.
package redis
