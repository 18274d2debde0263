package replica

import (
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/consensus"
	"github.com/pegasus-go/pegasus/gen-go/metadata"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/rpc"
)

// Messages between replica servers, in both directions: prepares and group checks. Learning has
// its own file.

const groupCheckTimeoutMs = 5000

func (p *partition) sendPrepare(e pacifica.SendPrepare) {
	if e.DelayMs > 0 {
		delay := e.DelayMs
		e.DelayMs = 0
		p.after(delay, func() { p.sendPrepare(e) })
		return
	}
	body := p.prepareBody(&e)
	all := p.arrivalsOf(e.Mutation)
	all.expect()
	replied := pacifica.PrepareReplied{From: e.To, Ballot: e.Mutation.Ballot, Decree: e.Mutation.Decree, Round: e.Round}
	call := rpc.Call{Name: "RPC_PREPARE", TimeoutMs: int32(e.TimeoutMs), Body: body}
	p.srv.pool.GoBatch(&p.batch, e.To, call, func(code base.ErrorCode, body []byte) {
		if code == base.ErrOK {
			code = readAck(body)
		}
		replied.Err = code
		p.mail.arrive(code != base.ErrOK, item{event: replied, all: all})
	})
}

// prepareBody builds the message once for all secondaries. The result is valid until the next call.
func (p *partition) prepareBody(e *pacifica.SendPrepare) []byte {
	last := &p.lastPrepare
	if last.mutation != e.Mutation {
		last.arrivals = new(arrivals)
	}
	if last.mutation != e.Mutation || last.role != e.Role || last.signature != e.Signature {
		last.mutation, last.role, last.signature = e.Mutation, e.Role, e.Signature
		head := prepareHead{gpid: p.gpid, ballot: e.Ballot, primary: p.srv.self, role: e.Role, signature: e.Signature}
		last.body = append(appendPrepareHead(last.body[:0], head), e.Mutation.Raw...)
	}
	return last.body
}

func (s *Server) onPrepare(req *rpc.Request) {
	req.Keep()
	head, rest, err := readPrepareHead(req.Body)
	var m *pacifica.Mutation
	if err == nil {
		m, err = pacifica.DecodeMutation(rest, internCode)
	}
	if err != nil {
		s.log.Warn("prepare cannot be read", "from", req.RemoteAddr(), "err", err)
		req.ReplyError(base.ErrInvalidData)
		return
	}
	p := s.partition(head.gpid)
	if p == nil {
		replyAck(req, head.gpid, pacifica.AckPrepare{Err: base.ErrObjectNotFound, Ballot: head.ballot, Decree: m.Decree})
		return
	}
	p.postRequest(pacifica.PrepareReceived{
		From: head.primary, Ballot: head.ballot, Role: head.role, Signature: head.signature, Primary: head.primary, Mutation: m,
	}, req)
}

func (p *partition) ackPrepare(e pacifica.AckPrepare) {
	if req := p.request(e.Token); req != nil {
		replyAck(req, p.gpid, e)
	}
}

func (p *partition) sendGroupCheck(e pacifica.SendGroupCheck) {
	req := consensus.NewGroupCheckRequest()
	req.App, req.Node, req.LastCommittedDecree = p.app.Load(), e.To.Ptr(), e.LastCommitted
	req.Config = replicaConfig(p.gpid, e.Ballot, p.srv.self, e.Role, e.Signature)
	body := rpc.AppendValue(nil, rpc.FieldNative, req)
	if e.AddLearner {
		p.srv.pool.Send(e.To, rpc.Call{Name: "RPC_LEARN_ADD_LEARNER", Gpid: p.gpid, Body: body})
		return
	}
	replied := pacifica.GroupCheckReplied{From: e.To, Ballot: e.Ballot, Role: e.Role}
	p.groupCheckCall(e.To, body, replied, true)
}

// groupCheckCall repeats once over a broken connection: one reset is no reason to lose a member, nor are full buffers: the next
// check is soon.
func (p *partition) groupCheckCall(to pacifica.Node, body []byte, replied pacifica.GroupCheckReplied, again bool) {
	p.call(to, "RPC_GROUP_CHECK", groupCheckTimeoutMs, body, func(code base.ErrorCode, answer []byte) {
		if code == base.ErrNetworkFailure && again {
			p.after(p.srv.opts.Core.NetworkRetryMs, func() { p.groupCheckCall(to, body, replied, false) })
			return
		}
		if code == base.ErrCapacityExceeded || code == base.ErrBusy {
			p.log.Warn("group check not sent or not taken, buffers are full", "to", to, "code", code)
			return
		}
		replied.Err = code
		if code == base.ErrOK {
			resp := consensus.NewGroupCheckResponse()
			if _, err := rpc.ReadValue(answer, resp); err != nil {
				replied.Err = base.ErrInvalidData
			} else {
				replied.Err, replied.Phase, replied.Signature = resp.Err.Val(), pacifica.LearnPhase(resp.LearnerStatus_), resp.LearnerSignature
			}
		}
		p.post(replied)
	})
}

