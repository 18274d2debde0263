package bench

import (
	"net"
	"os"
	"testing"
	"time"
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

func TestCPUTimeOfThisProcessGrows(t *testing.T) {
	before, err := processUsage([]int{os.Getpid()})
	if os.IsNotExist(err) {
		t.Skip("this system has no /proc")
	}
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for end := time.Now().Add(60 * time.Millisecond); time.Now().Before(end); {
		sum++
	}
	after, err := processUsage([]int{os.Getpid()})
	if err != nil || after.cpu <= before.cpu || after.rssBytes <= 0 || sum == 0 {
		t.Errorf("CPU time went from %v to %v, memory %d bytes (%v)", before.cpu, after.cpu, after.rssBytes, err)
	}
}

func TestStatLineWithAStrangeName(t *testing.T) {
	line := "42 (a) b) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 9 0 1000 1000000 3 18446744073709551615\n"
	got, err := parseStat([]byte(line))
	if err != nil || got.cpu != 3*time.Second || got.rssBytes != 3*int64(os.Getpagesize()) {
		t.Errorf("got %+v (%v), want 3 s and 3 pages", got, err)
	}
	for _, bad := range []string{"", "42 (a", "42 (a) S 1 2"} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q was taken for a stat line", bad)
		}
	}
}
