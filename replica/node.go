package replica

import (
	"slices"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/fd"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/gen-go/metadata"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/rpc"
)

// beaconRetry is the pause between beacons while no meta server leads.
const beaconRetry = 250 * time.Millisecond

// beaconLoop keeps the lease and, with it, the node's place in the cluster. A beacon that is
// refused or lost is followed by the next meta server at once.
func (s *Server) beaconLoop() {
	failures := 0
	for s.ctx.Err() == nil {
		pause := s.opts.BeaconInterval
		if s.beacon() {
			failures = 0
		} else {
			// The first round over all meta servers is quick; then one is asked every now and then until there is a leader
			// again, which must be found before the lease is over.
			failures++
			pause = 50 * time.Millisecond
			if failures > len(s.opts.Metas) {
				pause = beaconRetry
			}
		}
		s.checkLease()
		s.sleep(pause)
	}
}

// beacon sends one and reports whether the leader acknowledged it. The lease counts from the send.
func (s *Server) beacon() bool {
	to := s.meta.current()
	sentMs := s.monoMs()
	start := s.startUnixMs
	msg := &fd.BeaconMsg{Time: s.host.Now().UnixMilli(), FromNode: s.self.Ptr(), ToNode: to.Ptr(), StartTime: &start}
	ctx, cancel := s.host.WithTimeout(s.ctx, s.opts.BeaconInterval*2/3)
	defer cancel()
	var ack fd.BeaconAck
	code, hint, err := s.meta.ask(ctx, to, "RPC_FD_FAILURE_DETECTOR_PING", rpc.AppendValue(nil, rpc.FieldNative, msg), &ack)
	switch {
	case err != nil || code != base.ErrOK:
		s.meta.moveOn(to, hint)
		s.log.Debug("beacon failed", "meta", to, "code", code, "err", err)
		return false
	case !ack.IsMaster:
		s.meta.moveOn(to, ack.PrimaryNode.Val())
		return false
	case !ack.Allowed:
		s.log.Error("the meta server does not admit this node; see its white list", "meta", to)
		return false
	}
	s.renew(sentMs + s.opts.Lease.Milliseconds())
	if !s.connected.Swap(true) {
		s.log.Info("connected", "meta", to)
		s.syncSoon()
	}
	return true
}

// renew takes in an acknowledged beacon. Without a lease until now, because it ended unnoticed or
// before, the roles held are worth nothing: somebody else may have got them since.
func (s *Server) renew(untilMs int64) {
	s.checkLease()
	if !s.connected.Load() {
		s.endTerm(true)
	}
	s.lease.extend(untilMs)
}

// checkLease turns the end of the lease into an event for every replica. The replicas themselves
// stop answering at the very end, by the clock.
func (s *Server) checkLease() {
	if !s.connected.Load() || s.lease.valid(s.monoMs()) {
		return
	}
	s.connected.Store(false)
	s.log.Warn("lease is over: no meta server acknowledged a beacon in time", "lease", s.opts.Lease)
	s.endTerm(false)
}

// endTerm makes every replica put its role down. Learners, who answer nobody, go on when a new lease
// begins.
func (s *Server) endTerm(begins bool) {
	s.mu.Lock()
	term := s.lease.term.Add(1)
	list := s.partitions()
	s.mu.Unlock()
	for _, p := range list {
		p.mail.put(item{run: func() {
			p.term = term // until here the replica counts as one of an earlier term
			if !begins || p.core.Status() != pacifica.Learner {
				p.step([]pacifica.Event{pacifica.Disconnected{}})
			}
		}})
	}
}

// syncRetry is the pause after a config sync that has to be repeated.
const syncRetry = 500 * time.Millisecond

