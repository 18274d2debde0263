package main

// mutant is a bug to plant: Old, which occurs once in File, becomes New.
type mutant struct {
	Name, File, Why string
	Old, New        string
	Seeds           int // the simulation may take so many instead of the default
}

var mutants = []mutant{
	{
		Name: "commit without all members", File: "replica/pacifica/twophase.go", Why: "a primary commits with an acknowledgement missing",
		Old: "if e == nil || !e.logged || len(e.waiting) > 0 {", New: "if e == nil || !e.logged || len(e.waiting) > 1 {",
	},
	{
		Name: "commit before own log", File: "replica/pacifica/twophase.go", Why: "a primary commits what its own log does not have yet",
		Old: "if e == nil || !e.logged || len(e.waiting) > 0 {", New: "if e == nil || len(e.waiting) > 0 {",
	},
	{
		Name: "acknowledge before log", File: "replica/pacifica/twophase.go", Why: "a secondary acknowledges before its log has the entry",
		Old: "	e.ackTokens = append(e.ackTokens, ev.Token)\n	c.append(m)", New: "	_ = e\n	c.ackPrepare(ev, base.ErrOK)\n	c.append(m)",
	},
	{
		Name: "prepare under an old ballot", File: "replica/pacifica/twophase.go", Why: "a member takes prepares of a primary that was replaced",
		Old: "	if ev.Ballot < c.config.Ballot {\n		c.emit(DropPrepare{Token: ev.Token})\n		return\n	}", New: "",
	},
	{
		Name: "member commits all it has", File: "replica/pacifica/twophase.go", Why: "a secondary commits what its primary has not committed",
		Old: "for c.list.committed < c.member.commitTarget {", New: "for c.list.committed < c.list.last {",
	},
	{
		Name: "reads before the barrier", File: "replica/pacifica/core.go", Why: "a new primary answers reads before it has committed again what it took over",
		Old: "return c.list.committed >= c.primary.barrier", New: "return true",
	},
	{
		Name: "barrier forgotten", File: "replica/pacifica/reconfig.go", Why: "a new primary has no read barrier",
		Old: "c.primary.barrier = c.list.last\n", New: "c.primary.barrier = 0\n",
	},
	{
		Name: "tail not prepared again", File: "replica/pacifica/reconfig.go", Why: "a new primary drops the prepared mutations that it took over",
		Old: "	c.primary.nextCheckMs = c.now.MonoMs\n	for d", New: "	c.primary.nextCheckMs = c.now.MonoMs\n	c.list.dropUncommitted()\n	for d",
	},
	{
		Name: "new timestamp for the tail", File: "replica/pacifica/reconfig.go", Why: "a mutation that is prepared again gets a new timestamp",
		Old: "TimestampUs: old.TimestampUs,", New: "TimestampUs: c.nextTimestampUs(),",
	},
	{
		Name: "restart without new ballot", File: "replica/pacifica/reconfig.go", Why: "a primary that was restarted goes on under its old ballot",
		Old: "if c.initializing && role == Primary && c.status == Inactive && c.transient {", New: "if false {",
	},
	{
		Name: "doubtful primary goes on", File: "replica/pacifica/reconfig.go", Why: "a primary whose log lost its end keeps its role", Seeds: 200,
		Old: "if c.doubtful && len(cfg.Secondaries) > 0 {", New: "if false {",
	},
	{
		Name: "primary answers after it left", File: "replica/pacifica/reconfig.go", Why: "a primary whose lease is over goes on",
		Old: "	case Primary, Secondary:\n		c.pause()", New: "	case Secondary:\n		c.pause()",
	},
	{
		Name: "early promotion", File: "replica/pacifica/learn.go", Why: "a learner is promoted before the tail is committed again", Seeds: 150,
		Old: "if c.status != Primary || c.list.committed < c.primary.barrier {", New: "if c.status != Primary {",
	},
	{
		Name: "learner misses prepares", File: "replica/pacifica/learn.go", Why: "what is in flight when a learner joins is not prepared to it",
		Old: "	for d := l.prepareStart; d <= c.list.last; d++ {", New: "	for d := c.list.last + 1; d <= c.list.last; d++ {", Seeds: 150,
	},
	{
		Name: "learner signature used again", File: "replica/pacifica/learn.go", Why: "two candidacies have the same signature",
		Old: "		c.primary.lastSignature++\n", New: "",
	},
	{
		Name: "stale learner results", File: "replica/pacifica/learner.go", Why: "a learner takes results of an earlier candidacy", Seeds: 150,
		Old: "return c.status == Learner && signature == c.learning.signature", New: "return c.status == Learner",
	},
	{
		Name: "learner keeps its tail", File: "replica/pacifica/learner.go", Why: "a learner keeps uncommitted mutations of an earlier life",
		Old: "		c.list.dropUncommitted()\n", New: "",
	},
	{
		Name: "lost entries go unnoticed", File: "replica/pacifica/groupcheck.go", Why: "a secondary that lost acknowledged entries stays one",
		Old: "if ev.LastCommitted > c.list.last {", New: "if false {", Seeds: 150,
	},
	{
		Name: "lease by the wall clock", File: "replica/server.go", Why: "the lease is measured by a clock that jumps",
		Old: "return (s.host.Elapsed() - s.started).Milliseconds() + 1", New: "return s.host.Now().UnixMilli() - s.startUnixMs + 1", Seeds: 150,
	},
	{
		Name: "lease from the answer", File: "replica/node.go", Why: "the lease counts from when the answer came instead of when the question went", Seeds: 200,
		Old: "s.renew(sentMs + s.opts.Lease.Milliseconds())", New: "_ = sentMs\n	s.renew(s.monoMs() + s.opts.Lease.Milliseconds())",
	},
	{
		Name: "lease continued", File: "replica/node.go", Why: "a role outlives the lease under which it was got",
		Old: "	s.checkLease()\n	if !s.connected.Load() {\n		s.endTerm(true)\n	}\n", New: "",
	},
	{
		Name: "lease from a follower", File: "replica/node.go", Why: "a meta server that does not lead renews the lease",
		Old: "case !ack.IsMaster:", New: "case !ack.IsMaster && ack.PrimaryNode.Val() == to:",
	},
	{
		Name: "reads without lease", File: "replica/data.go", Why: "a read is answered after the lease",
		Old: "if !v.reads || !p.srv.lease.holds(v.term, p.srv.monoMs()) {", New: "if !v.reads {",
	},
	{
		Name: "writes without lease", File: "replica/backlog.go", Why: "a write is answered after the lease",
		Old: "leased := p.srv.lease.holds(p.term, p.srv.monoMs())", New: "leased := true", Seeds: 150,
	},
	{
		Name: "old acknowledgements count", File: "replica/pacifica/twophase.go", Why: "an acknowledgement of a learner's earlier life counts",
		Old: "case l != nil && ev.Round == l.round:", New: "case l != nil:",
	},
	{
		Name: "lonely writes", File: "replica/pacifica/twophase.go", Why: "writes that waited are committed with too few members",
		Old: "if c.status == Primary && !c.enough() {", New: "if false {",
	},
	{
		Name: "lonely answers", File: "replica/pacifica/twophase.go", Why: "writes under way are committed and answered with too few members",
		Old: "for c.status == Primary && !c.held() {", New: "for c.status == Primary {",
	},
	{
		Name: "lonely answers after a lapse", File: "replica/pacifica/twophase.go", Why: "writes from before a lapse of the lease are answered with too few members",
		Old: "if !c.enough() {\n\t\t\tc.forgetWriters(e)", New: "if false {\n\t\t\tc.forgetWriters(e)",
	},
	{
		Name: "backlog of a new primary", File: "replica/backlog.go", Why: "a secondary that becomes primary has not applied all that is committed",
		Old: "return onlyWriting && p.core.Status() == pacifica.Secondary && p.closing == nil", New: "return p.closing == nil",
	},
	{
		Name: "backlog stays", File: "replica/backlog.go", Why: "effects that need the store find committed writes that are not applied",
		Old: "case pacifica.Apply:\n\t\treturn true", New: "default:\n\t\treturn true",
	},
	{
		Name: "role ends too late", File: "replica/partition.go", Why: "reads go on until the end of the turn in which a primary gave its role away",
		Old: "if p.view.Load().reads && !p.core.ReadsAllowed() {", New: "if false {",
	},
	{
		Name: "ballot not stored", File: "replica/effects.go", Why: "a ballot is acted on before it is on disk",
		Old: "if err := p.writeInitInfo(ballot); err != nil {", New: "if err := error(nil); err != nil {",
	},
	{
		Name: "log collected too early", File: "replica/checkpoint.go", Why: "log files are deleted that the tables do not cover",
		Old: "if err := p.plog.GC(min(durable, pinned)); err != nil {", New: "if err := p.plog.GC(max(store.LastApplied(), pinned)); err != nil {",
	},
	{
		Name: "log kept after a checkpoint", File: "replica/checkpoint.go", Why: "a learner goes on with the log of the state it threw away",
		Old: "if err := p.plog.Reset(decree); err != nil {", New: "if err := error(nil); err != nil {",
	},
	{
		Name: "empty primary over lost data", File: "replica/open.go", Why: "a server whose disk was lost becomes primary with nothing", Seeds: 150,
		Old: "if ballot == 0 && committed <= 0 {", New: "if true || ballot == 0 && committed <= 0 {",
	},
	{
		Name: "replay shares its buffer", File: "replica/open.go", Why: "replayed mutations share the log's read buffer",
		Old: "pacifica.DecodeMutation(bytes.Clone(e.Data), internCode)", New: "pacifica.DecodeMutation(append(e.Data[:0:len(e.Data)], bytes.Clone(e.Data)...), internCode)",
	},
	{
		Name: "log does not sync", File: "replica/plog/write.go", Why: "an append counts as done before it is on disk",
		Old: "		return l.syncWritten()\n	case SyncInterval:", New: "		return nil\n	case SyncInterval:",
	},
	{
		Name: "file name not synced", File: "replica/plog/write.go", Why: "a new log file is used before its name is on disk",
		Old: "	if err := syncDir(l.fs, l.dir); err != nil {\n		file.Close()\n		return err\n	}", New: "",
	},
	{
		Name: "damage taken for a torn tail", File: "replica/plog/open.go", Why: "a damaged block inside the log ends it silently",
		Old: "			if synced {\n				return 0, false, hurt.in(f.path)\n			}", New: "			_ = synced",
	},
	{
		Name: "journal does not sync", File: "replica/plog/journal.go", Why: "appends of a round count as done before the journal is on disk",
		Old: "	if err := j.file.SyncData(); err != nil {\n		return j.fail(ioErr(\"sync\", j.path, err))\n	}\n	j.synced = j.end\n	j.metrics", New: "	j.synced = j.end\n	j.metrics",
	},
	{
		Name: "journal that failed is believed", File: "replica/plog/syncer.go", Why: "appends count as done although the journal could not be synced",
		Old: "case st.journaled && err == nil:", New: "case st.journaled && (err == nil || st.g != nil):",
	},
	{
		Name: "journal used again too early", File: "replica/plog/settle.go", Why: "blocks are overwritten before their logs have them on disk",
		Old: "err := j.pay(f, nil, pause)", New: "err := error(nil)",
	},
	{
		Name: "journal not repeated", File: "replica/plog/journalopen.go", Why: "logs are opened without what they lost",
		Old: "for _, id := range r.order {", New: "for _, id := range r.order[:0] {",
	},
	{
		Name: "journal takes a new directory for the old", File: "replica/plog/redo.go", Why: "blocks of a removed log are written into another one of its name",
		Old: "h.number == id.number && h.born == id.born", New: "h.number == id.number",
	},
	{
		Name: "impatient meta", File: "meta/cluster/fd.go", Why: "a server counts as dead before its lease is over",
		Old: "now-n.beaconMs > s.opts.FDGraceMs", New: "now-n.beaconMs > s.opts.FDGraceMs/4",
	},
	{
		Name: "no grace after loading", File: "meta/cluster/load.go", Why: "a new leader counts silence from before it had loaded its state",
		Old: "n.beaconMs = now", New: "n.beaconMs = max(n.beaconMs, now-s.opts.FDGraceMs/2)",
	},
	{
		Name: "leader without proof", File: "meta/handlers_replica.go", Why: "a leader that cannot prove its lock acknowledges beacons",
		Old: "t := s.leadingTerm()\n\tif t == nil {", New: "t := s.term.Load()\n\tif t == nil {",
	},
	{
		Name: "news of another process", File: "meta/cluster/death.go", Why: "the end of one process counts for its successor at the address",
		Old: "n.processMs != startMs || ", New: "",
	},
	{
		Name: "news too early", File: "meta/cluster/death.go", Why: "the end of a process counts although another one may hold a lease at the address",
		Old: " || now-n.soleSinceMs <= s.opts.FDGraceMs", New: "",
	},
}
