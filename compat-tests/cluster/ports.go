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

// FreePorts finds n consecutive ports that nobody listens on and returns the first; 0: there are none.
func FreePorts(n int) int {
	for range portsTries {
		first := portsFrom + rand.IntN(portsTo-portsFrom)
		if PortsFree(first, n) {
			return first
		}
	}
	return 0
}

func freePorts(t testing.TB, n int) int {
	t.Helper()
	first := FreePorts(n)
	if first == 0 {
		t.Fatalf("no %d free ports in a row after %d tries", n, portsTries)
	}
	return first
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
