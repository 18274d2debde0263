//go:build unix

package rpc

import "syscall"

// reuseAddress lets a server listen on a port that the system happened to give to this outgoing
// connection as its local port: usual server ports lie in the range for outgoing connections.
func reuseAddress(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	})
	if err != nil {
		return err
	}
	return failed
}
