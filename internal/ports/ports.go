package ports

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// Ports are chosen below the range from which the kernel takes ports for outgoing connections.
const (
	from  = 15000
	to    = 31000
	tries = 200
)

// Free finds n consecutive ports that nobody listens on and returns the first; 0: there are none.
func Free(n int) int {
	for range tries {
		first := from + rand.IntN(to-from)
		if AllFree(first, n) {
			return first
		}
	}
	return 0
}

// AllFree tells whether nobody listens on n ports from first on.
func AllFree(first, n int) bool {
	for i := range n {
		l, err := net.Listen("tcp", fmt.Sprintf("0.0.0.0:%d", first+i))
		if err != nil {
			return false
		}
		_ = l.Close()
	}
	return true
}
