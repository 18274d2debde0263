package box

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/pegasus-go/pegasus/bench"
)

// goneWait bounds how long a killed server holds its port, which the kernel closes when the process' last sync is over.
const (
	goneWait = 30 * time.Second
	gonePoll = 5 * time.Millisecond
)

// StopServer ends replica server n, counted from 1, gracefully; it hands its primaries over.
func (b *Box) StopServer(ctx context.Context, n int) error { return b.harm(ctx, "stop", n) }

// KillServer ends replica server n at once (SIGKILL).
func (b *Box) KillServer(ctx context.Context, n int) error { return b.harm(ctx, "kill", n) }

// StartServer starts replica server n again. It returns when the process was made, not when it serves.
func (b *Box) StartServer(ctx context.Context, n int) error {
	return b.control(ctx, "start", fmt.Sprintf("replica%d", n))
}

func (b *Box) harm(ctx context.Context, how string, n int) error {
	port, err := portOf(b.Replicas[n-1])
	if err != nil {
		return err
	}
	b.harmed = true
	if err := b.control(ctx, how, fmt.Sprintf("replica%d", n)); err != nil {
		return err
	}
	for end := time.Now().Add(goneWait); bench.Listening(port); {
		if time.Now().After(end) {
			return fmt.Errorf("box: replica%d still listens on port %d %v after %s", n, port, goneWait, how)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(gonePoll):
		}
	}
	return nil
}

// control runs `pegasus onebox` with the words for this box.
func (b *Box) control(ctx context.Context, words ...string) error {
	args := append([]string{"onebox"}, append(words, "--dir", b.home())...)
	text, err := exec.CommandContext(ctx, b.executable, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("box: onebox %s: %w: %.500s", strings.Join(words, " "), err, text)
	}
	return nil
}