// syncLoop compares this node's replicas with what the meta server stores: at once when a meta server has granted a lease
// or a sync failed, and then in turn. What starts the first sync starts it on many servers, so the turns begin at a
// moment of each server's own.
func (s *Server) syncLoop() {
	inTurn := false
	for s.ctx.Err() == nil {
		pause := s.opts.ConfigSyncInterval
		if s.connected.Load() {
			switch ok := s.configSync(); {
			case !ok:
				pause, inTurn = syncRetry, false
			case !inTurn:
				pause, inTurn = turnOf(s.self, pause), true
			}
		}
		if s.host.Wait(pause, s.ctx.Done(), s.syncNow) == 1 {
			inTurn = false
		}
	}
}

// turnOf is the share of an interval that is a server's own. Multiples of the golden ratio lie evenly, wherever they
// begin, and so do servers with consecutive addresses or ports.
func turnOf(server base.RPCAddress, interval time.Duration) time.Duration {
	const goldenRatio = 0x9e3779b9 // of 1<<32
	share := (server.IP() + uint32(server.Port())) * goldenRatio
	return time.Duration(float64(interval) * float64(share) / (1 << 32))
}

func (s *Server) syncSoon() {
	select {
	case s.syncNow <- struct{}{}:
	default:
	}
}

// configSync reports false when it should be repeated soon.
func (s *Server) configSync() bool {
	sentMs, term := s.monoMs(), s.lease.term.Load()
	req := metaadmin.NewConfigurationQueryByNodeRequest()
	req.Node, req.StoredReplicas = s.self.Ptr(), s.replicaInfos()
	req.Info = &metaadmin.ReplicaServerInfo{GeoTags: map[string]string{}, TotalCapacityMb: s.disks.CapacityMB()}
	resp := metaadmin.NewConfigurationQueryByNodeResponse()
	if err := s.meta.call(s.ctx, "RPC_CM_CONFIG_SYNC", req, resp); err != nil {
		s.log.Warn("config sync", "err", err)
		return false
	}
	if code := resp.Err.Val(); code != base.ErrOK {
		s.log.Debug("config sync", "code", code)
		return code == base.ErrObjectNotFound
	}
	known := make(map[base.Gpid]bool, len(resp.Partitions))
	for _, update := range resp.Partitions {
		if update.Config == nil || update.Config.Pid == nil || update.Info == nil {
			continue
		}
		known[*update.Config.Pid] = true
		s.syncPartition(update, term)
	}
	for _, p := range s.partitions() {
		if !known[p.gpid] {
			s.syncUnknown(p, sentMs)
		}
	}
	for _, r := range resp.GcReplicas {
		if r.Pid != nil && s.partition(*r.Pid) == nil {
			s.discardClosed(*r.Pid)
		}
	}
	return true
}

// syncPartition takes the answer to a question of a lease term: after that term the answer may be older
// than the roles that were put down.
func (s *Server) syncPartition(update *metaadmin.ConfigurationUpdateRequest, term int64) {
	gpid, cfg := *update.Config.Pid, configOf(update.Config)
	if p := s.partition(gpid); p != nil {
		p.adoptApp(update.Info)
		p.mail.put(item{run: func() {
			if p.term == term {
				p.step([]pacifica.Event{pacifica.ConfigSynced{Config: cfg}})
			}
		}})
		return
	}
	// The meta server relies on a primary that is not here. A missing secondary is noticed by its
	// primary.
	if cfg.Primary == s.self && !s.isOpening(gpid) {
		s.log.Warn("the meta server names this node primary of a replica it does not have", "gpid", gpid, "ballot", cfg.Ballot)
		s.resignMissing(update.Info, gpid, cfg)
	}
}

// syncUnknown handles a replica that the meta server does not count on here. A learner is between
// it and its primary; a fresh one may not be known yet.
func (s *Server) syncUnknown(p *partition, sentMs int64) {
	v := p.view.Load()
	if v.status == pacifica.Learner || v.roleMs >= sentMs {
		return
	}
	if v.status == pacifica.Inactive && sentMs-v.roleMs < s.opts.KeepInactive.Milliseconds() {
		return
	}
	p.log.Info("closing: the meta server does not place this replica here", "status", v.status)
	p.mail.put(item{run: func() {
		if p.closing == nil {
			p.closing = &pacifica.Close{}
		}
	}})
}

