package replica

import (
	"context"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/internal/host"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/rpc"
)

// handOverLinger is how long a server without primaries still answers: clients that come with an old
// routing are told so, where a closed connection would leave them with writes of unknown outcome.
const handOverLinger = 350 * time.Millisecond

// handOverHold is how long after a primary was given away its server still keeps requests for it before it says so. A
// client that is told at once asks the meta server for a primary that is not in office yet, and needs a second retry.
const handOverHold = 120 * time.Millisecond

// Shutdown is Close for a server that leaves a cluster that goes on: it first gives its primaries
// away, so that clients find a new one instead of a silence that lasts until the lease is over.
// ctx bounds the handing over; the closing itself always happens.
func (s *Server) Shutdown(ctx context.Context) error {
	if s.connected.Load() {
		s.handOver(ctx)
	}
	return s.Close()
}

func (s *Server) handOver(ctx context.Context) {
	left := s.primariesLeft()
	if left == 0 {
		return
	}
	s.leaving.Store(true)
	defer s.leaving.Store(false)
	asked, started := left, s.host.Elapsed()
	for again := started; left > 0; left = s.primariesLeft() {
		if now := s.host.Elapsed(); now >= again {
			s.askToLeave()
			again = now + handOverAskAgain
		}
		if !host.Sleep(s.host, ctx, 5*time.Millisecond) {
			s.log.Warn("not all primaries were handed over in time", "left", left, "of", asked)
			return
		}
	}
	s.log.Info("handed over", "primaries", asked, "took", s.host.Elapsed()-started)
	host.Sleep(s.host, ctx, handOverLinger-2*handOverHold)
	s.leaving.Store(false) // what is held now is answered before the connections close
	host.Sleep(s.host, ctx, 2*handOverHold)
}

// handOverAskAgain lies between the requests to the primaries that are still here. One may have come back from a change of
// configuration since, or have been told something else meanwhile.
const handOverAskAgain = 50 * time.Millisecond

// askToLeave lets all primaries that somebody else could take over give up their role.
func (s *Server) askToLeave() {
	for _, p := range s.partitions() {
		if v := p.view.Load(); v.status != pacifica.Primary || len(v.secondaries) == 0 {
			continue
		}
		p.mail.put(item{run: func() {
			p.step([]pacifica.Event{pacifica.ProposalReceived{
				Type: metaadmin.ConfigType_CT_DOWNGRADE_TO_INACTIVE, Node: s.self, Config: p.core.Config(),
			}})
		}})
	}
}

// refuseByRole answers a request that the role does not allow.
func (p *partition) refuseByRole(req *rpc.Request, code base.ErrorCode) {
	if code != base.ErrInvalidState || !p.srv.leaving.Load() {
		req.ReplyError(code)
		return
	}
	req.DeferFlush(nil) // the answer comes from another goroutine than the loop, whose batch it must not touch
	over := !p.view.Load().beingGivenAway()
	p.srv.host.AfterFunc(handOverHold, func() {
		if over {
			req.ReplyError(code)
			return
		}
		p.refuseByRole(req, code)
	})
}

// primariesLeft counts the primaries somebody else could take over.
func (s *Server) primariesLeft() int {
	n := 0
	for _, p := range s.partitions() {
		if p.view.Load().beingGivenAway() {
			n++
		}
	}
	return n
}

// beingGivenAway reports whether, on a server that leaves, the replica still has to become somebody else's to lead.
func (v *view) beingGivenAway() bool {
	return (v.status == pacifica.Primary && len(v.secondaries) > 0) || (v.status == pacifica.Inactive && v.transient && v.leaving)
}
