package cluster

import (
	"testing"

	"github.com/pegasus-go/pegasus/internal/ports"
)

func freePorts(t testing.TB, n int) int {
	t.Helper()
	first := ports.Free(n)
	if first == 0 {
		t.Fatalf("no %d free ports in a row", n)
	}
	return first
}
