package ports

import (
	"fmt"
	"net"
	"testing"
)

func TestTakenPortsAreNotFree(t *testing.T) {
	first := Free(3)
	if first == 0 {
		t.Skip("no three free ports in a row on this machine")
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first+1))
	if err != nil {
		t.Skipf("somebody took port %d meanwhile: %v", first+1, err)
	}
	defer l.Close()
	if AllFree(first, 3) {
		t.Errorf("ports %d to %d are said to be free, %d is not", first, first+2, first+1)
	}
}
