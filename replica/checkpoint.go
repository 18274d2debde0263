package replica

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/replica/disk"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/rrdb"
)

const (
	checkpointPrefix = "checkpoint."
	oldStoreName     = "data/rdb.old"
	discardedPrefix  = "rdb.discarded."
	learnDirName     = "learn"
	// discardedKeep is how long state that was set aside before a new learning stays.
	discardedKeep = 24 * time.Hour
	// flushAgeMax bounds how long a committed write may be only in the log.
	flushAgeMax = 30 * time.Minute
	// farBehind times FlushBehindBytes of log end the patience with flushes.
	farBehind = 4
)

// checkpoint is a set of files that learners copy.
type checkpoint struct {
	decree int64
	dir    string
	files  []string
	sizes  []int64
	made   time.Time // or last asked for
	// verified is when all blocks were last found to be in order.
	verified time.Time
}

// verifyAgain is after what time a checkpoint is read through before one more learner gets it. Learners ask again when an
// answer takes long, and must find it ready then.
const verifyAgain = 10 * time.Minute

// checkpointKeeper makes at most one checkpoint at a time and keeps the newest for a while.
type checkpointKeeper struct {
	mu     sync.Mutex
	newest *checkpoint
}

// forLearner returns a checkpoint from which the log goes on, making one when the last will not do. One with a damaged
// block is not handed out: it ends this replica, whose tables it is made of.
func (k *checkpointKeeper) forLearner(p *partition, from int64) (*checkpoint, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c, err := k.get(p, from)
	if err == nil && p.srv.host.Now().Sub(c.verified) > verifyAgain {
		if err = p.srv.verify(p.ctx, c.dir); err == nil {
			c.verified = p.srv.host.Now()
		}
	}
	if rrdb.IsCorruption(err) {
		p.post(pacifica.Failed{Err: err})
	}
	return c, err
}

// get: the caller holds k.mu.
func (k *checkpointKeeper) get(p *partition, from int64) (*checkpoint, error) {
	if c := k.newest; c != nil && c.decree >= from && p.plog.FirstDecree() <= c.decree+1 {
		c.made = p.srv.host.Now()
		return c, nil
	}
	fs := p.srv.opts.FS
	tmp := filepath.Join(p.dir, "data", checkpointPrefix+"tmp")
	if err := fs.RemoveAll(tmp); err != nil {
		return nil, fmt.Errorf("checkpoint of %s: %w", p.gpid, err)
	}
	decree, err := p.store.Load().Checkpoint(tmp)
	if err != nil {
		return nil, fmt.Errorf("checkpoint of %s: %w", p.gpid, err)
	}
	dir := filepath.Join(p.dir, "data", checkpointPrefix+strconv.FormatInt(decree, 10))
	if err := errors.Join(fs.RemoveAll(dir), fs.Rename(tmp, dir)); err != nil {
		return nil, fmt.Errorf("checkpoint of %s: %w", p.gpid, err)
	}
	c := &checkpoint{decree: decree, dir: dir, made: p.srv.host.Now()}
	names, err := fs.List(dir)
	for _, name := range names {
		if name == "LOCK" {
			continue
		}
		info, statErr := fs.Stat(filepath.Join(dir, name))
		if statErr != nil {
			return nil, fmt.Errorf("checkpoint of %s: %w", p.gpid, statErr)
		}
		c.files, c.sizes = append(c.files, name), append(c.sizes, info.Size())
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint of %s: %w", p.gpid, err)
	}
	if k.newest != nil && k.newest.dir != dir {
		err = fs.RemoveAll(k.newest.dir)
	}
	k.newest = c
	p.log.Info("checkpoint for learners", "decree", decree, "files", len(c.files), "err", err)
	return c, nil
}

// pinned is the decree after which the log must go on, that of the checkpoint which learners copy; none when there is no
// checkpoint. It is not known while one is in the making.
func (k *checkpointKeeper) pinned(none int64) (decree int64, known bool) {
	if !k.mu.TryLock() {
		return 0, false
	}
	defer k.mu.Unlock()
	if k.newest == nil {
		return none, true
	}
	return k.newest.decree, true
}

