package redis

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/pegasus-go/pegasus/internal/ports"
)

const (
	serverProgram = "redis-server"
	benchProgram  = "redis-benchmark"

	readyWait = 20 * time.Second
	readyPoll = 20 * time.Millisecond
	stopWait  = 20 * time.Second
)

// ErrNotInstalled is returned where Redis is not on PATH.
var ErrNotInstalled = errors.New("redis: redis-server or redis-benchmark is not on PATH (Debian packages redis-server and redis-tools)")

// Installed tells whether Redis can be measured here.
func Installed() error {
	for _, name := range []string{serverProgram, benchProgram} {
		if _, err := exec.LookPath(name); err != nil {
			return ErrNotInstalled
		}
	}
	return nil
}

// server is a running Redis with a data directory of its own.
type server struct {
	port  int
	pid   int
	dir   string
	cmd   *exec.Cmd
	ended chan struct{}
}

// start runs a server that keeps nothing, or an append-only file that is synced before each answer.
func start(ctx context.Context, dataDir string, durable bool) (*server, error) {
	port := ports.Free(1)
	if port == 0 {
		return nil, errors.New("redis: no free port")
	}
	dir, err := os.MkdirTemp(dataDir, "redis-bench-")
	if err == nil {
		dir, err = filepath.Abs(dir) // the server starts in it
	}
	if err != nil {
		return nil, fmt.Errorf("redis: data directory: %w", err)
	}
	append := "no"
	if durable {
		append = "yes"
	}
	cmd := exec.Command(serverProgram, "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--daemonize", "no",
		"--logfile", filepath.Join(dir, "redis.log"), "--appendonly", append, "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C reaches us only: the server is stopped by stop
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("redis: start: %w", err), os.RemoveAll(dir))
	}
	s := &server{port: port, pid: cmd.Process.Pid, dir: dir, cmd: cmd, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // its log tells more than its exit code
		close(s.ended)
	}()
	if err := s.awaitReady(ctx); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "redis.log"))
		return nil, errors.Join(err, errors.New(string(log)), s.stop())
	}
	return s, nil
}

func (s *server) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWait)
	defer cancel()
	for !s.ping() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("redis: the server does not answer: %w", ctx.Err())
		case <-s.ended:
			return errors.New("redis: the server ended")
		case <-time.After(readyPoll):
		}
	}
	return nil
}

func (s *server) ping() bool {
	c, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), time.Second)
	if err != nil {
		return false
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second)) // a connection that was just made takes a deadline
	if _, err := c.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	answer, err := bufio.NewReader(c).ReadString('\n')
	return err == nil && answer == "+PONG\r\n"
}

// stop ends the server and removes its data.
func (s *server) stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-s.ended:
	case <-time.After(stopWait):
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("redis: remove the data: %w", err)
	}
	return nil
}

func version(ctx context.Context) string {
	text, err := exec.CommandContext(ctx, serverProgram, "--version").Output()
	if err != nil {
		return "of unknown version"
	}
	return parseVersion(string(text))
}
