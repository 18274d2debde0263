package replica

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metadata"
	"github.com/pegasus-go/pegasus/internal/host"
	"github.com/pegasus-go/pegasus/replica/disk"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/replica/plog"
	"github.com/pegasus-go/pegasus/rrdb"
)

type appInfo = layer2.AppInfo

// closedReplica is a replica whose directory is here but which is not open.
type closedReplica struct {
	dir  string
	app  *appInfo
	info *metadata.ReplicaInfo
}

// openMode says what may be done when there is no directory for a replica.
type openMode struct {
	create bool
	// deny explains why nothing may be created.
	deny string
	// missing is called when there is no directory and none may be created.
	missing func()
}

var (
	openForLearner = openMode{create: true}
	openExisting   = openMode{deny: "the replica is not here"}
)

// openForPrimary creates only what never held data: an empty primary over lost data would be the
// end of it.
func openForPrimary(ballot, committed int64) openMode {
	if ballot == 0 && committed <= 0 {
		return openMode{create: true}
	}
	return openMode{deny: fmt.Sprintf("the partition has history (ballot %d, committed %d) and an empty primary would lose it", ballot, committed)}
}

const (
	storeDirName = "data/rdb"
	plogDirName  = "plog"
)

// load opens every replica found in the data directories.
func (s *Server) load() error {
	found, err := s.disks.Scan()
	if err != nil {
		return fatal("scan data directories", err)
	}
	limit := host.NewSlots(s.opts.ReplicasOpenMax)
	wg := host.Group{On: s.host}
	for _, f := range found {
		if !limit.Take(s.host, s.ctx.Done()) {
			break
		}
		wg.Go(func() {
			defer limit.Release()
			p, err := s.openDir(f.Gpid, f.Dir)
			if err != nil {
				s.setAside(f.Gpid, f.Dir, err)
				return
			}
			s.mu.Lock()
			s.putPartition(p)
			s.mu.Unlock()
			s.host.Go(p.loop)
		})
	}
	wg.Wait()
	s.log.Info("loaded", "replicas", len(s.partitions()), "found", len(found))
	return nil
}

// setAside keeps a directory that cannot be opened. Damaged ones are renamed so that the replica
// can be learned anew; others stay for the next start.
func (s *Server) setAside(gpid base.Gpid, dir string, err error) {
	s.log.Error("replica cannot be opened", "gpid", gpid, "dir", dir, "err", err)
	if !damaged(err) {
		return
	}
	s.moveAside(gpid, dir, disk.SuffixError)
}

// moveAside takes a directory out of use; it is kept for a while.
func (s *Server) moveAside(gpid base.Gpid, dir, suffix string) {
	if o := s.opts.Observer; o != nil {
		o.Discarded(gpid, suffix == disk.SuffixError)
	}
	moved, err := s.disks.MoveAside(dir, suffix)
	s.log.Warn("replica set aside", "gpid", gpid, "dir", moved, "err", err)
}

// damaged reports whether a replica's own files contradict themselves.
func damaged(err error) bool {
	return rrdb.IsCorruption(err) || plog.IsCorrupt(err) || errors.Is(err, errIncomplete) || errors.Is(err, disk.ErrBadInfo)
}

// errIncomplete: the log does not continue where the store ends, or the store has less than was
// promised.
var errIncomplete = errors.New("replica is incomplete")

// openLater opens or creates a replica beside the requests and then runs next on it; requests for
// a replica that is being opened already join the wait.
func (s *Server) openLater(gpid base.Gpid, app *appInfo, mode openMode, next func(*partition)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	if p := s.partition(gpid); p != nil {
		s.host.Go(func() { next(p) })
		return
	}
	waiting, busy := s.opening[gpid]
	const waitersMax = 16
	if len(waiting) < waitersMax {
		s.opening[gpid] = append(waiting, next)
	}
	if busy {
		return
	}
	s.tasks.Go(func() {
		p, err := s.openOrCreate(gpid, app, mode)
		s.mu.Lock()
		waiting := s.opening[gpid]
		delete(s.opening, gpid)
		delete(s.refused, gpid)
		if err != nil {
			s.refused[gpid] = s.host.Now()
		}
		stopped := s.stopped
		if err == nil && !stopped {
			delete(s.shut, gpid)
			s.putPartition(p)
			s.host.Go(p.loop)
		}
		s.mu.Unlock()
		if err == nil && stopped {
			p.abandon()
			return
		}
		if err != nil {
			s.log.Error("open replica", "gpid", gpid, "err", err)
			return
		}
		for _, next := range waiting {
			next(p)
		}
	})
}

