package zkmeta

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/samuel/go-zookeeper/zk"
)

// campaignRetry is the pause after a failed step of a campaign.
const campaignRetry = 500 * time.Millisecond

// Campaign puts a candidate into the lock directory and waits until it is the
// smallest there. It rides out lost connections and expired sessions.
func (z *ZooKeeper) Campaign(ctx context.Context, self string) (Lease, error) {
	if err := checkHostPort(self); err != nil {
		return nil, wrap("campaign", "", err)
	}
	if err := z.startCampaign(); err != nil {
		return nil, wrap("campaign", "", err)
	}
	lease, err := z.campaign(ctx, self)
	z.mu.Lock()
	z.busy = false
	z.led = lease
	closed := z.isClosed
	z.mu.Unlock()
	if err != nil {
		return nil, wrap("campaign", z.lockDir, err)
	}
	go lease.run()
	if closed {
		lease.Resign()
		return nil, wrap("campaign", z.lockDir, ErrClosed)
	}
	z.opts.Logger.Info("zkmeta: leading", "node", lease.node, "self", self, "session_timeout", z.sessionTimeout())
	return lease, nil
}

func (z *ZooKeeper) startCampaign() error {
	z.mu.Lock()
	defer z.mu.Unlock()
	switch {
	case z.isClosed:
		return ErrClosed
	case z.busy || z.led != nil:
		return ErrBusy
	}
	z.busy = true
	return nil
}

func (z *ZooKeeper) campaign(ctx context.Context, self string) (*zkLease, error) {
	mine := "" // name of our candidate, once made
	for {
		changed := z.observer.wait()
		lease, err := z.step(ctx, self, &mine)
		if lease != nil {
			return lease, nil
		}
		pause := z.sessionTimeout() / 3 // in case a wake-up was missed
		if err != nil {
			pause, changed = campaignRetry, nil
			z.opts.Logger.Debug("zkmeta: campaign", "err", err)
		}
		if fatal(err) {
			return nil, err
		}
		select {
		case <-changed:
		case <-time.After(pause):
		case <-z.closed:
			return nil, ErrClosed
		case <-ctx.Done():
			z.withdraw(mine)
			return nil, ctx.Err()
		}
	}
}

func fatal(err error) bool {
	return errors.Is(err, ErrClosed) || errors.Is(err, zk.ErrNoAuth) || errors.Is(err, zk.ErrAuthFailed)
}

// step does what can be done now: nil, nil means wait for the directory to change.
func (z *ZooKeeper) step(ctx context.Context, self string, mine *string) (*zkLease, error) {
	names, err := z.candidates(ctx, true)
	if err != nil {
		return nil, err
	}
	if *mine == "" || !slices.Contains(names, *mine) {
		*mine = ""
		if err := z.clearOld(ctx, self, names); err != nil {
			return nil, err
		}
		if *mine, err = z.enter(ctx, self); err != nil {
			return nil, err
		}
		if names, err = z.candidates(ctx, true); err != nil {
			return nil, err
		}
	}
	if len(names) == 0 || names[0] != *mine {
		return nil, nil
	}
	return z.take(ctx, self, *mine)
}

// candidates lists the lock directory, owner first. A missing directory has none,
// and is made when asked.
func (z *ZooKeeper) candidates(ctx context.Context, makeDir bool) ([]string, error) {
	names, err := zkCall(ctx, z, func(c *zk.Conn) ([]string, error) {
		names, _, err := c.Children(z.lockDir)
		return names, err
	})
	if errors.Is(err, ErrNotExist) {
		if !makeDir {
			return nil, nil
		}
		return nil, z.makeLockDir(ctx)
	}
	return sortCandidates(names), err
}

func (z *ZooKeeper) makeLockDir(ctx context.Context) error {
	for _, p := range ancestors(z.lockDir) {
		_, err := zkCall(ctx, z, func(c *zk.Conn) (string, error) { return c.Create(p, nil, 0, openACL) })
		if err != nil && !errors.Is(err, ErrExists) {
			return fmt.Errorf("create %s: %w", p, err)
		}
	}
	return nil
}

// clearOld deletes what stands in our own way: candidates of our address that an
// earlier life left, and candidates of our session whose creation or deletion
// was not answered. None is adopted: writes of an earlier lease that are still
// on their way must not pass its check.
func (z *ZooKeeper) clearOld(ctx context.Context, self string, names []string) error {
	for _, name := range names {
		c, err := z.readCandidate(ctx, name)
		if errors.Is(err, ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if c.addr != self && c.session != z.conn.SessionID() {
			continue
		}
		z.opts.Logger.Info("zkmeta: delete an old candidate", "node", name, "addr", c.addr)
		if err := z.deleteCandidate(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (z *ZooKeeper) deleteCandidate(ctx context.Context, name string) error {
	_, err := zkCall(ctx, z, func(c *zk.Conn) (struct{}, error) {
		return struct{}{}, c.Delete(Join(z.lockDir, name), -1)
	})
	if errors.Is(err, ErrNotExist) {
		return nil
	}
	return err
}

func (z *ZooKeeper) enter(ctx context.Context, self string) (string, error) {
	path, err := zkCall(ctx, z, func(c *zk.Conn) (string, error) {
		return c.Create(Join(z.lockDir, lockNodePrefix), []byte(self), zk.FlagEphemeral|zk.FlagSequence, openACL)
	})
	if err != nil || len(path) <= len(z.lockDir) {
		return "", err
	}
	return path[len(z.lockDir)+1:], nil
}

// take makes a lease of the smallest candidate. The sync makes this session see
// everything that earlier leaders wrote; the read that follows proves that the
// session lives, at a time not before it was sent.
func (z *ZooKeeper) take(ctx context.Context, self, mine string) (*zkLease, error) {
	_, err := zkCall(ctx, z, func(c *zk.Conn) (string, error) { return c.Sync(z.lockDir) })
	if err != nil {
		return nil, err
	}
	sent := time.Now()
	c, err := z.readCandidate(ctx, mine)
	if err != nil {
		return nil, err
	}
	if c.addr != self || c.session != z.conn.SessionID() || c.version != 0 {
		return nil, fmt.Errorf("%w: candidate %s is not ours", ErrNotLeader, mine)
	}
	return newZKLease(z, mine, c.session, sent), nil
}

// withdraw takes our candidate out. It is ephemeral, so failing only costs the
// others the rest of our session.
func (z *ZooKeeper) withdraw(mine string) {
	if mine == "" {
		return
	}
	if err := z.deleteCandidate(context.Background(), mine); err != nil {
		z.opts.Logger.Warn("zkmeta: withdraw the candidate", "node", mine, "err", err)
	}
}
