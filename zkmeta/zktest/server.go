package zktest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	startTimeout = 60 * time.Second
	mainClass    = "org.apache.zookeeper.server.ZooKeeperServerMain"
	debianJar    = "/usr/share/java/zookeeper.jar"
)

// Options of a server. Zero means the default.
type Options struct {
	// Tick is ZooKeeper's tickTime; sessions last 2 to 20 ticks. Default 250 ms.
	Tick time.Duration
}

// Server is one standalone ZooKeeper process with its data in a directory of the
// test. It ends with the test.
type Server struct {
	t     testing.TB
	dir   string
	port  int
	class string
	cmd   *exec.Cmd
	exit  chan struct{}
}

// Start runs a server and waits until it serves.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	class, err := ClassPath()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("zktest: %v", err)
		}
		t.Skipf("zktest: skipped, %v", err)
	}
	if o.Tick <= 0 {
		o.Tick = 250 * time.Millisecond
	}
	s := &Server{t: t, dir: t.TempDir(), class: class}
	if s.port, err = freePort(); err != nil {
		t.Fatalf("zktest: find a port: %v", err)
	}
	if err := s.writeConfig(o); err != nil {
		t.Fatalf("zktest: write the configuration: %v", err)
	}
	t.Cleanup(s.Kill)
	s.Restart()
	return s
}

// Addr is the "127.0.0.1:port" of the server.
func (s *Server) Addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// Restart starts the process again, on the same port and data, and waits until
// it serves.
func (s *Server) Restart() {
	s.t.Helper()
	if s.cmd != nil {
		s.t.Fatal("zktest: the server runs already")
	}
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		s.t.Fatalf("zktest: %v", err)
	}
	defer log.Close()
	cmd := exec.Command("java", "-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Djava.net.preferIPv4Stack=true",
		"-Dzookeeper.forceSync=no", // tests kill the process, not the machine
		"-Dzookeeper.admin.enableServer=false", "-Dzookeeper.jmx.log4j.disable=true",
		"-Dlog4j.configuration=file:"+filepath.Join(s.dir, "log4j.properties"),
		"-cp", s.class, mainClass, filepath.Join(s.dir, "zoo.cfg"))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		s.t.Fatalf("zktest: start java: %v", err)
	}
	exit := make(chan struct{})
	go func() {
		cmd.Wait()
		close(exit)
	}()
	s.cmd, s.exit = cmd, exit
	s.waitUntilServing()
}

// Kill ends the process at once, as kill -9 does.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Kill()
	<-s.exit
	s.cmd = nil
}

// Freeze stops the process without ending it: connections stay, nothing answers.
func (s *Server) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw lets a frozen process go on.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if s.cmd == nil {
		s.t.Fatal("zktest: the server does not run")
	}
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatalf("zktest: signal: %v", err)
	}
}

func (s *Server) logFile() string { return filepath.Join(s.dir, "zookeeper.log") }

func (s *Server) writeConfig(o Options) error {
	data := filepath.Join(s.dir, "data")
	if err := os.Mkdir(data, 0o755); err != nil {
		return err
	}
	config := fmt.Sprintf("tickTime=%d\ndataDir=%s\nclientPort=%d\nclientPortAddress=127.0.0.1\n"+
		"maxClientCnxns=0\n4lw.commands.whitelist=*\nadmin.enableServer=false\n",
		o.Tick.Milliseconds(), data, s.port)
	logging := "log4j.rootLogger=INFO, out\nlog4j.appender.out=org.apache.log4j.ConsoleAppender\n" +
		"log4j.appender.out.layout=org.apache.log4j.PatternLayout\nlog4j.appender.out.layout.ConversionPattern=%d %p %c{1} %m%n\n"
	return errors.Join(
		os.WriteFile(filepath.Join(s.dir, "zoo.cfg"), []byte(config), 0o644),
		os.WriteFile(filepath.Join(s.dir, "log4j.properties"), []byte(logging), 0o644))
}

func (s *Server) waitUntilServing() {
	s.t.Helper()
	deadline := time.Now().Add(startTimeout)
	for time.Now().Before(deadline) {
		select {
		case <-s.exit:
			s.t.Fatalf("zktest: ZooKeeper ended by itself:\n%s", s.logTail())
		case <-time.After(50 * time.Millisecond):
		}
		if strings.HasPrefix(s.ask("srvr"), "Zookeeper version") {
			return
		}
	}
	s.t.Fatalf("zktest: ZooKeeper does not serve after %v:\n%s", startTimeout, s.logTail())
}

// ask sends one of ZooKeeper's four-letter commands.
func (s *Server) ask(command string) string {
	conn, err := net.DialTimeout("tcp", s.Addr(), time.Second)
	if err != nil {
		return ""
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := io.WriteString(conn, command); err != nil {
		return ""
	}
	b, _ := io.ReadAll(io.LimitReader(conn, 1<<20))
	return string(b)
}

func (s *Server) logTail() string {
	b, err := os.ReadFile(s.logFile())
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(b[max(0, len(b)-4000):]))
}

// ClassPath is where java finds the server.
func ClassPath() (string, error) {
	if _, err := exec.LookPath("java"); err != nil {
		return "", errors.New("ZooKeeper needs java, which is not installed")
	}
	if home := os.Getenv("ZOOKEEPER_HOME"); home != "" {
		return filepath.Join(home, "lib", "*"), nil
	}
	if _, err := os.Stat(debianJar); err != nil {
		return "", errors.New("ZooKeeper is not installed (apt-get install zookeeper, or set ZOOKEEPER_HOME)")
	}
	return debianJar, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
