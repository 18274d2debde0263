package replica

import (
	"fmt"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/rrdb"
)

const (
	// A secondary applies what is committed once there are so many writes or bytes of it, or the first has waited for so
	// long: applied as one batch they cost less than one mutation after the other.
	backlogUpdatesMax = 64
	backlogBytesMax   = 64 << 10
	backlogAgeMs      = 100
)

// backlog is what is committed and not applied yet, oldest first. Effects that may need the store find it empty, and so does the end
// of a turn, but for that of a secondary which only took part in writes: only backup reads are served there, which may be
// old. The notice that follows the last write, or a tick, ends such a wait; after a crash the log has it all.
type backlog struct {
	effects []pacifica.Apply
	updates int
	bytes   int
	replies int   // mutations that are answered
	sinceMs int64 // when the first came

	// What the store gets, kept for the next time.
	batch []rrdb.Mutation
	all   []rrdb.Update
}

func (b *backlog) add(e pacifica.Apply, nowMs int64) {
	if len(b.effects) == 0 {
		b.sinceMs = nowMs
	}
	if e.Reply {
		b.replies++
	}
	b.effects = append(b.effects, e)
	b.updates += len(e.Mutation.Updates)
	b.bytes += len(e.Mutation.Raw)
}

// mutations is the backlog as the store takes it, without replies; valid until clear.
func (b *backlog) mutations() []rrdb.Mutation {
	for i := range b.effects {
		for _, u := range b.effects[i].Mutation.Updates {
			op, ok := rrdb.OpOf(u.Code)
			if !ok {
				op = rrdb.OpEmpty
			}
			b.all = append(b.all, rrdb.Update{Op: op, Body: u.Body})
		}
	}
	rest := b.all
	for i := range b.effects {
		m := b.effects[i].Mutation
		n := len(m.Updates)
		b.batch = append(b.batch, rrdb.Mutation{Decree: m.Decree, TimestampUs: m.TimestampUs, DefaultTTL: m.DefaultTTL, Updates: rest[:n:n]})
		rest = rest[n:]
	}
	return b.batch
}

func (b *backlog) clear() {
	clear(b.effects)
	clear(b.batch)
	clear(b.all)
	b.effects, b.batch, b.all = b.effects[:0], b.batch[:0], b.all[:0]
	b.updates, b.bytes, b.replies = 0, 0, 0
}

// waits reports whether the backlog may stay as it is although the effect is carried out.
func (b *backlog) waits(effect pacifica.Effect) bool {
	switch effect.(type) {
	case pacifica.Apply:
		return true
	case pacifica.Append, pacifica.SendPrepare, pacifica.AckPrepare, pacifica.DropPrepare, pacifica.AckGroupCheck, pacifica.PersistBallot:
		return b.replies == 0
	}
	return false
}

// writing reports whether the event is a secondary's part in a write.
func writing(ev pacifica.Event) bool {
	switch ev.(type) {
	case pacifica.PrepareReceived, pacifica.Logged:
		return true
	}
	return false
}

// apply takes a committed mutation, and applies what there is when it is much or old.
func (p *partition) apply(e pacifica.Apply) error {
	b := &p.backlog
	b.add(e, p.turnMs)
	if b.updates >= backlogUpdatesMax || b.bytes >= backlogBytesMax || p.turnMs-b.sinceMs >= backlogAgeMs {
		return p.applyBacklog()
	}
	return nil
}

// nextDeadlineMs is when the replica wants a tick: the core, or what waits to be applied.
func (p *partition) nextDeadlineMs() int64 {
	d := p.core.NextDeadlineMs()
	if len(p.backlog.effects) > 0 {
		d = min(d, p.backlog.sinceMs+backlogAgeMs)
	}
	return d
}

// mayLag reports whether the backlog may stay at the end of a turn.
func (p *partition) mayLag(onlyWriting bool) bool {
	return onlyWriting && p.core.Status() == pacifica.Secondary && p.closing == nil
}

// catchUp applies the backlog.
func (p *partition) catchUp() { p.noteApplied(p.applyBacklog()) }

func (p *partition) noteApplied(err error) {
	if err != nil {
		p.log.Error("apply", "err", err)
		p.behind = true
		p.mail.put(item{event: pacifica.Failed{Err: err}})
	}
}

// applyBacklog runs committed mutations on the store and answers their clients.
func (p *partition) applyBacklog() error {
	b := &p.backlog
	if len(b.effects) == 0 {
		return nil
	}
	defer b.clear()
	mutations := b.mutations()
	for i, e := range b.effects {
		if e.Reply {
			mutations[i].Reply = p.replier(e.Mutation)
		}
	}
	if err := p.store.Load().ApplyAll(mutations); err != nil {
		first, last := b.effects[0].Mutation, b.effects[len(b.effects)-1].Mutation
		return fmt.Errorf("apply %s to %s: %w", first, last, err)
	}
	if o := p.srv.opts.Observer; o != nil {
		for i := range b.effects {
			o.Applied(p.gpid, b.effects[i].Mutation)
		}
	}
	return nil
}

// replier answers the clients of a mutation, unless the lease is over.
func (p *partition) replier(m *pacifica.Mutation) func(i int, body []byte) {
	leased := p.srv.lease.holds(p.term, p.srv.monoMs())
	return func(i int, body []byte) {
		req := p.request(m.Updates[i].Token)
		switch {
		case req == nil:
		case !leased:
			req.Drop()
		default:
			p.stats.answered(req)
			req.ReplyBytes(base.ErrOK, body)
		}
	}
}
