package zkmeta

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"go.uber.org/goleak"
)

func openTest(t *testing.T, dir string, o EmbeddedOptions) *Embedded {
	t.Helper()
	o.PollInterval = 2 * time.Millisecond
	o.Logger = quiet
	e, err := OpenEmbedded(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func leadTest(t *testing.T, b Backend, self string) Lease {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	l, err := b.Campaign(ctx, self)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func wantLost(t *testing.T, l Lease) {
	t.Helper()
	select {
	case <-l.Lost():
	case <-time.After(20 * time.Second):
		t.Fatal("the lease was not lost")
	}
	if l.Valid() {
		t.Fatal("valid after it was lost")
	}
}

// TestMain also is the leader that TestKilledLeader kills, and the one that
// TestSuspendedLeader suspends. It fails when a test leaves a goroutine behind.
func TestMain(m *testing.M) {
	if dir := os.Getenv("ZKMETA_TEST_LEADER_DIR"); dir != "" {
		countForever(dir)
	}
	if addr := os.Getenv("ZKMETA_TEST_ZOOKEEPER"); addr != "" {
		writeUntilDeposed(addr)
	}
	goleak.VerifyTestMain(m)
}

// countForever leads and prints each number that was written durably.
func countForever(dir string) {
	ctx := context.Background()
	e, err := OpenEmbedded(dir, EmbeddedOptions{LogBytesMax: 2000, Logger: quiet})
	if err == nil {
		_, err = e.Campaign(ctx, "127.0.0.1:1")
	}
	for i := 1; err == nil; i++ {
		if err = e.Txn(ctx, step(i)); err == nil {
			fmt.Println(i)
		}
	}
	fmt.Println("error:", err)
	os.Exit(1)
}

// A leader that is killed frees the lock at once, and everything it had
// answered is there for the next.
func TestKilledLeader(t *testing.T) {
	for range 3 {
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "ZKMETA_TEST_LEADER_DIR="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		answered := 0
		for answered < 200 && lines.Scan() {
			if _, err := fmt.Sscan(lines.Text(), &answered); err != nil {
				t.Fatal(lines.Text())
			}
		}
		e := openTest(t, dir, EmbeddedOptions{})
		if addr, known, err := e.Leader(context.Background()); addr != "127.0.0.1:1" || !known || err != nil {
			t.Fatalf("leader is %q, %v, %v", addr, known, err)
		}
		cmd.Process.Kill()
		for lines.Scan() { // what it still answered before it died
			fmt.Sscan(lines.Text(), &answered)
		}
		cmd.Wait()
		time.Sleep(5 * time.Millisecond) // older than the cached answer
		if addr, known, _ := e.Leader(context.Background()); known {
			t.Fatalf("%s is still said to lead", addr)
		}
		leadTest(t, e, "127.0.0.1:2")
		if got := stepsIn(t, e.led.tree); got != answered && got != answered+1 {
			t.Fatalf("%d steps, %d were answered", got, answered)
		}
	}
}

// A disk error ends leadership; the next leader finds a consistent state.
func TestDiskErrorEndsLeadership(t *testing.T) {
	dir := t.TempDir()
	a := openTest(t, dir, EmbeddedOptions{})
	toggle := &errorfs.Toggle{Injector: errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileSync {
			return errorfs.ErrInjected
		}
		return nil
	})}
	a.fs = errorfs.Wrap(vfs.Default, toggle)
	l := leadTest(t, a, "127.0.0.1:1")
	ctx := context.Background()
	if err := a.Txn(ctx, step(1)); err != nil {
		t.Fatal(err)
	}
	toggle.On()
	if err := a.Txn(ctx, step(2)); !errors.Is(err, ErrTimeout) || !errors.Is(err, errorfs.ErrInjected) {
		t.Fatalf("%v, want an unknown outcome with its cause", err)
	}
	wantLost(t, l)
	if _, err := a.Get(ctx, "/n"); !errors.Is(err, ErrNotLeader) {
		t.Fatalf("%v, want ErrNotLeader", err)
	}
	b := openTest(t, dir, EmbeddedOptions{})
	leadTest(t, b, "127.0.0.1:2")
	if got := stepsIn(t, b.led.tree); got != 1 && got != 2 {
		t.Fatalf("%d steps", got)
	}
}

// Somebody who removes the lock file could let a second leader in. The first
// notices before it writes.
func TestReplacedLockFile(t *testing.T) {
	dir := t.TempDir()
	a, b := openTest(t, dir, EmbeddedOptions{}), openTest(t, dir, EmbeddedOptions{})
	l := leadTest(t, a, "127.0.0.1:1")
	if err := os.Remove(filepath.Join(dir, lockFileName)); err != nil {
		t.Fatal(err)
	}
	leadTest(t, b, "127.0.0.1:2")
	if err := a.Create(context.Background(), "/x", nil); !errors.Is(err, ErrNotLeader) {
		t.Fatalf("%v, want ErrNotLeader", err)
	}
	wantLost(t, l)
	if err := b.Create(context.Background(), "/y", nil); err != nil {
		t.Fatal(err)
	}
}

// A state that cannot be read is nobody's to lead, and the lock is given back.
func TestCorruptStateIsNotLed(t *testing.T) {
	dir := t.TempDir()
	a := openTest(t, dir, EmbeddedOptions{})
	l := leadTest(t, a, "127.0.0.1:1")
	if err := a.Create(context.Background(), "/x", nil); err != nil {
		t.Fatal(err)
	}
	l.Resign()
	snap := filepath.Join(dir, snapshotName(1))
	if err := os.Truncate(snap, 50); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := a.Campaign(context.Background(), "127.0.0.1:1"); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("%v, want ErrCorrupt", err)
		}
	}
	if _, known, err := a.Leader(context.Background()); known || err != nil {
		t.Fatalf("a leader is known, %v", err)
	}
}

// Long runs rotate the log; nothing is lost over it.
func TestRotation(t *testing.T) {
	dir := t.TempDir()
	a := openTest(t, dir, EmbeddedOptions{LogBytesMax: 1000})
	l := leadTest(t, a, "127.0.0.1:1")
	const n = 150
	for i := 1; i <= n; i++ {
		if err := a.Txn(context.Background(), step(i)); err != nil {
			t.Fatal(err)
		}
	}
	generation := a.led.journal.generation
	if generation < 3 {
		t.Fatalf("generation %d after %d steps", generation, n)
	}
	l.Resign()
	b := openTest(t, dir, EmbeddedOptions{})
	leadTest(t, b, "127.0.0.1:2")
	if got := stepsIn(t, b.led.tree); got != n {
		t.Fatalf("%d steps, want %d", got, n)
	}
}