func (s *Server) onGroupCheck(req *rpc.Request)  { s.groupCheck(req, false) }
func (s *Server) onAddLearner(req *rpc.Request)  { s.groupCheck(req, true) }
func (s *Server) onRemoveReplica(r *rpc.Request) { s.removeReplica(r) }

func (s *Server) groupCheck(req *rpc.Request, oneWay bool) {
	msg := consensus.NewGroupCheckRequest()
	if err := req.Decode(msg); err != nil || msg.Config == nil || msg.Config.Pid == nil || msg.App == nil {
		s.log.Warn("group check cannot be read", "from", req.RemoteAddr(), "err", err)
		s.refuse(req, oneWay, base.ErrInvalidData)
		return
	}
	ev := pacifica.GroupCheckReceived{
		Ballot: msg.Config.Ballot, Role: msg.Config.Status, Signature: msg.Config.LearnerSignature,
		Primary: msg.Config.Primary.Val(), LastCommitted: msg.LastCommittedDecree,
	}
	gpid := *msg.Config.Pid
	p := s.partition(gpid)
	if p == nil {
		if ev.Role != pacifica.Learner {
			s.replyGroupCheck(req, oneWay, gpid, base.ErrObjectNotFound)
			return
		}
		if s.openingFailed(gpid) {
			s.replyGroupCheck(req, oneWay, gpid, base.ErrLocalAppFailure)
			return
		}
		s.replyGroupCheck(req, oneWay, gpid, base.ErrOK)
		s.openLater(gpid, msg.App, openForLearner, func(p *partition) { p.post(ev) })
		return
	}
	p.adoptApp(msg.App)
	if oneWay {
		req.Drop()
		p.post(ev)
		return
	}
	p.postRequest(ev, req)
}

func (s *Server) refuse(req *rpc.Request, oneWay bool, code base.ErrorCode) {
	if oneWay {
		req.Drop()
		return
	}
	req.ReplyError(code)
}

func (s *Server) replyGroupCheck(req *rpc.Request, oneWay bool, gpid base.Gpid, code base.ErrorCode) {
	if oneWay {
		req.Drop()
		return
	}
	resp := consensus.NewGroupCheckResponse()
	resp.Pid, resp.Err, resp.Node = gpid.Ptr(), code.Ptr(), s.self.Ptr()
	req.Reply(resp)
}

func (p *partition) ackGroupCheck(e pacifica.AckGroupCheck) {
	req := p.request(e.Token)
	if req == nil {
		return
	}
	resp := consensus.NewGroupCheckResponse()
	resp.Pid, resp.Err, resp.Node = p.gpid.Ptr(), e.Err.Ptr(), p.srv.self.Ptr()
	resp.LastCommittedDecreeInApp, resp.LastCommittedDecreeInPrepareList = e.LastCommitted, e.LastCommitted
	resp.LearnerStatus_, resp.LearnerSignature = consensus.LearnerStatus(e.Phase), e.Signature
	req.Reply(resp)
}

func (p *partition) sendRemove(e pacifica.SendRemove) {
	cfg := replicaConfig(p.gpid, e.Ballot, p.srv.self, pacifica.Inactive, 0)
	p.srv.pool.Send(e.To, rpc.Call{Name: "RPC_REMOVE_REPLICA", Gpid: p.gpid, Body: rpc.AppendValue(nil, rpc.FieldNative, cfg)})
}

func (s *Server) removeReplica(req *rpc.Request) {
	cfg := metadata.NewReplicaConfiguration()
	if err := req.Decode(cfg); err != nil || cfg.Pid == nil {
		s.log.Warn("remove replica cannot be read", "from", req.RemoteAddr(), "err", err)
	} else if p := s.partition(*cfg.Pid); p != nil {
		p.post(pacifica.RemoveReceived{Ballot: cfg.Ballot})
	}
	req.Drop()
}

// internCode returns the shared string of a known task code; an unknown one is kept as it is and
// applied as an empty write.
func internCode(name []byte) string {
	if s, ok := writeCodes[string(name)]; ok {
		return s
	}
	return string(name)
}
