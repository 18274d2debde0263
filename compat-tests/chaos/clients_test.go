//go:build linux

package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/pegasus-go/pegasus/compat-tests/programs"
)

// Who works: few callers on few keys, so that histories can be checked.
const (
	callersEach    = 2
	registers      = 4
	epoch          = 30 * time.Second
	clientStops    = time.Minute
	commandTimeout = 2 * time.Minute
	worksWithin    = 90 * time.Second
	beginWith      = 50 // successes of each client before the first fault
)

// clientProcess is a client that records a history.
type clientProcess struct {
	name  string
	cmd   *exec.Cmd
	stdin io.WriteCloser
	read  chan struct{} // closed when all its output has been taken
	err   *os.File
}

// startClients starts all clients on the host that is theirs.
func (r *run) startClients(seed uint64) (list []*clientProcess, err error) {
	metas := strings.Join(r.c.addresses(roleMeta), ",")
	apache, err := programs.Go("go/apache", ".", "")
	if err != nil {
		return nil, err
	}
	python, err := programs.Python()
	if err != nil {
		return nil, err
	}
	options := fmt.Sprintf("%d,%d,%d,%d", callersEach, registers, epoch.Milliseconds(), seed)
	ours, err := callerCommand("history", r.c, options)
	if err != nil {
		return nil, err
	}
	for name, cmd := range map[string]*exec.Cmd{
		"pegasus-go": ours,
		"apache-go": exec.Command(apache, "-mode", "history", "-metas", metas, "-table", table, "-callers", fmt.Sprint(callersEach),
			"-registers", fmt.Sprint(registers), "-epoch-ms", fmt.Sprint(epoch.Milliseconds()), "-seed", fmt.Sprint(seed)),
		"python": exec.Command(python, programs.Here("python", "client.py"), "history", metas, table, options),
	} {
		p, err := r.startClient(name, cmd)
		if err != nil {
			return list, err
		}
		list = append(list, p)
	}
	return list, nil
}

// callerCommand is this binary as a client process.
func callerCommand(mode string, c *theCluster, options string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), envMode+"="+mode, envMetas+"="+strings.Join(c.addresses(roleMeta), ","), envTable+"="+table, envOptions+"="+options)
	return cmd, nil
}

func (r *run) startClient(name string, cmd *exec.Cmd) (*clientProcess, error) {
	dir := r.c.dir + "/client-" + name // the libraries write logs to where they run
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	p := &clientProcess{name: name, cmd: cmd, read: make(chan struct{})}
	var err error
	if p.err, err = os.Create(dir + "/" + outputName); err != nil {
		return nil, err
	}
	cmd.Dir, cmd.Stderr = dir, p.err
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := r.c.clients.Start(cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() { r.records.read(name, out); close(p.read) }()
	return p, nil
}

// stop ends a client and waits until everything it printed has been taken.
func (p *clientProcess) stop() error {
	_, err := io.WriteString(p.stdin, "stop\n")
	select {
	case <-p.read:
	case <-time.After(clientStops):
		err = errors.Join(err, fmt.Errorf("it does not stop within %v", clientStops), p.cmd.Process.Kill())
		<-p.read
	}
	err = errors.Join(err, p.cmd.Wait(), p.err.Close())
	if err != nil {
		return fmt.Errorf("client %s: %w", p.name, err)
	}
	return nil
}

// awaitBegin waits until every client has had some successes.
func (r *run) awaitBegin() {
	end := time.Now().Add(worksWithin)
	for client := range operationsMin {
		for r.records.successes(client) < beginWith {
			if time.Now().After(end) {
				r.problem("client %s does not begin to work within %v", client, worksWithin)
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
}

// awaitWork waits until clients succeed with what they begin from now on.
func (r *run) awaitWork(clients ...string) {
	now, end := monotonicNs(), time.Now().Add(worksWithin)
	for _, name := range clients {
		for !r.records.worksSince(name, now) {
			if time.Now().After(end) {
				r.problem("client %s does not work within %v", name, worksWithin)
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
}

// runOnClients runs a program to its end on the host of the clients.
func (r *run) runOnClients(stdin io.Reader, name string, args ...string) (string, error) {
	return r.runCommand(stdin, exec.Command(name, args...))
}

func (r *run) runCommand(stdin io.Reader, cmd *exec.Cmd) (string, error) {
	var out, problems strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &out, &problems
	if err := r.c.clients.Start(cmd); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	if err := cmd.Wait(); err != nil {
		return out.String(), fmt.Errorf("%s: %w\n%s", cmd.Args[0], err, problems.String())
	}
	return out.String(), nil
}
