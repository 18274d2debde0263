//go:build !linux || race

package rpc

import "syscall"

// The race detector knows only calls that the scheduler is told of as what orders memory.

func read(fd int, b []byte) (int, error)  { return syscall.Read(fd, b) }
func write(fd int, b []byte) (int, error) { return syscall.Write(fd, b) }