// expire removes a checkpoint that no learner asked for lately.
func (k *checkpointKeeper) expire(p *partition, keep time.Duration) {
	if !k.mu.TryLock() {
		return // it is being made or read
	}
	defer k.mu.Unlock()
	if k.newest == nil || p.srv.host.Now().Sub(k.newest.made) < max(keep, p.srv.copyTimeout(k.newest.sizes)) {
		return
	}
	if err := p.srv.opts.FS.RemoveAll(k.newest.dir); err != nil {
		p.log.Warn("remove checkpoint", "dir", k.newest.dir, "err", err)
		return
	}
	k.newest = nil
}

// checkpointLoop keeps logs short: it flushes stores that fell behind and collects log files.
func (s *Server) checkpointLoop() {
	for s.sleep(s.opts.CheckpointInterval) {
		began := s.host.Now()
		for _, p := range s.partitions() {
			if s.ctx.Err() != nil {
				return
			}
			p.tidy(s.host.Now().Sub(began) < gentleRoundMax)
		}
	}
}

// triggerWait is how long the answer to an operator waits for the flushes; they go on after it.
const triggerWait = 2 * time.Second

// triggerCheckpoint flushes stores for an operator.
func (s *Server) triggerCheckpoint(args []string) string {
	if !s.triggering.CompareAndSwap(false, true) {
		return s.forReplicas(args, false, func(*partition) string { return "ignored, others are being flushed" })
	}
	var wanted []*partition
	answer := s.forReplicas(args, false, func(p *partition) string {
		wanted = append(wanted, p)
		return "triggered"
	})
	done := make(chan struct{})
	s.tasks.Go(func() {
		defer close(done)
		defer s.triggering.Store(false)
		for _, p := range wanted {
			if store := p.store.Load(); store != nil && s.ctx.Err() == nil {
				if err := store.FlushGently(); err != nil {
					p.log.Warn("flush", "err", err)
				}
			}
		}
	})
	s.host.Wait(triggerWait, done)
	return answer
}

// gentleRoundMax is after how much of a round flushes are not slowed down any more: no log is collected before its turn.
const gentleRoundMax = 2 * time.Minute

func (p *partition) tidy(gently bool) {
	store := p.store.Load()
	if store == nil || p.view.Load().status == 0 {
		return
	}
	durable := store.LastDurable()
	if store.LastApplied() > durable {
		behind := p.plog.Bytes() > p.srv.opts.FlushBehindBytes || p.srv.host.Now().Sub(time.Unix(0, p.flushedNs.Load())) > flushAgeMax
		if behind {
			flush := store.Flush
			if gently && p.plog.Bytes() <= farBehind*p.srv.opts.FlushBehindBytes {
				flush = store.FlushGently
			}
			if err := flush(); err != nil {
				p.log.Warn("flush", "err", err)
				return
			}
			p.flushedNs.Store(p.srv.host.Now().UnixNano())
			durable = store.LastDurable()
		}
	}
	p.compactLater()
	p.checkpoints.expire(p, p.srv.opts.CheckpointKeep)
	if pinned, known := p.checkpoints.pinned(durable); known && !p.keepLog.Load() {
		if err := p.plog.GC(min(durable, pinned)); err != nil {
			p.log.Warn("collect log", "err", err)
			p.post(pacifica.Failed{Err: err}) // the log takes nothing any more
		}
	}
	p.removeDiscarded()
}

// removeDiscarded deletes state that was set aside, once this replica is a member again.
func (p *partition) removeDiscarded() {
	v := p.view.Load()
	if !v.member() {
		return
	}
	data := filepath.Join(p.dir, "data")
	names, err := p.srv.opts.FS.List(data)
	if err != nil {
		return
	}
	for _, name := range names {
		ms, ok := strings.CutPrefix(name, discardedPrefix)
		at, err := strconv.ParseInt(ms, 10, 64)
		if ok && err == nil && p.srv.host.Now().Sub(time.UnixMilli(at)) > discardedKeep {
			err := p.srv.opts.FS.RemoveAll(filepath.Join(data, name))
			p.log.Info("removed discarded state", "dir", name, "err", err)
		}
	}
}