// openRetry is how long a replica that could not be opened is refused to primaries that would teach
// it: they give up on it, and the meta server can choose another node.
const openRetry = 5 * time.Second

func (s *Server) openingFailed(gpid base.Gpid) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.refused[gpid]
	return ok && s.host.Now().Sub(at) < openRetry
}

func (s *Server) isOpening(gpid base.Gpid) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.opening[gpid]
	return ok
}

func (s *Server) openOrCreate(gpid base.Gpid, app *appInfo, mode openMode) (*partition, error) {
	dir, ok := s.disks.Find(gpid)
	if ok {
		p, err := s.openDir(gpid, dir)
		if err == nil || !damaged(err) {
			return p, err
		}
		s.setAside(gpid, dir, err)
	}
	if !mode.create {
		if mode.missing != nil {
			mode.missing()
		}
		return nil, errors.New(mode.deny)
	}
	dir, err := s.disks.Create(gpid, app.AppType)
	if err != nil {
		return nil, err
	}
	if err := s.initDir(dir, app); err != nil {
		return nil, errors.Join(err, s.disks.Remove(dir))
	}
	return s.openDir(gpid, dir)
}

// initDir writes the two info files of an empty replica.
func (s *Server) initDir(dir string, app *appInfo) error {
	if err := disk.WriteAppInfo(s.opts.FS, dir, app); err != nil {
		return err
	}
	return disk.WriteInitInfo(s.opts.FS, dir, disk.InitInfo{})
}

// openDir opens a replica and replays its log. The loop is not started yet.
func (s *Server) openDir(gpid base.Gpid, dir string) (p *partition, err error) {
	app, err := disk.ReadAppInfo(s.opts.FS, dir)
	if err != nil {
		return nil, err
	}
	init, err := disk.ReadInitInfo(s.opts.FS, dir)
	if err != nil {
		return nil, err
	}
	p = &partition{
		srv: s, gpid: gpid, dir: dir, log: s.log.With("gpid", gpid.String()), mail: newMailbox(s.host), done: make(chan struct{}),
		pending: map[uint64]waiting{}, metaCalls: map[uint64]context.CancelFunc{}, tasks: host.Group{On: s.host},
	}
	p.ctx, p.cancel = context.WithCancel(s.ctx)
	p.app.Store(app)
	p.keepLog.Store(s.opts.KeepLog)
	p.gates.Store(newGates(app, nil))
	swapped, err := p.recoverSwap()
	if err := errors.Join(err, p.removeLeftovers()); err != nil {
		return nil, err
	}
	store, err := p.openStore()
	if err != nil {
		return nil, err
	}
	p.store.Store(store)
	defer func() {
		if err != nil {
			err = errors.Join(err, store.Close())
		}
	}()
	if store.LastApplied() < init.DurableDecree {
		return nil, fmt.Errorf("%s: store ends at decree %d, promised was %d: %w", dir, store.LastApplied(), init.DurableDecree, errIncomplete)
	}
	o := s.opts.Plog
	o.Host = s.host
	o.FS, o.Logger = s.opts.FS, p.log
	if o.Syncer, err = s.syncer(dir); err != nil {
		return nil, err
	}
	if p.plog, err = plog.Open(filepath.Join(dir, plogDirName), o); err != nil {
		return nil, err
	}
	if swapped {
		if err := p.finishSwap(); err != nil {
			return nil, errors.Join(err, p.plog.Close())
		}
	}
	if first := p.plog.FirstDecree(); first > store.LastApplied()+1 {
		err = fmt.Errorf("%s: store ends at decree %d, its log begins at %d: %w", dir, store.LastApplied(), first, errIncomplete)
		return nil, errors.Join(err, p.plog.Close())
	}
	params := s.opts.Core
	p.core = pacifica.New(gpid, s.self, params, init.Ballot, store.LastApplied(), store.LastAppliedTimestampUs())
	p.core.SetMaxReplicaCount(app.MaxReplicaCount)
	if p.plog.TailCut() {
		p.core.Doubt()
	}
	if err := p.replay(store.LastApplied()); err != nil {
		return nil, errors.Join(err, p.plog.Close())
	}
	p.applyEnvs(app)
	if o := s.opts.Observer; o != nil {
		o.Opened(ReplicaState{Gpid: gpid, Ballot: p.core.Config().Ballot, Committed: p.core.LastCommitted(), Prepared: p.core.LastPrepared()})
	}
	p.publish()
	return p, nil
}

