package box

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pegasus-go/pegasus/bench"
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
	usual       = 3               // replica servers, and members of a partition
	portsTaken  = "cannot listen" // how a onebox says so
)

// Options of a box.
type Options struct {
	Executable string   // the pegasus program
	Dir        string   // where the data directory is made; "": the system's place for temporary files
	PlogSync   string   // always, interval or none
	Partitions int      // of the table
	Replicas   int      // replica servers; default 3
	Copies     int      // members of a partition; default 3
	Sets       []string // "section.key=value" for the configuration of all servers
}

// Box is a running cluster with one table.
type Box struct {
	Metas    []string // "host:port"
	Replicas []string

	executable string
	dir        string
	cmd        *exec.Cmd
	out        *output
	ended      chan struct{} // closed when the onebox has ended
	harmed     bool          // servers were stopped on purpose
}

// Open files of a replica server: of each replica (measured: 8), and what it needs besides.
const (
	filesPerReplica = 9
	filesBesides    = 500
)

func (o *Options) check() error {
	if o.Replicas == 0 {
		o.Replicas = usual
	}
	if o.Copies == 0 {
		o.Copies = usual
	}
	if o.Copies < 1 || o.Replicas < o.Copies || o.Replicas > replicasMax {
		return fmt.Errorf("box: %d replica servers for %d members of a partition, want as many or more, and at most %d", o.Replicas, o.Copies, replicasMax)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return nil // the system does not tell: the servers will
	}
	each := (o.Partitions*o.Copies + o.Replicas - 1) / o.Replicas
	if need := uint64(each*filesPerReplica + filesBesides); limit.Max < need {
		return fmt.Errorf("box: a server with %d replicas opens up to %d files, this system allows %d: raise the hard limit (`ulimit -Hn`)", each, need, limit.Max)
	}
	return nil
}

// Start runs a cluster and returns when its table is healthy. Close it, whatever happens.
func Start(ctx context.Context, o Options) (*Box, error) {
	if err := o.check(); err != nil {
		return nil, err
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
	b := &Box{executable: o.Executable, dir: dir, out: &output{}, ended: make(chan struct{})}
	for i := range metas {
		b.Metas = append(b.Metas, fmt.Sprintf("127.0.0.1:%d", first+i))
	}
	for i := range o.Replicas {
		b.Replicas = append(b.Replicas, fmt.Sprintf("127.0.0.1:%d", first+metas+i))
	}
	args := []string{"onebox", "--processes", "--dir", b.home(), "--metas", strconv.Itoa(metas), "--replicas", strconv.Itoa(o.Replicas),
		"--meta-port", strconv.Itoa(first), "--replica-port", strconv.Itoa(first + metas), "--plog-sync", o.PlogSync,
		"--table", fmt.Sprintf("%s:%d:%d", Table, o.Partitions, o.Copies), "--ready-timeout", readyWait.String()}
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
		return nil, b.Close(err)
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
			return errors.Join(fmt.Errorf("box: the onebox ended instead of getting ready: %s\nIt said:\n%s", reasonIn(b.out.String()), b.out), err)
		case <-tick.C:
		}
	}
	return nil
}

// reasonIn finds the line of a onebox's output that tells most: what a server said before it ended, which is set in, else the
// error of the onebox itself, else its last line.
func reasonIn(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	best := lines[len(lines)-1]
	for _, mark := range []string{"pegasus: ", "  pegasus: ", "  panic: ", "  fatal error: "} {
		for _, line := range lines {
			if strings.HasPrefix(line, mark) {
				best = line
			}
		}
	}
	return strings.TrimSpace(best)
}

// Alive fails when the cluster, or a server of it, ended by itself.
func (b *Box) Alive() error {
	select {
	case <-b.ended:
		return fmt.Errorf("box: the onebox ended: %s\nIt said:\n%s", reasonIn(b.out.String()), b.out)
	default:
	}
	if !b.harmed && strings.Contains(b.out.String(), "Start it again") {
		return fmt.Errorf("box: a server ended: %s\nThe onebox said:\n%s", reasonIn(b.out.String()), b.out)
	}
	return nil
}

// Close ends all servers after a measurement that ended with the given error, which it returns with what went wrong besides. The
// data is removed. The servers' logs are kept, and named in the error, when the measurement failed and was not just interrupted.
func (b *Box) Close(failed error) error {
	if err := b.stop(); err != nil {
		return errors.Join(failed, err)
	}
	_, err := os.Stat(b.home())
	if failed == nil || err != nil || errors.Is(failed, context.Canceled) || errors.Is(failed, errPortTaken) {
		if err := os.RemoveAll(b.dir); err != nil {
			return errors.Join(failed, fmt.Errorf("box: remove the data: %w", err))
		}
		return failed
	}
	if err := keepLogs(b.dir); err != nil {
		return errors.Join(failed, fmt.Errorf("box: remove the data but for the logs in %s: %w", b.dir, err))
	}
	return errors.Join(failed, fmt.Errorf("%s%s", logsKept, b.home()))
}

func (b *Box) home() string { return filepath.Join(b.dir, "onebox") }

func (b *Box) stop() error {
	_ = b.cmd.Process.Signal(syscall.SIGINT) // it may have ended
	select {
	case <-b.ended:
	case <-time.After(stopWait):
		_ = b.cmd.Process.Kill() // only the supervisor: its servers are ended next
		<-b.ended
	}
	if _, err := os.Stat(b.home()); err != nil {
		return nil // it ended before it had a directory, so before it had servers
	}
	// Ends what a supervisor that crashed or hung left behind, and does nothing otherwise.
	if err := b.control(context.Background(), "stop"); err != nil && b.listening() {
		return fmt.Errorf("box: servers still run, their process ids are in %s/*.pid: %w", b.home(), err)
	}
	return nil
}

// listening tells whether a server is there.
func (b *Box) listening() bool {
	for _, address := range slices.Concat(b.Metas, b.Replicas) {
		if port, err := portOf(address); err == nil && bench.Listening(port) {
			return true
		}
	}
	return false
}

// Brief is the first line of the reason of a failed measurement, and where the logs are.
func Brief(reason string) string {
	line, _, _ := strings.Cut(reason, "\n")
	if _, where, kept := strings.Cut(reason, logsKept); kept {
		where, _, _ = strings.Cut(where, "\n")
		line += " (" + logsKept + where + ")"
	}
	return line
}

// logsKept stands before the place of the logs in the error of a measurement that failed.
const logsKept = "the servers' logs are kept in "

// logNames are the files of a onebox that tell what happened. Logs of stores are named *.log too, and are data.
var logNames = []string{"pegasus.log", "stderr.log", "onebox.log", "config.toml"}

func keepLogs(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || slices.Contains(logNames, entry.Name()) {
			return err
		}
		return os.Remove(path)
	})
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
