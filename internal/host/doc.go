// Package host is what a server takes from the machine it runs on besides files and the network:
// clocks, goroutines, and waiting. Servers ask for these through Host and never through packages
// time and sync, so that a simulation can run whole servers on one thread, under a clock of its own,
// in an order that a seed decides. System is the real machine.
//
// What code under a Host must keep to: it starts work with Go, Group or AfterFunc; it waits only in
// Wait, Recv, Sleep, Group.Wait or Mutex.Lock; while it waits it holds no sync.Mutex; and nothing it
// does depends on the order of a map.
package host
