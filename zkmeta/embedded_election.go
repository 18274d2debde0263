package zkmeta

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Files beside the state: the lock, and the address of who holds it.
const (
	lockFileName   = "leader.lock"
	leaderFileName = "leader"
)

// Campaign tries the file lock until it gets it, then reads the state. A state
// that cannot be read is an error here, with the lock given back.
func (e *Embedded) Campaign(ctx context.Context, self string) (Lease, error) {
	if err := checkHostPort(self); err != nil {
		return nil, wrap("campaign", "", err)
	}
	if err := e.startCampaign(); err != nil {
		return nil, wrap("campaign", "", err)
	}
	led, err := e.campaign(ctx, self)
	e.mu.Lock()
	e.busy = false
	e.led = led
	closed := e.isClosed
	e.mu.Unlock()
	if err != nil {
		return nil, wrap("campaign", e.dir, err)
	}
	go led.run()
	if closed {
		led.Resign()
		return nil, wrap("campaign", e.dir, ErrClosed)
	}
	return led, nil
}

func (e *Embedded) startCampaign() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.isClosed:
		return ErrClosed
	case e.busy || e.led != nil:
		return ErrBusy
	}
	e.busy = true
	return nil
}

func (e *Embedded) campaign(ctx context.Context, self string) (*ledStore, error) {
	lock, err := e.waitForLock(ctx)
	if err != nil {
		return nil, err
	}
	journal, tree, err := openJournal(e.fs, e.dir, e.opts.StateBytesMax, e.opts.Logger)
	if err != nil {
		lock.release()
		return nil, err
	}
	if err := publishLeader(e.dir, self); err != nil {
		lock.release()
		return nil, errors.Join(err, journal.close())
	}
	e.opts.Logger.Info("zkmeta: leading", "dir", e.dir, "self", self, "nodes", tree.nodes, "generation", journal.generation)
	return &ledStore{
		lock: lock, tree: tree, journal: journal,
		logger: e.opts.Logger, logMax: e.opts.LogBytesMax,
		resigned: e.unlead,
		changes:  make(chan *change),
		quit:     make(chan struct{}), lost: make(chan struct{}), ended: make(chan struct{}),
	}, nil
}

func (e *Embedded) waitForLock(ctx context.Context) (*fileLock, error) {
	tick := time.NewTicker(e.opts.PollInterval)
	defer tick.Stop()
	for {
		lock, err := tryLock(filepath.Join(e.dir, lockFileName), exclusive)
		if lock != nil || err != nil {
			return lock, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-e.closed:
			return nil, ErrClosed
		}
	}
}

// unlead runs while the lock is still held: the published address is ours.
func (e *Embedded) unlead() {
	if err := os.Remove(filepath.Join(e.dir, leaderFileName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		e.opts.Logger.Warn("zkmeta: withdraw the leader's address", "err", err)
	}
	e.mu.Lock()
	e.led = nil
	e.mu.Unlock()
}

// publishLeader replaces the file in one step. It is not synced: it only matters
// while the process that wrote it lives.
func publishLeader(dir, self string) error {
	tmp := filepath.Join(dir, leaderFileName+".tmp")
	if err := os.WriteFile(tmp, []byte(self+"\n"), 0o644); err != nil {
		return fmt.Errorf("publish the leader's address: %w", err)
	}
	return os.Rename(tmp, filepath.Join(dir, leaderFileName))
}

func checkHostPort(self string) error {
	host, port, err := net.SplitHostPort(self)
	if err != nil || host == "" || port == "" || strings.ContainsAny(self, "\n\x00") || len(self) > 512 {
		return fmt.Errorf("%w: %q is not host:port", ErrInvalid, self)
	}
	return nil
}

// leaderHint keeps the last answer of Leader for one poll interval.
type leaderHint struct {
	mu    sync.Mutex
	at    time.Time
	addr  string
	known bool
}

// Leader reads the published address, and checks that somebody holds the lock:
// a leader that was killed leaves its address behind.
func (e *Embedded) Leader(ctx context.Context) (string, bool, error) {
	if err := ctx.Err(); err != nil {
		return "", false, wrap("leader", e.dir, err)
	}
	h := &e.hint
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.at.IsZero() && time.Since(h.at) < e.opts.PollInterval {
		return h.addr, h.known, nil
	}
	addr, known, err := readLeader(e.dir)
	if err != nil {
		return "", false, wrap("leader", e.dir, err)
	}
	h.at, h.addr, h.known = time.Now(), addr, known
	return addr, known, nil
}

func readLeader(dir string) (string, bool, error) {
	b, err := os.ReadFile(filepath.Join(dir, leaderFileName))
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	addr := strings.TrimSuffix(string(b), "\n")
	if checkHostPort(addr) != nil {
		return "", false, nil
	}
	probe, err := tryLock(filepath.Join(dir, lockFileName), shared)
	if err != nil {
		return "", false, err
	}
	if probe != nil {
		probe.release()
		return "", false, nil
	}
	return addr, true, nil
}
