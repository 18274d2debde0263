// Package netlab gives tests a small network of their own: hosts, each a network namespace with one address, joined by a
// switch that runs in this process. The switch sees every packet, so a link between two hosts can be cut in one direction or
// both, made lossy or slow, or made to duplicate and reorder, while the programs on the hosts are ordinary processes.
//
// The nouns: a Lab holds hosts and the state of their links; a Host starts processes and runs functions in its namespace; a Link
// says what happens to packets in one direction.
//
// Nothing outlives the process that made it, however it ends: namespaces have no names and go with their last process, the
// devices are not persistent, mounts are made in namespaces of their own, and the kernel kills what a Host started when the
// thread that started it is gone. So there is nothing to sweep.
//
// It needs Linux, CAP_SYS_ADMIN and /dev/net/tun; Check says what is missing. A lab made by Loopback does without: its
// hosts share the loopback address, start processes in the same way, and have no links to change.
package netlab
