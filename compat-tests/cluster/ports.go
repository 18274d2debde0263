package cluster

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// Ports for tests lie below the range from which the kernel takes ports for outgoing connections.
const (
	portsFrom  = 15000
	portsTo    = 31000
	portsTries = 200
)

// freePorts finds n consecutive ports that nobody listens on.
func freePorts(t testing.TB, n int) int {
	t.Helper()
	for range portsTries {
		first := portsFrom + rand.IntN(portsTo-portsFrom)
		if PortsFree(first, n) {
			return first
		}
	}
	t.Fatalf("no %d free ports in a row after %d tries", n, portsTries)
	return 0
}

// PortsFree tells whether nobody listens on n ports from first on.
func PortsFree(first, n int) bool {
	for i := range n {
		l, err := net.Listen("tcp", fmt.Sprintf("0.0.0.0:%d", first+i))
		if err != nil {
			return false
		}
		_ = l.Close()
	}
	return true
}
