package seeded

import (
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/fd"
	"github.com/pegasus-go/pegasus/rpc"
)

// testify is what the witness of a server does when the server's process has ended, and the machine
// lives on: it tells the meta servers, again and again, until the leader has nothing left to do about
// it. The news may be late, come twice, or after the next process of that server has started.
func (c *cluster) testify(m *machine, startMs int64) {
	node := c.w.node(m.name + "'s witness")
	p := c.net.port(node, m.index, m.addr(), true)
	wait := c.w.between(0, 30*time.Millisecond)
	if c.w.chance(20) {
		wait = c.w.between(0, 25*time.Second)
	}
	node.Go(func() {
		node.Wait(wait)
		for end := node.Elapsed() + 20*time.Second; node.Elapsed() < end; node.Wait(500 * time.Millisecond) {
			for _, meta := range c.metas {
				if c.tell(p, meta, m, startMs) && !c.w.chance(10) {
					return
				}
			}
		}
	})
}

// tell asks one meta server and reports whether it leads and needs no more.
func (c *cluster) tell(p *port, meta, m *machine, startMs int64) bool {
	msg := &fd.BeaconMsg{Time: p.node.Now().UnixMilli(), FromNode: m.addr().Ptr(), ToNode: meta.addr().Ptr(), StartTime: &startMs}
	done, arrived := false, make(chan struct{}, 1)
	p.Go(meta.addr(), rpc.Call{Name: "RPC_FD_PROCESS_ENDED", TimeoutMs: 500, Body: rpc.AppendValue(nil, rpc.FieldNative, msg)}, func(code base.ErrorCode, body []byte) {
		var ack fd.BeaconAck
		if code == base.ErrOK {
			_, err := rpc.ReadValue(body, &ack)
			done = err == nil && ack.IsMaster && ack.Allowed
		}
		arrived <- struct{}{}
	})
	p.node.Recv(arrived)
	return done
}
