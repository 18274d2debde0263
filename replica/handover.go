package replica

import (
	"context"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/internal/host"
	"github.com/pegasus-go/pegasus/replica/pacifica"
)

// handOverLinger is how long a server without primaries still answers: clients that come with an old
// routing are told so, where a closed connection would leave them with writes of unknown outcome.
const handOverLinger = 200 * time.Millisecond

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
	asked := 0
	for _, p := range s.partitions() {
		if v := p.view.Load(); v.status != pacifica.Primary || len(v.secondaries) == 0 {
			continue
		}
		asked++
		p.mail.put(item{run: func() {
			p.step([]pacifica.Event{pacifica.ProposalReceived{
				Type: metaadmin.ConfigType_CT_DOWNGRADE_TO_INACTIVE, Node: s.self, Config: p.core.Config(),
			}})
		}})
	}
	if asked == 0 {
		return
	}
	started := s.host.Elapsed()
	for s.primariesLeft() > 0 {
		if !host.Sleep(s.host, ctx, 5*time.Millisecond) {
			s.log.Warn("not all primaries were handed over in time", "left", s.primariesLeft(), "of", asked)
			return
		}
	}
	s.log.Info("handed over", "primaries", asked, "took", s.host.Elapsed()-started)
	host.Sleep(s.host, ctx, handOverLinger)
}

// primariesLeft counts the primaries somebody else could take over.
func (s *Server) primariesLeft() int {
	n := 0
	for _, p := range s.partitions() {
		v := p.view.Load()
		if (v.status == pacifica.Primary && len(v.secondaries) > 0) || (v.status == pacifica.Inactive && v.transient && v.leaving) {
			n++
		}
	}
	return n
}
