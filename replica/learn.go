package replica

import (
	"errors"
	"fmt"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/consensus"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/replica/plog"
	"github.com/pegasus-go/pegasus/rpc"
)

const (
	learnTimeoutMs = 10_000
	// learnLogBytesMax bounds the mutations of one log round.
	learnLogBytesMax = 4 << 20
	// learnReset in the app-specific part of an answer tells the learner to begin with nothing.
	learnReset = "reset"
)

// sendLearn asks the primary for the next round.
func (p *partition) sendLearn(e pacifica.SendLearn) {
	if e.DelayMs > 0 {
		delay := e.DelayMs
		e.DelayMs = 0
		p.after(delay, func() { p.sendLearn(e) })
		return
	}
	req := consensus.NewLearnRequest()
	req.Pid, req.Learner, req.Signature = p.gpid.Ptr(), p.srv.self.Ptr(), e.Signature
	req.LastCommittedDecreeInApp, req.LastCommittedDecreeInPrepareList = e.LastCommitted, e.LastCommitted
	req.AppSpecificLearnRequest = &base.Blob{}
	p.call(e.To, "RPC_LEARN", learnTimeoutMs, rpc.AppendValue(nil, rpc.FieldNative, req), func(code base.ErrorCode, body []byte) {
		replied := pacifica.LearnReplied{Signature: e.Signature, Err: code}
		if code == base.ErrOK {
			if err := readLearnAnswer(body, &replied); err != nil {
				p.log.Warn("answer to learn cannot be read", "from", e.To, "err", err)
				replied.Err = base.ErrInvalidData
			}
		}
		p.post(replied)
	})
}

func readLearnAnswer(body []byte, replied *pacifica.LearnReplied) error {
	resp := consensus.NewLearnResponse()
	if _, err := rpc.ReadValue(body, resp); err != nil {
		return err
	}
	replied.Err = resp.Err.Val()
	if replied.Err != base.ErrOK {
		return nil
	}
	if resp.Config == nil || resp.State == nil {
		return errors.New("answer without configuration or state")
	}
	a := &replied.Answer
	a.Kind, a.Ballot, a.LastCommitted, a.PrepareStart = pacifica.LearnKind(resp.Type), resp.Config.Ballot, resp.LastCommittedDecree, resp.PrepareStartDecree
	if a.Kind == pacifica.LearnCheckpoint {
		a.CheckpointDecree, a.Dir, a.Files, a.FileSizes = resp.State.ToDecreeIncluded, resp.BaseLocalDir, resp.State.Files, resp.State.FileSizes
		return nil
	}
	if resp.BaseLocalDir == learnReset {
		a.Reset = true
		return nil
	}
	var err error
	a.Mutations, err = pacifica.DecodeMutations(resp.State.Meta.Bytes(), internCode)
	return err
}

func (s *Server) onLearn(req *rpc.Request) {
	msg := consensus.NewLearnRequest()
	if err := req.Decode(msg); err != nil || msg.Pid == nil {
		s.log.Warn("learn request cannot be read", "from", req.RemoteAddr(), "err", err)
		req.ReplyError(base.ErrInvalidData)
		return
	}
	p := s.partition(*msg.Pid)
	if p == nil {
		req.ReplyError(base.ErrObjectNotFound)
		return
	}
	p.postRequest(pacifica.LearnReceived{From: msg.Learner.Val(), Signature: msg.Signature, LastCommitted: msg.LastCommittedDecreeInApp}, req)
}

