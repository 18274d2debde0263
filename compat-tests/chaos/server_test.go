//go:build linux

package chaos

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/pegasus-go/pegasus/compat-tests/netlab"
)

// Roles of servers.
const (
	roleMeta      = "meta"
	roleReplica   = "replica"
	roleZooKeeper = "zookeeper"
)

// stopWithin bounds a graceful stop; it is a failure detector.
const stopWithin = 60 * time.Second

// server is one process that is started and ended again and again on the same host, data and address.
type server struct {
	name, role string
	host       *netlab.Host
	addr       string // host:port
	dir        string // configuration, logs, data
	command    []string
	onEnd      func(string) // told when the process ends and nobody wanted that

	mu     sync.Mutex
	cmd    *exec.Cmd
	ended  chan struct{}
	wanted bool // that it ends
	may    bool // end, because it has no disk to work on
	paused bool
}

// outputName takes what a server prints past its log.
const outputName = "output.log"

func (s *server) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		return fmt.Errorf("%s runs already", s.name)
	}
	out, err := os.OpenFile(filepath.Join(s.dir, outputName), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.Command(s.command[0], s.command[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, out, out
	if err := s.host.Start(cmd); err != nil {
		return fmt.Errorf("start %s: %w", s.name, err)
	}
	s.cmd, s.ended, s.wanted, s.paused = cmd, make(chan struct{}), false, false
	go s.wait(cmd, s.ended)
	return nil
}

func (s *server) wait(cmd *exec.Cmd, ended chan struct{}) {
	err := cmd.Wait()
	s.mu.Lock()
	wanted, may := s.wanted, s.may
	s.cmd = nil
	s.mu.Unlock()
	close(ended)
	if !wanted && may {
		return
	}
	if !wanted {
		s.onEnd(fmt.Sprintf("%s ended by itself: %v", s.name, cmd.ProcessState))
	} else if err != nil && !signaled(cmd.ProcessState, syscall.SIGKILL) && s.role != roleZooKeeper {
		s.onEnd(fmt.Sprintf("%s was asked to stop and did not do so properly: %v", s.name, cmd.ProcessState))
	}
}

func signaled(state *os.ProcessState, by syscall.Signal) bool {
	status, isUnix := state.Sys().(syscall.WaitStatus)
	return isUnix && status.Signaled() && status.Signal() == by
}

// end sends a signal that ends the process, if it runs.
func (s *server) end(sig syscall.Signal) (ended <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		done := make(chan struct{})
		close(done)
		return done, nil
	}
	s.wanted = true
	return s.ended, s.cmd.Process.Signal(sig)
}

// kill ends the process as kill -9 does and waits until it is gone.
func (s *server) kill() error {
	ended, err := s.end(syscall.SIGKILL)
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %s: %w", s.name, err)
	}
	<-ended
	return nil
}

// stop asks the process to stop with a signal and waits for that.
func (s *server) stop(sig syscall.Signal) error {
	ended, err := s.end(sig)
	if err != nil {
		return fmt.Errorf("stop %s: %w", s.name, err)
	}
	select {
	case <-ended:
		return nil
	case <-time.After(stopWithin):
		return errors.Join(fmt.Errorf("%s did not stop within %v", s.name, stopWithin), s.stacks(), s.kill())
	}
}

// stacks makes a server that hangs print its goroutines.
func (s *server) stacks() error {
	_, err := s.end(syscall.SIGQUIT)
	time.Sleep(time.Second)
	return err
}

func (s *server) pause() error  { return s.setPaused(syscall.SIGSTOP, true) }
func (s *server) resume() error { return s.setPaused(syscall.SIGCONT, false) }

func (s *server) setPaused(sig syscall.Signal, paused bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil || s.paused == paused {
		return nil
	}
	s.paused = paused
	return s.cmd.Process.Signal(sig)
}

// tolerateEnd says that it is no problem, from now on, when the process ends by itself.
func (s *server) tolerateEnd(yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.may = yes
}

func (s *server) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cmd != nil
}