func (p *partition) openStore() (*rrdb.Store, error) {
	return p.srv.engine.Open(filepath.Join(p.dir, storeDirName), rrdb.StoreOptions{
		Gpid: p.gpid, Server: p.srv.self.String(), OnError: p.storeFailed,
	})
}

// storeFailed hears of failures in the store's background. A full disk may get room again, and
// writes are refused until then, unless the store itself gave up; anything else ends the replica, the group has others.
func (p *partition) storeFailed(err error) {
	p.log.Error("store", "err", err)
	if s := p.store.Load(); rrdb.IsNoSpace(err) && (s == nil || s.Err() == nil) {
		return
	}
	p.post(pacifica.Failed{Err: err})
}

// replay rebuilds what was prepared and committed after the store's last flush.
func (p *partition) replay(applied int64) error {
	count := 0
	err := p.plog.Replay(applied, func(e plog.Entry) error {
		// The log reuses its buffer, and the core keeps mutations.
		m, err := pacifica.DecodeMutation(bytes.Clone(e.Data), internCode)
		if err != nil {
			return fmt.Errorf("decree %d in the log: %w: %w", e.Decree, err, errIncomplete)
		}
		effects, err := p.core.Replay(m)
		if err != nil {
			return fmt.Errorf("%w: %w", err, errIncomplete)
		}
		for _, effect := range effects {
			if a, ok := effect.(pacifica.Apply); ok {
				if err := p.apply(a); err != nil {
					return err
				}
			}
		}
		count++
		return nil
	})
	if err == nil {
		err = p.applyBacklog()
	}
	if err == nil && p.store.Load().LastApplied() != p.core.LastCommitted() {
		err = fmt.Errorf("replay of %s: applied %d, committed %d: %w", p.gpid, p.store.Load().LastApplied(), p.core.LastCommitted(), errIncomplete)
	}
	if err == nil {
		p.log.Info("opened", "ballot", p.core.Config().Ballot, "committed", p.core.LastCommitted(), "prepared", p.core.MaxDecree(), "replayed", count)
	}
	return err
}

// closed is called at the end of a partition's loop.
func (s *Server) closed(p *partition, reason error) {
	s.mu.Lock()
	s.dropPartition(p)
	s.mu.Unlock()
	if o := s.opts.Observer; o != nil {
		o.Closed(p.gpid, reason)
	}
	if reason != nil {
		p.log.Error("replica closed", "err", reason)
		if damaged(reason) {
			s.moveAside(p.gpid, p.dir, disk.SuffixError)
			return
		}
		if rrdb.IsIO(reason) && !rrdb.IsNoSpace(reason) {
			s.disks.MarkBroken(p.dir)
		}
	}
	info := p.info()
	info.Status = pacifica.Inactive
	// A primary that was preparing the tail it took over again had it in its log all the time.
	info.LastPreparedDecree = max(info.LastPreparedDecree, p.plog.LastDecree())
	s.mu.Lock()
	s.shut[p.gpid] = closedReplica{dir: p.dir, app: p.app.Load(), info: info}
	s.mu.Unlock()
}

func (s *Server) closedInfos() []*metadata.ReplicaInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*metadata.ReplicaInfo
	for _, c := range s.shut {
		out = append(out, c.info)
	}
	slices.SortFunc(out, func(a, b *metadata.ReplicaInfo) int { return compareGpid(*a.Pid, *b.Pid) })
	return out
}

// discardClosed sets a closed replica's directory aside as garbage, because the meta server said
// that its table is gone for good.
func (s *Server) discardClosed(gpid base.Gpid) {
	s.mu.Lock()
	c, ok := s.shut[gpid]
	_, busy := s.opening[gpid]
	if !ok || busy {
		s.mu.Unlock()
		return
	}
	delete(s.shut, gpid)
	s.mu.Unlock()
	s.moveAside(gpid, c.dir, disk.SuffixGarbage)
}

func (p *partition) writeInitInfo(ballot int64) error {
	return disk.WriteInitInfo(p.srv.opts.FS, p.dir, disk.InitInfo{Ballot: ballot, DurableDecree: p.store.Load().LastDurable()})
}