// resignMissing asks that this node be taken out of a configuration it cannot serve.
func (s *Server) resignMissing(app *appInfo, gpid base.Gpid, cfg pacifica.Config) {
	if cfg.Primary == s.self {
		cfg.Primary = base.RPCAddress{}
	}
	cfg.Secondaries = slices.DeleteFunc(slices.Clone(cfg.Secondaries), func(n pacifica.Node) bool { return n == s.self })
	cfg.LastDrops = append(append([]pacifica.Node{}, cfg.LastDrops...), s.self)
	cfg.Ballot++
	s.resign(&metaadmin.ConfigurationUpdateRequest{
		Info: app, Config: partitionConfig(gpid, cfg, 0), Type: metaadmin.ConfigType_CT_DOWNGRADE_TO_INACTIVE, Node: s.self.Ptr(), HostNode: s.self.Ptr(),
	})
}

// resign is sent once; config sync repeats the question when it was lost.
func (s *Server) resign(req *metaadmin.ConfigurationUpdateRequest) {
	s.tasks.Go(func() {
		resp := metaadmin.NewConfigurationUpdateResponse()
		if err := s.meta.call(s.ctx, "RPC_CM_UPDATE_PARTITION_CONFIGURATION", req, resp); err != nil {
			s.log.Warn("resign", "gpid", req.Config.Pid, "err", err)
		}
	})
}

// onProposal takes a proposal of the meta server; there is never an answer.
func (s *Server) onProposal(req *rpc.Request) {
	msg := metaadmin.NewConfigurationUpdateRequest()
	err := req.Decode(msg)
	req.Drop()
	if err != nil || msg.Config == nil || msg.Config.Pid == nil || msg.Info == nil {
		s.log.Warn("proposal cannot be read", "err", err)
		return
	}
	gpid, cfg := *msg.Config.Pid, configOf(msg.Config)
	ev := pacifica.ProposalReceived{Type: msg.Type, Node: msg.Node.Val(), Config: cfg}
	if p := s.partition(gpid); p != nil {
		p.adoptApp(msg.Info)
		p.post(ev)
		return
	}
	switch msg.Type {
	case metaadmin.ConfigType_CT_ASSIGN_PRIMARY:
		s.openLater(gpid, msg.Info, openForPrimary(cfg.Ballot, msg.Config.LastCommittedDecree), func(p *partition) { p.post(ev) })
	case metaadmin.ConfigType_CT_UPGRADE_TO_PRIMARY:
		mode := openExisting
		mode.missing = func() { s.resignMissing(msg.Info, gpid, cfg) }
		s.openLater(gpid, msg.Info, mode, func(p *partition) { p.post(ev) })
	}
}

// replicaInfos describes everything stored here, closed replicas included.
func (s *Server) replicaInfos() []*metadata.ReplicaInfo {
	var out []*metadata.ReplicaInfo
	for _, p := range s.partitions() {
		out = append(out, p.info())
	}
	return append(out, s.closedInfos()...)
}

func (p *partition) info() *metadata.ReplicaInfo {
	v := p.view.Load()
	r := metadata.NewReplicaInfo()
	r.Pid, r.Ballot, r.Status = p.gpid.Ptr(), v.ballot, v.status
	r.LastCommittedDecree, r.LastPreparedDecree = v.lastCommitted, v.lastPrepared
	if store := p.store.Load(); store != nil {
		r.LastDurableDecree = store.LastDurable()
	}
	r.AppType, r.DiskTag = p.app.Load().AppType, p.srv.disks.TagOf(p.dir)
	r.ManualCompactStatus = metadata.ManualCompactionStatusPtr(p.compaction.status())
	return r
}