// swapStore makes the copied checkpoint the state of this replica. Until the new store is open,
// the old one stays beside it. It runs in the loop.
func (p *partition) swapStore(decree int64) (int64, error) {
	fs := p.srv.opts.FS
	live, old := filepath.Join(p.dir, storeDirName), filepath.Join(p.dir, oldStoreName)
	if err := p.closeStore(); err != nil {
		return 0, fmt.Errorf("close store before the swap: %w", err)
	}
	err := errors.Join(fs.RemoveAll(old), fs.Rename(live, old), fs.Rename(filepath.Join(p.dir, learnDirName), live),
		syncDir(fs, filepath.Join(p.dir, "data")), syncDir(fs, p.dir))
	if err != nil {
		return 0, fmt.Errorf("swap store of %s: %w", p.gpid, err)
	}
	store, err := p.openStore()
	if err != nil {
		return 0, fmt.Errorf("open learned store: %w", err)
	}
	p.store.Store(store)
	if store.LastApplied() != decree {
		return 0, fmt.Errorf("learned store of %s ends at decree %d, promised was %d", p.gpid, store.LastApplied(), decree)
	}
	if err := p.plog.Reset(decree); err != nil {
		return 0, fmt.Errorf("begin a new log after decree %d: %w", decree, err)
	}
	if err := p.writeInitInfo(p.core.Config().Ballot); err != nil {
		return 0, err
	}
	store.SetEnvs(p.app.Load().Envs)
	// Where the old store is, the log counts as one of before; see recoverSwap.
	if err := errors.Join(fs.RemoveAll(old), syncDir(fs, filepath.Join(p.dir, "data"))); err != nil {
		return 0, fmt.Errorf("remove old store of %s: %w", p.gpid, err)
	}
	if o := p.srv.opts.Observer; o != nil {
		o.Installed(p.gpid, decree)
	}
	return decree, nil
}

func (p *partition) closeStore() error {
	store := p.store.Swap(nil)
	if store == nil {
		return nil
	}
	return store.Close()
}

// recoverSwap undoes a swap that a crash interrupted, or reports that the store was replaced already; then
// the log may be of before, and finishSwap has to follow.
func (p *partition) recoverSwap() (swapped bool, err error) {
	fs := p.srv.opts.FS
	live, old := filepath.Join(p.dir, storeDirName), filepath.Join(p.dir, oldStoreName)
	if _, err := fs.Stat(old); err != nil {
		return false, nil
	}
	if _, err := fs.Stat(live); err == nil {
		return true, nil
	}
	return false, errors.Join(fs.Rename(old, live), syncDir(fs, filepath.Join(p.dir, "data")))
}

// finishSwap begins the log anew after the checkpoint. The old one may hold versions of the checkpoint's
// decrees that were never committed, and nothing that anybody counts on: a learner is no member.
func (p *partition) finishSwap() error {
	fs := p.srv.opts.FS
	if err := p.plog.Reset(p.store.Load().LastApplied()); err != nil {
		return err
	}
	return errors.Join(fs.RemoveAll(filepath.Join(p.dir, oldStoreName)), syncDir(fs, filepath.Join(p.dir, "data")))
}

// removeLeftovers deletes the checkpoints and half copies of an earlier life.
func (p *partition) removeLeftovers() error {
	fs := p.srv.opts.FS
	err := fs.RemoveAll(filepath.Join(p.dir, learnDirName))
	data := filepath.Join(p.dir, "data")
	names, listErr := fs.List(data)
	if listErr != nil {
		names = nil // nothing was stored here yet
	}
	for _, name := range names {
		if strings.HasPrefix(name, checkpointPrefix) {
			err = errors.Join(err, fs.RemoveAll(filepath.Join(data, name)))
		}
	}
	if err != nil {
		return fmt.Errorf("remove what an earlier life left in %s: %w", p.dir, err)
	}
	return nil
}

// discardState begins with nothing; what was here is kept aside for a day. It runs in the loop.
func (p *partition) discardState() error {
	fs := p.srv.opts.FS
	if err := p.closeStore(); err != nil {
		return err
	}
	if err := disk.WriteInitInfo(fs, p.dir, disk.InitInfo{Ballot: p.core.Config().Ballot}); err != nil {
		return err
	}
	aside := filepath.Join(p.dir, "data", discardedPrefix+strconv.FormatInt(p.srv.host.Now().UnixMilli(), 10))
	err := errors.Join(fs.Rename(filepath.Join(p.dir, storeDirName), aside), syncDir(fs, filepath.Join(p.dir, "data")), p.plog.Reset(0))
	if err != nil {
		return fmt.Errorf("set state of %s aside: %w", p.gpid, err)
	}
	store, err := p.openStore()
	if err == nil {
		p.store.Store(store)
		store.SetEnvs(p.app.Load().Envs)
		if o := p.srv.opts.Observer; o != nil {
			o.Installed(p.gpid, 0)
		}
	}
	return err
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
