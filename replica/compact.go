package replica

import (
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/metadata"
	"github.com/pegasus-go/pegasus/replica/admission"
)

// manualCompactionsMax bounds the manual compactions of a server that run at once; the table's environment may ask for less.
// Each brings a compaction slot of its own, so that other stores find theirs free.
const manualCompactionsMax = 8

// manualCompaction is what a replica knows of the compactions that its table's environment ordered (rrdb.md §15). Times are
// Unix milliseconds, 0: not.
type manualCompaction struct {
	mu                                        sync.Mutex
	enqueuedMs, startedMs, finishedMs, usedMs int64
}

// dueCompaction says whether the rules ask for a compaction after the last one, from whose end on pause has to go by, and whether the
// bottom is to be rewritten.
func dueCompaction(rules *admission.ManualCompact, finishedMs int64, now time.Time, pause time.Duration) (due, force bool) {
	if rules.Disabled || rules.RunningMax <= 0 {
		return false, false
	}
	if pause > 0 && finishedMs != 0 && now.Sub(time.UnixMilli(finishedMs)) <= pause {
		return false, false
	}
	// A time to come (milliseconds by mistake, another clock) would be after every end of a compaction, and the next one due at once.
	if rules.OnceTriggerTime > finishedMs/1000 && rules.OnceTriggerTime <= now.Unix() {
		return true, rules.Once.ForceBottom
	}
	finished := time.UnixMilli(finishedMs)
	for _, t := range rules.PeriodicTimes {
		at := time.Date(now.Year(), now.Month(), now.Day(), t.Hour, t.Minute, 0, 0, now.Location())
		if finished.Before(at) && at.Before(now) {
			return true, rules.Periodic.ForceBottom
		}
	}
	return false, false
}

// compactLater has the loop look whether a compaction is due. A table without orders costs nothing.
func (p *partition) compactLater() {
	if rules := &p.gates.Load().envs.ManualCompact; rules.OnceTriggerTime != 0 || len(rules.PeriodicTimes) > 0 {
		p.mail.put(item{run: p.compactIfDue})
	}
}

// compactIfDue runs in the loop. It begins a compaction that is due, or leaves it in the queue when too many run; it is called
// again then.
func (p *partition) compactIfDue() {
	rules := &p.gates.Load().envs.ManualCompact
	if !p.view.Load().member() {
		return
	}
	store := p.store.Load()
	if store == nil {
		return
	}
	finished, err := store.CompactedMs()
	if err != nil {
		p.log.Warn("manual compaction", "err", err)
		return
	}
	now := p.srv.host.Now()
	c := &p.compaction
	c.mu.Lock()
	defer c.mu.Unlock()
	due, force := dueCompaction(rules, max(finished, c.finishedMs), now, p.srv.opts.ManualCompactPause)
	if !due {
		c.enqueuedMs = 0
		return
	}
	if c.startedMs != 0 {
		return
	}
	if c.enqueuedMs == 0 {
		c.enqueuedMs = now.UnixMilli()
	}
	if most := int64(min(rules.RunningMax, manualCompactionsMax)); p.srv.compacting.Add(1) > most {
		p.srv.compacting.Add(-1)
		return
	}
	c.startedMs = now.UnixMilli()
	p.tasks.Go(func() {
		defer p.srv.nextCompactions()
		defer p.srv.compacting.Add(-1)
		p.compact(force)
	})
}

// compact runs on a goroutine of its own. One that fails is tried again when the server looks at its stores next.
func (p *partition) compact(force bool) {
	began := p.srv.host.Now()
	err := error(nil)
	if store := p.store.Load(); store != nil {
		err = store.CompactManually(p.ctx, force, p.srv.host.Now)
	}
	ended := p.srv.host.Now()
	c := &p.compaction
	c.mu.Lock()
	defer c.mu.Unlock()
	c.startedMs, c.enqueuedMs = 0, 0
	if err != nil {
		level := slog.LevelWarn
		if p.ctx.Err() != nil { // the replica is being closed
			level = slog.LevelInfo
		}
		p.log.Log(p.ctx, level, "manual compaction did not end, it will be tried again", "err", err)
		return
	}
	c.finishedMs, c.usedMs = ended.UnixMilli(), max(1, ended.Sub(began).Milliseconds())
	p.log.Info("manual compaction finished", "force", force, "took", ended.Sub(began))
}

// nextCompactions begins what waited for another to end.
func (s *Server) nextCompactions() {
	for _, p := range s.partitions() {
		if s.ctx.Err() == nil && p.compaction.waits() {
			p.compactLater()
		}
	}
}

func (c *manualCompaction) waits() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.enqueuedMs != 0 && c.startedMs == 0
}

func (c *manualCompaction) status() metadata.ManualCompactionStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.startedMs != 0:
		return metadata.ManualCompactionStatus_RUNNING
	case c.enqueuedMs != 0:
		return metadata.ManualCompactionStatus_QUEUING
	case c.usedMs != 0 && c.finishedMs != 0:
		return metadata.ManualCompactionStatus_FINISHED
	}
	return metadata.ManualCompactionStatus_IDLE
}

// compactionText is the answer of replica.query-compact.
func (p *partition) compactionText() string {
	finished := int64(0)
	if store := p.store.Load(); store != nil {
		finished, _ = store.CompactedMs() // what cannot be read is told by those who need it
	}
	c := &p.compaction
	c.mu.Lock()
	defer c.mu.Unlock()
	finished = max(finished, c.finishedMs)
	clock := func(ms int64) string {
		if ms == 0 {
			return "-"
		}
		return time.UnixMilli(ms).Format(time.DateTime)
	}
	return compact(struct {
		Finish  string `json:"last_finish"`
		Used    string `json:"last_used_ms"`
		Enqueue string `json:"recent_enqueue_at"`
		Start   string `json:"recent_start_at"`
	}{clock(finished), usedText(c.usedMs), clock(c.enqueuedMs), clock(c.startedMs)})
}

func usedText(ms int64) string {
	if ms == 0 {
		return "-"
	}
	return strconv.FormatInt(ms, 10)
}

// compactionCounts is the page of a table's manual compaction.
func compactionCounts(list []*partition) map[string]int {
	counts := map[string]int{"finished": 0, "idle": 0, "queuing": 0, "running": 0}
	names := map[metadata.ManualCompactionStatus]string{
		metadata.ManualCompactionStatus_IDLE: "idle", metadata.ManualCompactionStatus_QUEUING: "queuing",
		metadata.ManualCompactionStatus_RUNNING: "running", metadata.ManualCompactionStatus_FINISHED: "finished",
	}
	for _, p := range list {
		counts[names[p.compaction.status()]]++
	}
	return counts
}
