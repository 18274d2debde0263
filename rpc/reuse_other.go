//go:build !unix

package rpc

import "syscall"

func reuseAddress(_, _ string, _ syscall.RawConn) error { return nil }
