package bench

import (
	"net"
	"os"
	"testing"
)

func TestOwnListenerIsFound(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	found, err := Listeners([]int{port})
	if err == ErrNoProcFS {
		t.Skip("this system has no /proc")
	}
	if err != nil || found[port] != os.Getpid() {
		t.Errorf("port %d is listened on by %v (%v), want process %d", port, found, err, os.Getpid())
	}
	pids, err := serverProcesses([]string{l.Addr().String()})
	if err != nil || len(pids) != 1 || pids[0] != os.Getpid() {
		t.Errorf("process behind %s: %v (%v), want %d", l.Addr(), pids, err, os.Getpid())
	}
	if !Listening(port) {
		t.Errorf("nobody is said to listen on port %d", port)
	}
	l.Close()
	if Listening(port) {
		t.Errorf("somebody is said to listen on the closed port %d", port)
	}
	if found, _ = Listeners([]int{port}); len(found) != 0 {
		t.Errorf("a closed port is still listened on by %v", found)
	}
}

func TestServersElsewhereHaveNoProcesses(t *testing.T) {
	if _, err := serverProcesses([]string{"192.0.2.1:34801"}); err == nil {
		t.Error("an address for documentation was taken for this machine's")
	}
}
