package compattests

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	flowTicks   = 3  // seconds in a row without a failed call that count as working again
	flowPerTick = 10 // calls that a working client makes in a second at least
	stopWithin  = 2 * time.Minute
)

// load is a client program that writes and reads without a pause and keeps account of what was acknowledged.
type load struct {
	name  string
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.WriteCloser
	ended chan struct{}

	mu    sync.Mutex
	lines []string
	ticks []tick
}

type tick struct {
	at            time.Time
	acked, failed int
}

func startLoad(t *testing.T, name, dir, program string, args ...string) *load {
	t.Helper()
	l := &load{name: name, t: t, cmd: exec.Command(program, args...), ended: make(chan struct{})}
	l.cmd.Dir = dir
	var err error
	if l.stdin, err = l.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, w := io.Pipe()
	l.cmd.Stdout, l.cmd.Stderr = w, w
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go l.read(out)
	go func() { _ = l.cmd.Wait(); _ = w.Close(); close(l.ended) }()
	t.Cleanup(func() {
		select {
		case <-l.ended:
		default:
			_ = l.cmd.Process.Kill()
			<-l.ended
		}
		if t.Failed() {
			t.Logf("%s:\n%s", name, claimsOf(l.output()))
		}
	})
	return l
}

func (l *load) read(out io.Reader) {
	in := bufio.NewScanner(out)
	for in.Scan() {
		l.mu.Lock()
		t := tick{at: time.Now()}
		if n, _ := fmt.Sscanf(in.Text(), "tick acked=%d failed=%d", &t.acked, &t.failed); n == 2 {
			l.ticks = append(l.ticks, t)
		}
		l.lines = append(l.lines, in.Text())
		l.mu.Unlock()
	}
	_, _ = io.Copy(io.Discard, out)
}

func (l *load) output() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

// flows tells whether the last ticks, all of them after a moment, were good ones.
func (l *load) flows(since time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.ticks) < flowTicks {
		return false
	}
	for _, t := range l.ticks[len(l.ticks)-flowTicks:] {
		if t.failed > 0 || t.acked < flowPerTick || t.at.Sub(since) < time.Second {
			return false
		}
	}
	return true
}

// awaitFlow waits until the load works without failures and returns how long that took, the good seconds included.
func (l *load) awaitFlow(since time.Time, within time.Duration) time.Duration {
	l.t.Helper()
	for !l.flows(since) {
		select {
		case <-l.ended:
			l.t.Fatalf("%s ended", l.name)
		case <-time.After(100 * time.Millisecond):
		}
		if time.Since(since) > within {
			l.t.Fatalf("%s does not work again %v after", l.name, within)
		}
	}
	return time.Since(since)
}

// failures counts the failed calls since a moment.
func (l *load) failures(since time.Time) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.ticks {
		if t.at.After(since) {
			n += t.failed
		}
	}
	return n
}

// stop ends the load, which then reads back every acknowledged write.
func (l *load) stop() {
	l.t.Helper()
	if _, err := io.WriteString(l.stdin, "stop\n"); err != nil {
		l.t.Fatalf("%s: %v", l.name, err)
	}
	select {
	case <-l.ended:
	case <-time.After(stopWithin):
		l.t.Fatalf("%s does not finish reading back", l.name)
	}
	out := l.output()
	last := out[strings.LastIndex(out, "\n")+1:]
	if !l.cmd.ProcessState.Success() || strings.Contains(out, "VIOLATION") || !strings.HasPrefix(last, "verified ") {
		l.t.Fatalf("%s lost what was acknowledged", l.name)
	}
	l.t.Logf("%s: %s", l.name, last)
}
