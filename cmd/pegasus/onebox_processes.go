package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// stopWait bounds how long a server may take to hand over its primaries and flush before it is killed.
const stopWait = 30 * time.Second

// pidPoll is how often a process that is not our child is looked at while we wait for its end.
const pidPoll = 20 * time.Millisecond

// supervisor runs each server of a plan as a child process. It restarts nothing: a server that dies stays dead until somebody
// starts it, because killing servers is what a onebox of processes is for.
type supervisor struct {
	plan       *plan
	executable string
	say        io.Writer // what the person at the terminal should know
	onFailure  func(error)

	mu       sync.Mutex
	stopping bool
	running  sync.WaitGroup
}

// newSupervisor makes a supervisor. onFailure is told of servers that end by themselves.
func newSupervisor(p *plan, say io.Writer, onFailure func(error)) (*supervisor, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the program to start servers with: %w", err)
	}
	return &supervisor{plan: p, executable: executable, say: say, onFailure: onFailure}, nil
}

// start starts all servers; on an error those already started are stopped.
func (s *supervisor) start() error {
	for _, m := range s.plan.Members {
		if err := s.startOne(m); err != nil {
			s.stop()
			return err
		}
	}
	return nil
}

func (s *supervisor) startOne(m member) error {
	cmd, err := launch(s.executable, s.plan.Dir, m)
	if err != nil {
		return err
	}
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		err := cmd.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.stopping {
			return
		}
		how := "ended"
		if err != nil {
			how = "ended (" + err.Error() + ")"
		}
		fmt.Fprintf(s.say, "%s, process %d, %s. Start it again: %s\n", m.Name, cmd.Process.Pid, how, s.plan.control("start "+m.Name))
		if err != nil && !killed(err) {
			fmt.Fprint(s.say, lastLines(filepath.Join(m.Dir, stderrLogName), 5))
			s.onFailure(fmt.Errorf("%s ended by itself", m.Name))
		}
	}()
	return nil
}

// stderrLogName takes what a server writes past its log: the reason of an early end, or a crash.
const stderrLogName = "stderr.log"

// launch starts one server in a process group of its own, so that Ctrl-C reaches the supervisor only, and records its process.
func launch(executable, dir string, m member) (*exec.Cmd, error) {
	errFile, err := os.OpenFile(filepath.Join(m.Dir, stderrLogName), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", m.Name, err)
	}
	defer errFile.Close()
	cmd := exec.Command(executable, "server", "--config", m.Config, "--log-file", filepath.Join(m.Dir, serverLogName))
	cmd.Stdout, cmd.Stderr = errFile, errFile
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", m.Name, err)
	}
	if err := writePid(pidPath(dir, m.Name), cmd.Process.Pid); err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		return nil, fmt.Errorf("start %s: %w", m.Name, err)
	}
	return cmd, nil
}

func pidPath(dir, name string) string { return filepath.Join(dir, name+pidSuffix) }

// killed tells whether a process ended by SIGKILL, which somebody wanted.
func killed(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// stop asks the replica servers, then the metas, to end, and kills what does not. Servers started again by hand since are
// included: their pid files tell.
func (s *supervisor) stop() {
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	for _, role := range []string{roleReplica, roleMeta} {
		var names []string
		for _, m := range s.plan.Members {
			if m.Role == role {
				names = append(names, m.Name)
			}
		}
		stopByPid(s.plan.Dir, names, stopAll, s.say)
	}
	s.running.Wait()
}

// How a server is asked to stop: as one of a cluster that goes on, which takes its primaries over,
// or with all the others, when there is nobody to hand over to.
const (
	stopOne = unix.SIGTERM
	stopAll = unix.SIGINT
)

// stopByPid stops servers gracefully by their pid files and waits until they are gone.
func stopByPid(dir string, names []string, how unix.Signal, say io.Writer) {
	pids := map[string]int{}
	for _, name := range names {
		if pid := readPid(pidPath(dir, name)); pid != 0 && unix.Kill(pid, how) == nil {
			pids[name] = pid
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopWait)
	defer cancel()
	for name, pid := range pids {
		if !waitGone(ctx, pid) {
			fmt.Fprintf(say, "%s, process %d, did not stop within %s: killed\n", name, pid, stopWait)
			_ = unix.Kill(pid, unix.SIGKILL) // it may have ended just now
		}
		os.Remove(pidPath(dir, name))
	}
}

// waitGone waits until a process is gone, child or not.
func waitGone(ctx context.Context, pid int) bool {
	tick := time.NewTicker(pidPoll)
	defer tick.Stop()
	for unix.Kill(pid, 0) == nil && !isZombie(pid) {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

// lastBytesMax bounds what is read of a log to show its end.
const lastBytesMax = 8 << 10

// lastLines returns the end of a file, indented, or nothing.
func lastLines(path string, n int) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() > lastBytesMax {
		if _, err := file.Seek(-lastBytesMax, io.SeekEnd); err != nil {
			return ""
		}
	}
	text, err := io.ReadAll(io.LimitReader(file, lastBytesMax))
	if err != nil || len(strings.TrimSpace(string(text))) == 0 {
		return ""
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	lines = lines[max(0, len(lines)-n):]
	return "  " + strings.Join(lines, "\n  ") + "\n"
}
