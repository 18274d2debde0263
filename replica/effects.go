package replica

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/consensus"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/internal/host"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/replica/plog"
	"github.com/pegasus-go/pegasus/rpc"
)

// execute carries out the effects of a step in order. Appends that follow each other become one.
func (p *partition) execute(effects []pacifica.Effect) {
	for _, effect := range effects {
		if !p.backlog.waits(effect) {
			p.catchUp()
		}
		if a, ok := effect.(pacifica.Append); ok {
			p.appends = append(p.appends, plog.Entry{Ballot: a.Mutation.Ballot, Decree: a.Mutation.Decree, Data: a.Mutation.Raw})
			p.logged = append(p.logged, item{event: pacifica.Logged{Ballot: a.Mutation.Ballot, Decree: a.Mutation.Decree}, all: p.arrivalsOf(a.Mutation)})
			continue
		}
		if _, ok := effect.(pacifica.SendPrepare); !ok {
			p.flushAppends()
		}
		p.perform(effect)
		if p.closing != nil {
			break
		}
	}
	p.flushAppends()
}

func (p *partition) flushAppends() {
	if len(p.appends) == 0 {
		return
	}
	logged := slices.Clone(p.logged)
	for i := range logged {
		if all := logged[i].all; all != nil {
			all.expect()
		}
	}
	p.plog.Append(p.appends, func(err error) { p.appended(logged, err) })
	clear(p.appends)
	clear(p.logged)
	p.appends, p.logged = p.appends[:0], p.logged[:0]
}

// appended runs on the goroutine of the log.
func (p *partition) appended(logged []item, err error) {
	for i := range logged {
		if err != nil {
			ev := logged[i].event.(pacifica.Logged)
			ev.Err = fmt.Errorf("append decree %d to the log of %s: %w", ev.Decree, p.gpid, err)
			logged[i].event = ev
		}
	}
	p.mail.arrive(err != nil, logged...)
}

func (p *partition) perform(effect pacifica.Effect) {
	switch e := effect.(type) {
	case pacifica.SendPrepare:
		p.sendPrepare(e)
	case pacifica.Apply:
		p.noteApplied(p.apply(e))
	case pacifica.AckPrepare:
		p.ackPrepare(e)
	case pacifica.DropPrepare:
		if req := p.request(e.Token); req != nil {
			req.Drop()
		}
	case pacifica.FailWrites:
		p.failWrites(e)
	case pacifica.PersistBallot:
		p.persistBallot(e.Ballot)
	case pacifica.UpdateMeta:
		p.updateMeta(e)
	case pacifica.CancelMeta:
		p.cancelMeta(e.Seq)
	case pacifica.SendResign:
		p.resign(e.Config)
	case pacifica.SendGroupCheck:
		p.sendGroupCheck(e)
	case pacifica.AckGroupCheck:
		p.ackGroupCheck(e)
	case pacifica.SendRemove:
		p.sendRemove(e)
	case pacifica.SendLearn:
		p.sendLearn(e)
	case pacifica.AckLearn:
		p.ackLearn(p.request(e.Token), e)
	case pacifica.ServeLearn:
		p.serveLearn(e)
	case pacifica.InstallCheckpoint:
		p.installCheckpoint(e)
	case pacifica.ResetState:
		p.resetState(e)
	case pacifica.SendCompletion:
		p.sendCompletion(e)
	case pacifica.AckCompletion:
		if req := p.request(e.Token); req != nil {
			req.Reply(&consensus.LearnNotifyResponse{Pid: p.gpid.Ptr(), Err: e.Err.Ptr(), Signature: e.Signature})
		}
	case pacifica.Close:
		p.closing = &e
	default:
		panic(fmt.Sprintf("replica: effect %T is not handled", effect))
	}
}

func (p *partition) failWrites(e pacifica.FailWrites) {
	for _, token := range e.Tokens {
		req := p.request(token)
		switch {
		case req == nil:
		case e.Silent:
			req.Drop()
		default:
			p.refuseByRole(req, e.Err)
		}
	}
}

func (p *partition) persistBallot(ballot int64) {
	if err := p.writeInitInfo(ballot); err != nil {
		// Nothing may be said under a ballot that a restart would forget.
		p.log.Error("persist ballot", "ballot", ballot, "err", err)
		p.closing = &pacifica.Close{Err: err}
	}
}

// updateMeta asks until the meta server accepts, refuses with what it stores, or nobody wants to
// know any more.
func (p *partition) updateMeta(e pacifica.UpdateMeta) {
	ctx, cancel := context.WithCancel(p.ctx)
	for seq := range p.metaCalls { // only the newest matters; those before it are over
		p.cancelMeta(seq)
	}
	p.metaCalls[e.Seq] = cancel
	req := p.configUpdate(e.Config, e.Type, e.Node)
	p.log.Info("ask meta server", "type", e.Type, "node", e.Node, "ballot", e.Config.Ballot)
	p.tasks.Go(func() {
		for {
			var resp metaadmin.ConfigurationUpdateResponse
			err := p.srv.meta.call(ctx, "RPC_CM_UPDATE_PARTITION_CONFIGURATION", req, &resp)
			code := resp.Err.Val()
			if err == nil && (code == base.ErrOK || code == base.ErrInvalidVersion) {
				p.post(pacifica.MetaReplied{Seq: e.Seq, Err: code, Config: configOf(resp.Config)})
				return
			}
			p.log.Warn("meta server did not take the configuration", "type", e.Type, "code", resp.Err, "err", err)
			if !host.Sleep(p.srv.host, ctx, p.srv.opts.MetaRetry) {
				return
			}
		}
	})
}

func (p *partition) cancelMeta(seq uint64) {
	if cancel := p.metaCalls[seq]; cancel != nil {
		cancel()
		delete(p.metaCalls, seq)
	}
}

// resign tells the meta server once that this node does not serve the partition any more.
func (p *partition) resign(cfg pacifica.Config) {
	p.srv.resign(p.configUpdate(cfg, metaadmin.ConfigType_CT_DOWNGRADE_TO_INACTIVE, p.srv.self))
}

func (p *partition) configUpdate(cfg pacifica.Config, typ pacifica.ConfigType, node pacifica.Node) *metaadmin.ConfigurationUpdateRequest {
	return &metaadmin.ConfigurationUpdateRequest{
		Info: p.app.Load(), Config: partitionConfig(p.gpid, cfg, p.core.LastCommitted()), Type: typ, Node: node.Ptr(), HostNode: node.Ptr(),
	}
}

// after runs an effect later, unless the replica is closed by then.
func (p *partition) after(delayMs int64, run func()) {
	p.srv.host.AfterFunc(time.Duration(delayMs)*time.Millisecond, func() { p.mail.put(item{run: run}) })
}

// call sends a native request to another replica server. done runs on the connection's reader.
func (p *partition) call(to pacifica.Node, name string, timeoutMs int64, body []byte, done func(base.ErrorCode, []byte)) {
	p.srv.pool.GoBatch(&p.batch, to, rpc.Call{Name: name, Gpid: p.gpid, TimeoutMs: int32(timeoutMs), Body: body}, done)
}
