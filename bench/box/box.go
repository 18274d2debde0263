package box

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pegasus-go/pegasus/internal/ports"
)

// Table is the name of the one table of a box.
const Table = "bench"

const (
	startTries  = 3                // with other ports each time: somebody may take one between the look and the listen
	stopWait    = 90 * time.Second // more than a onebox gives its servers
	readyWait   = 3 * time.Minute  // for thousands of replicas on a slow disk
	readyText   = "Pegasus is ready"
	metas       = 3
	replicasMax = 15
	outputMax   = 64 << 10        // of what the onebox prints that is kept for messages
	copies      = 3               // members of a partition
	portsTaken  = "cannot listen" // how a onebox says so
)

// Options of a box.
type Options struct {
	Executable string   // the pegasus program
	Dir        string   // where the data directory is made; "": the system's place for temporary files
	PlogSync   string   // always, interval or none
	Partitions int      // of the table, each with 3 members
	Replicas   int      // replica servers; default 3
	Sets       []string // "section.key=value" for the configuration of all servers
}

// Box is a running cluster with one table.
type Box struct {
	Metas    []string // "host:port"
	Replicas []string

	dir   string
	cmd   *exec.Cmd
	out   *output
	ended chan struct{} // closed when the onebox has ended
}

// Start runs a cluster and returns when its table is healthy. Stop it, whatever happens.
func Start(ctx context.Context, o Options) (*Box, error) {
	if o.Replicas == 0 {
		o.Replicas = copies
	}
	if o.Replicas < copies || o.Replicas > replicasMax {
		return nil, fmt.Errorf("box: %d replica servers, want %d to %d", o.Replicas, copies, replicasMax)
	}
	var err error
	for range startTries {
		var b *Box
		if b, err = start(ctx, o); err == nil {
			return b, nil
		}
		if !errors.Is(err, errPortTaken) {
			break
		}
	}
	return nil, err
}

var errPortTaken = errors.New("a port was taken meanwhile")

func start(ctx context.Context, o Options) (*Box, error) {
	first := ports.Free(metas + o.Replicas)
	if first == 0 {
		return nil, fmt.Errorf("box: no %d free ports in a row: stop other servers on this machine", metas+o.Replicas)
	}
	dir, err := os.MkdirTemp(o.Dir, "pegasus-bench-")
	if err != nil {
		return nil, fmt.Errorf("box: data directory: %w", err)
	}
	b := &Box{dir: dir, out: &output{}, ended: make(chan struct{})}
	for i := range metas {
		b.Metas = append(b.Metas, fmt.Sprintf("127.0.0.1:%d", first+i))
	}
	for i := range o.Replicas {
		b.Replicas = append(b.Replicas, fmt.Sprintf("127.0.0.1:%d", first+metas+i))
	}
	args := []string{"onebox", "--processes", "--dir", filepath.Join(dir, "onebox"), "--metas", strconv.Itoa(metas), "--replicas", strconv.Itoa(o.Replicas),
		"--meta-port", strconv.Itoa(first), "--replica-port", strconv.Itoa(first + metas), "--plog-sync", o.PlogSync,
		"--table", fmt.Sprintf("%s:%d:%d", Table, o.Partitions, copies), "--ready-timeout", readyWait.String()}
	for _, set := range o.Sets {
		args = append(args, "--set", set)
	}
	b.cmd = exec.Command(o.Executable, args...)
	b.cmd.Stdout, b.cmd.Stderr = b.out, b.out
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C reaches us only: the box is stopped by Stop
	if err := b.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("box: start %s: %w", o.Executable, err), os.RemoveAll(dir))
	}
	go func() {
		_ = b.cmd.Wait() // what it printed tells more than its exit code
		close(b.ended)
	}()
	if err := b.awaitReady(ctx); err != nil {
		return nil, errors.Join(err, b.Stop())
	}
	return b, nil
}

// readyPoll is how often the output is looked at.
const readyPoll = 10 * time.Millisecond

func (b *Box) awaitReady(ctx context.Context) error {
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for !strings.Contains(b.out.String(), readyText) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("box: start: %w", context.Cause(ctx))
		case <-b.ended:
			err := error(nil)
			if strings.Contains(b.out.String(), portsTaken) {
				err = errPortTaken
			}
			return errors.Join(fmt.Errorf("box: the onebox ended instead of getting ready:\n%s", b.out), err)
		case <-tick.C:
		}
	}
	return nil
}

// Alive fails when the cluster, or a server of it, ended by itself.
func (b *Box) Alive() error {
	select {
	case <-b.ended:
		return fmt.Errorf("box: the onebox ended:\n%s", b.out)
	default:
	}
	if strings.Contains(b.out.String(), "Start it again") {
		return fmt.Errorf("box: a server ended:\n%s", b.out)
	}
	return nil
}

// Stop ends all servers and removes their data.
func (b *Box) Stop() error {
	var failed error
	_ = b.cmd.Process.Signal(syscall.SIGINT) // it may have ended
	select {
	case <-b.ended:
	case <-time.After(stopWait):
		// Only the supervisor is known here. Its servers are named by their pid files, which are left for the person to read.
		_ = b.cmd.Process.Kill()
		<-b.ended
		return fmt.Errorf("box: the onebox did not stop within %v; stop its servers with `pegasus onebox stop --dir %s`, then remove %s", stopWait, filepath.Join(b.dir, "onebox"), b.dir)
	}
	if err := os.RemoveAll(b.dir); err != nil {
		failed = fmt.Errorf("box: remove the data: %w", err)
	}
	return failed
}

// output keeps the first bytes of what the onebox prints, and may be read while it is written.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

var _ io.Writer = (*output)(nil)

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if room := outputMax - o.text.Len(); room > 0 {
		o.text.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