// ackLearn may run on any goroutine.
func (p *partition) ackLearn(req *rpc.Request, e pacifica.AckLearn) {
	if req == nil {
		return
	}
	a := &e.Answer
	resp := consensus.NewLearnResponse()
	resp.Err, resp.LastCommittedDecree, resp.PrepareStartDecree = e.Err.Ptr(), a.LastCommitted, a.PrepareStart
	resp.Config = replicaConfig(p.gpid, a.Ballot, p.srv.self, pacifica.Learner, 0)
	resp.Type, resp.Learnee, resp.BaseLocalDir = consensus.LearnType(a.Kind), p.srv.self.Ptr(), a.Dir
	resp.State = &consensus.LearnState{Meta: &base.Blob{}, Files: a.Files, FileSizes: a.FileSizes, ToDecreeIncluded: a.CheckpointDecree}
	if a.Reset {
		resp.BaseLocalDir = learnReset
	} else if a.Kind == pacifica.LearnCache {
		p.stats.learnCache.Add(1)
	}
	size := 0
	for _, m := range a.Mutations {
		size += len(m.Raw)
	}
	resp.State.Meta.Data = make([]byte, 0, size)
	for _, m := range a.Mutations {
		resp.State.Meta.Data = append(resp.State.Meta.Data, m.Raw...)
	}
	req.Reply(resp)
}

// serveLearn answers from the log, or from a checkpoint when the log no longer reaches back. Both
// read files, so the loop does not wait for them.
func (p *partition) serveLearn(e pacifica.ServeLearn) {
	req := p.request(e.Token)
	if req == nil {
		return
	}
	req.DeferFlush(nil) // the answer comes from another goroutine than the batch's
	p.tasks.Go(func() {
		answer, err := p.learnState(e)
		code := base.ErrOK
		if err != nil {
			p.log.Warn("no state for learner", "from", e.From, "to", e.To, "err", err)
			code = base.ErrGetLearnStateFailed
		}
		p.ackLearn(req, pacifica.AckLearn{Err: code, Answer: answer})
	})
}

func (p *partition) learnState(e pacifica.ServeLearn) (pacifica.LearnAnswer, error) {
	a := e.Answer
	entries, err := p.plog.Read(e.From, e.To, learnLogBytesMax)
	if err == nil && len(entries) > 0 {
		a.Kind = pacifica.LearnLog
		for _, entry := range entries {
			m, err := pacifica.DecodeMutation(entry.Data, internCode)
			if err != nil {
				return a, fmt.Errorf("decree %d in the log: %w", entry.Decree, err)
			}
			a.Mutations = append(a.Mutations, m)
		}
		p.stats.learnLog.Add(1)
		return a, nil
	}
	switch {
	case plog.IsCorrupt(err):
		// The tables hold what stood there; a damaged piece of the log must not keep learners away.
		p.log.Error("log is damaged, a learner gets a checkpoint instead", "from", e.From, "err", err)
	case err != nil && !errors.Is(err, plog.ErrGone):
		return a, err
	}
	c, err := p.checkpoints.forLearner(p, e.From)
	if err != nil {
		return a, err
	}
	a.Kind, a.CheckpointDecree, a.Dir, a.Files, a.FileSizes = pacifica.LearnCheckpoint, c.decree, c.dir, c.files, c.sizes
	p.stats.learnCheckpoint.Add(1)
	return a, nil
}

// learnCopyRateMin is the least rate, in bytes per second, at which a copy is not given up: a tenth of the default limit of all copies.
const learnCopyRateMin = 5 << 20

// copyTimeout bounds the copy of a checkpoint with files of these sizes; the primary keeps it for as long.
func (s *Server) copyTimeout(sizes []int64) time.Duration {
	more := time.Duration(0)
	for _, n := range sizes {
		more += time.Duration(float64(max(0, n)) / learnCopyRateMin * float64(time.Second))
		more = min(more, learnCopyMax)
	}
	return s.opts.LearnCopyTimeout + more
}

// learnCopyMax bounds what a size that a peer names adds to the timeout.
const learnCopyMax = 24 * time.Hour

