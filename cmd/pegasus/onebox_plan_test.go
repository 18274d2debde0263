package main

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func oneboxDefaults(dir string) oneboxOptions {
	return oneboxOptions{dir: dir, metas: 3, replicas: 3, metaPort: 34601, replicaPort: 34801, tables: []string{"stat:4", "temp:8"}, plogSync: "always"}
}

// What clients and their test suites expect of a onebox.
func TestDefaultOnebox(t *testing.T) {
	p, err := newPlan(oneboxDefaults(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(p.addresses(roleMeta), " "); got != "127.0.0.1:34601 127.0.0.1:34602 127.0.0.1:34603" {
		t.Errorf("metas at %s", got)
	}
	if got := strings.Join(p.addresses(roleReplica), " "); got != "127.0.0.1:34801 127.0.0.1:34802 127.0.0.1:34803" {
		t.Errorf("replica servers at %s", got)
	}
	if len(p.Tables) != 2 || p.Tables[0] != (tableSpec{"stat", 4, 3}) || p.Tables[1] != (tableSpec{"temp", 8, 3}) {
		t.Errorf("tables %v: stat must get id 1 and 4 partitions, temp id 2 and 8 partitions", p.Tables)
	}
	if m, err := p.find("replica2"); err != nil || m.Port != 34802 {
		t.Errorf("replica2 is %+v (%v)", m, err)
	}
	if _, err := p.find("replica9"); err == nil || !strings.Contains(err.Error(), "replica3") {
		t.Errorf("error %v does not list the servers there are", err)
	}
}

func TestBadPlansAreRefused(t *testing.T) {
	for want, change := range map[string]func(*oneboxOptions){
		"--metas":              func(o *oneboxOptions) { o.metas = 0 },
		"--replicas":           func(o *oneboxOptions) { o.replicas = oneboxReplicasMax + 1 },
		"both listen on port":  func(o *oneboxOptions) { o.replicaPort = 34602 },
		"does not exist":       func(o *oneboxOptions) { o.metaPort = 65535 },
		"name:partitions":      func(o *oneboxOptions) { o.tables = []string{"temp"} },
		"given twice":          func(o *oneboxOptions) { o.tables = []string{"a:1", "a:2"} },
		"as many replica serv": func(o *oneboxOptions) { o.tables = []string{"a:1:4"} },
	} {
		o := oneboxDefaults(t.TempDir())
		change(&o)
		if _, err := newPlan(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}

func TestFewerServersMeanFewerReplicas(t *testing.T) {
	o := oneboxDefaults(t.TempDir())
	o.replicas = 1
	p, err := newPlan(o)
	if err != nil || p.Tables[0].Replicas != 1 {
		t.Errorf("tables %v (%v), want one replica each", p.Tables, err)
	}
}

func TestTwoOneboxesDoNotShareADirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "box")
	first, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockDir(dir); err == nil || !strings.Contains(err.Error(), "pegasus onebox stop") {
		t.Errorf("error %v does not say how to stop the other", err)
	}
	first.Close()
	again, err := lockDir(dir)
	if err != nil {
		t.Fatalf("the lock outlived its holder: %v", err)
	}
	again.Close()
}

func TestCleanSparesForeignDirectories(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "thesis.txt")
	os.WriteFile(mine, []byte("x"), 0o644)
	if _, err := lockDir(dir); err == nil || !strings.Contains(err.Error(), "not the directory of a onebox") {
		t.Errorf("a directory with somebody's files was taken: %v", err)
	}
	if _, err := os.Stat(mine); err != nil {
		t.Error("the file is gone")
	}
}

func TestCleanRemovesEverythingButTheLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "box")
	lock, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	os.MkdirAll(filepath.Join(dir, "replica1", "data"), 0o755)
	os.WriteFile(filepath.Join(dir, oneboxLogName), []byte("x"), 0o644)
	if err := cleanDir(dir); err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.Name() != lockFileName && e.Name() != markerName {
			t.Errorf("%s is still there", e.Name())
		}
	}
	if _, err := lockDir(dir); err == nil {
		t.Error("cleaning released the lock")
	}
}

func TestTakenPortIsNamedWithItsHolder(t *testing.T) {
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	p := &plan{Members: []member{{Name: "meta1", Port: port}}}
	err = checkPorts(p, time.Second)
	if err == nil || !strings.Contains(err.Error(), "in use") || !strings.Contains(err.Error(), "--meta-port") {
		t.Errorf("error %v does not say what is wrong and what to do", err)
	}
	l.Close()
	if err := checkPorts(p, time.Second); err != nil {
		t.Errorf("a free port is called taken: %v", err)
	}
}

func TestPidFilesOfTheDeadAreIgnored(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.pid")
	if readPid(path) != 0 {
		t.Error("a missing file names a process")
	}
	writePid(path, os.Getpid())
	if readPid(path) != os.Getpid() {
		t.Error("this process is not found")
	}
	for _, text := range []string{"", "nonsense", "-1", "0", "4194304999"} {
		os.WriteFile(path, []byte(text), 0o644)
		if pid := readPid(path); pid != 0 {
			t.Errorf("%q names process %d", text, pid)
		}
	}
	writePid(path, 1) // alive on every system, but no pegasus
	if pid := readPid(path); pid != 0 {
		t.Errorf("process %d of another program was taken for a server", pid)
	}
}

func TestControlOfNothingSaysSo(t *testing.T) {
	dir := t.TempDir()
	if err := controlStop(dir, nil, os.Stdout); err == nil || !strings.Contains(err.Error(), "pegasus onebox --dir") {
		t.Errorf("error %v does not say how to start one", err)
	}
}

// An outgoing connection may hold a server's port although nobody listens there.
func TestPortOfAPassingConnectionIsExplained(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the connection to go away")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	port := conn.LocalAddr().(*net.TCPAddr).Port
	p := &plan{Members: []member{{Name: "meta1", Port: port}}}
	go func() {
		time.Sleep(100 * time.Millisecond)
		conn.(*net.TCPConn).SetLinger(0) // so that the port is free at once
		conn.Close()
	}()
	if err := checkPorts(p, 20*time.Second); err != nil { // meanwhile others may be given the port
		t.Errorf("a connection that went away was not waited for: %v", err)
	}
	if conn, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p.Members[0].Port = conn.LocalAddr().(*net.TCPAddr).Port
	if err := checkPorts(p, time.Second); err == nil || !strings.Contains(err.Error(), "ip_local_reserved_ports="+strconv.Itoa(p.Members[0].Port)) {
		t.Errorf("error %v does not say how to reserve the port", err)
	}
}
