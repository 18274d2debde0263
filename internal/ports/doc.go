// Package ports finds TCP ports that are free, for tests and measurements that start servers on this machine. It never keeps
// a port: between the look and the listen somebody else may take it.
package ports