// installCheckpoint copies the files beside the live store; the loop then swaps them in.
func (p *partition) installCheckpoint(e pacifica.InstallCheckpoint) {
	p.tasks.Go(func() {
		err := errors.New("learn: the replica ended while it waited for a slot to copy a checkpoint")
		started := p.srv.host.Elapsed()
		if p.srv.learnSlots.Take(p.srv.host, p.ctx.Done()) {
			ctx, cancel := p.srv.host.WithTimeout(p.ctx, p.srv.copyTimeout(e.Answer.FileSizes))
			err = p.fetchCheckpoint(ctx, e)
			cancel()
			p.srv.learnSlots.Release()
		}
		if err != nil {
			p.log.Warn("copy checkpoint", "from", e.From, "decree", e.Answer.CheckpointDecree, "err", err)
		} else {
			p.log.Info("copied checkpoint", "from", e.From, "decree", e.Answer.CheckpointDecree, "files", len(e.Answer.Files), "took", p.srv.host.Elapsed()-started)
		}
		p.mail.put(item{run: func() { p.finishInstall(e, err) }})
	})
}

// finishInstall runs in the loop. A copy that failed on its way is asked for again; one that was
// overtaken is thrown away.
func (p *partition) finishInstall(e pacifica.InstallCheckpoint, err error) {
	_, signature := p.core.LearnProgress()
	if p.core.Status() != pacifica.Learner || signature != e.Signature {
		return
	}
	if err != nil {
		p.step([]pacifica.Event{pacifica.LearnReplied{Signature: e.Signature, Err: base.ErrTryAgain}})
		return
	}
	decree, err := p.swapStore(e.Answer.CheckpointDecree)
	p.step([]pacifica.Event{pacifica.CheckpointInstalled{Signature: e.Signature, Decree: decree, Err: err}})
}

// resetState runs in the loop: this replica holds what its group never committed.
func (p *partition) resetState(e pacifica.ResetState) {
	p.log.Warn("state is ahead of the group and is set aside", "committed", p.core.LastCommitted())
	err := p.discardState()
	if err != nil {
		p.closing = &pacifica.Close{Err: err} // there may be no store to go on with
		return
	}
	p.mail.put(item{event: pacifica.StateReset{Signature: e.Signature}})
}

func (p *partition) sendCompletion(e pacifica.SendCompletion) {
	msg := consensus.NewGroupCheckResponse()
	msg.Pid, msg.Err, msg.Node = p.gpid.Ptr(), base.ErrOK.Ptr(), p.srv.self.Ptr()
	msg.LastCommittedDecreeInApp, msg.LastCommittedDecreeInPrepareList = e.LastCommitted, e.LastCommitted
	msg.LearnerStatus_, msg.LearnerSignature = consensus.LearnerStatus_LearningSucceeded, e.Signature
	p.call(e.To, "RPC_LEARN_COMPLETION_NOTIFY", learnTimeoutMs, rpc.AppendValue(nil, rpc.FieldNative, msg), func(code base.ErrorCode, body []byte) {
		if code == base.ErrOK {
			var resp consensus.LearnNotifyResponse
			if _, err := rpc.ReadValue(body, &resp); err == nil {
				code = resp.Err.Val()
			}
		}
		p.post(pacifica.CompletionReplied{Signature: e.Signature, Err: code})
	})
}

func (s *Server) onCompletion(req *rpc.Request) {
	msg := consensus.NewGroupCheckResponse()
	if err := req.Decode(msg); err != nil || msg.Pid == nil {
		req.ReplyError(base.ErrInvalidData)
		return
	}
	p := s.partition(*msg.Pid)
	if p == nil {
		req.Reply(&consensus.LearnNotifyResponse{Pid: msg.Pid, Err: base.ErrObjectNotFound.Ptr(), Signature: msg.LearnerSignature})
		return
	}
	p.postRequest(pacifica.CompletionReceived{
		From: msg.Node.Val(), Signature: msg.LearnerSignature, Phase: pacifica.LearnPhase(msg.LearnerStatus_),
	}, req)
}
