package seeded

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/rpc"
)

// machinesMax bounds the machines of a run, clients and the state service included.
const machinesMax = 24

// link is one direction between two machines.
type link struct {
	cut    bool
	loss   int           // percent of messages lost
	twice  int           // percent of messages between servers that come twice
	delay  time.Duration // up to so much more
	resets int           // percent of calls whose connection breaks after they were sent
}

// network carries calls between machines, each of which has one address.
type network struct {
	w       *World
	links   [machinesMax][machinesMax]link
	servers map[base.RPCAddress]*endpoint
	stats   struct{ sent, lost, twice, cut, reset int }
	// answered is told of every answer that a server gives.
	answered func(from, to *port, c rpc.Call, code base.ErrorCode, body []byte)
}

// endpoint is a server that listens.
type endpoint struct {
	port   *port
	srv    *rpc.Server
	calls  []*flight // made to it and not answered yet, oldest first
	closed bool
}

// port is one life of a machine on the network; it is the rpc.Network of its server.
type port struct {
	net     *network
	node    *Node
	machine int
	addr    base.RPCAddress
	client  bool
	end     *endpoint
	out     []*flight // calls it made
	dead    bool
}

// flight is one call on its way.
type flight struct {
	from  *port
	to    *endpoint
	call  rpc.Call
	done  rpc.Done
	ended bool
}

func (n *network) port(node *Node, machine int, addr base.RPCAddress, client bool) *port {
	return &port{net: n, node: node, machine: machine, addr: addr, client: client}
}

// Listen implements rpc.Network.
func (p *port) Listen(s *rpc.Server, _ string) (base.RPCAddress, error) {
	if p.net.servers[p.addr] != nil {
		return p.addr, errors.New("address already in use")
	}
	p.end = &endpoint{port: p, srv: s}
	p.net.servers[p.addr] = p.end
	return p.addr, nil
}

// Serve implements rpc.Network; the world delivers.
func (p *port) Serve(*rpc.Server) error { return nil }

// Caller implements rpc.Network.
func (p *port) Caller(rpc.PoolOptions) rpc.Caller { return p }

// latency draws how long a message takes.
func (n *network) latency(l *link) time.Duration {
	d := 100*time.Microsecond + time.Duration(n.w.rng.IntN(400))*time.Microsecond
	switch n.w.rng.IntN(64) {
	case 0:
		d += time.Duration(n.w.rng.IntN(20)) * time.Millisecond
	case 1, 2, 3:
		d += time.Duration(n.w.rng.IntN(3)) * time.Millisecond
	}
	if l.delay > 0 {
		d += n.w.between(0, l.delay)
	}
	return d
}

// carry runs deliver at the far end of a link, unless the message is lost.
func (n *network) carry(from, to int, node *Node, deliver func()) bool {
	l := &n.links[from][to]
	n.stats.sent++
	switch {
	case l.cut:
		n.stats.cut++
		return false
	case l.loss > 0 && n.w.chance(l.loss):
		n.stats.lost++
		return false
	}
	n.w.at(n.latency(l), node, deliver)
	return true
}

// Go implements rpc.Caller.
func (p *port) Go(to base.RPCAddress, c rpc.Call, done rpc.Done) {
	w := p.net.w
	if c.TimeoutMs <= 0 {
		c.TimeoutMs = 5000
	}
	c.Body = slices.Clone(c.Body)
	f := &flight{from: p, call: c, done: done}
	if p.dead {
		w.at(0, p.node, func() { f.end(base.ErrNetworkFailure, nil) })
		return
	}
	end := p.net.servers[to]
	if done != nil {
		p.out = append(p.out, f)
		w.at(p.node.trueTime(time.Duration(c.TimeoutMs)*time.Millisecond), p.node, func() { f.end(base.ErrTimeout, nil) })
	}
	if end == nil {
		// Nobody listens: the machine's system refuses, if it can be reached and answers.
		machine, known := p.net.machineOf(to)
		if known && !p.net.links[p.machine][machine].cut && !p.net.links[machine][p.machine].cut {
			w.at(p.net.latency(&p.net.links[machine][p.machine]), p.node, func() { f.end(base.ErrNetworkFailure, nil) })
		}
		return
	}
	if f.to = end; done != nil {
		end.calls = append(end.calls, f)
	}
	l := &p.net.links[p.machine][end.port.machine]
	if l.resets > 0 && w.chance(l.resets) {
		p.net.stats.reset++
		w.at(p.net.latency(l), p.node, func() { f.end(base.ErrNetworkFailure, nil) })
	}
	p.net.carry(p.machine, end.port.machine, end.port.node, func() { end.deliver(f, true) })
	if !p.client && !end.port.client && l.twice > 0 && w.chance(l.twice) {
		p.net.stats.twice++
		p.net.carry(p.machine, end.port.machine, end.port.node, func() { end.deliver(f, false) })
	}
}

// machineOf finds the machine of an address, also of one that does not listen.
func (n *network) machineOf(a base.RPCAddress) (int, bool) {
	i := int(a.IP()&0xff) - 1
	return i, i >= 0 && i < machinesMax
}

// addressOf a machine.
func addressOf(machine int) base.RPCAddress {
	return base.AddressOf(10<<24|uint32(machine+1), 34801)
}

// deliver hands a call to the server.
func (e *endpoint) deliver(f *flight, answer bool) {
	if e.closed {
		return
	}
	net, c := e.port.net, f.call
	net.w.trace.number(uint64(f.from.machine)<<40 ^ uint64(e.port.machine)<<32 ^ uint64(len(c.Body)) ^ uint64(net.w.now)<<8)
	in := rpc.Inbound{Call: c, Dialect: rpc.Native, From: f.from.addr, Remote: f.from.addr.String(), OneWay: f.done == nil}
	if !answer {
		in.Body = slices.Clone(c.Body) // the other copy has its own
	}
	if answer && f.done != nil {
		in.Answered = func(code base.ErrorCode, body []byte) {
			if e.closed {
				return
			}
			if net.answered != nil {
				net.answered(e.port, f.from, c, code, body)
			}
			body = slices.Clone(body)
			net.carry(e.port.machine, f.from.machine, f.from.node, func() { f.end(code, body) })
		}
	}
	e.srv.Deliver(in)
}

// end gives the caller its answer, the first that comes.
func (f *flight) end(code base.ErrorCode, body []byte) {
	if f.ended {
		return
	}
	f.ended = true
	f.from.out = without(f.from.out, f)
	if f.to != nil {
		f.to.calls = without(f.to.calls, f)
	}
	if f.done != nil {
		f.done(code, body)
	}
}

func without(list []*flight, f *flight) []*flight {
	if i := slices.Index(list, f); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// GoBatch implements rpc.Caller.
func (p *port) GoBatch(_ *rpc.Batch, to base.RPCAddress, c rpc.Call, done rpc.Done) {
	p.Go(to, c, done)
}

// Send implements rpc.Caller.
func (p *port) Send(to base.RPCAddress, c rpc.Call) { p.Go(to, c, nil) }

// Call implements rpc.Caller.
func (p *port) Call(ctx context.Context, to base.RPCAddress, c rpc.Call, result thrift.TStruct) error {
	code, body, arrived := base.ErrTimeout, []byte(nil), make(chan struct{}, 1)
	p.Go(to, c, func(got base.ErrorCode, answer []byte) {
		code, body = got, slices.Clone(answer)
		arrived <- struct{}{}
	})
	switch {
	case p.node.Wait(time.Duration(1<<62), arrived, ctx.Done()) != 0:
		return ctx.Err()
	case code != base.ErrOK:
		return code
	case result == nil:
		return nil
	}
	_, err := rpc.ReadValue(body, result)
	return err
}

// Close implements rpc.Caller.
func (p *port) Close() error {
	p.dead = true
	for _, f := range slices.Clone(p.out) {
		f.end(base.ErrNetworkFailure, nil)
	}
	return nil
}

// unplug takes a machine's server off the network. broken: its process is gone, and the machine's
// system resets the connections, as far as the links carry that.
func (p *port) unplug() {
	p.dead = true
	e := p.end
	if e == nil || e.closed {
		return
	}
	e.closed = true
	if p.net.servers[p.addr] == e {
		delete(p.net.servers, p.addr)
	}
	for _, f := range slices.Clone(e.calls) {
		p.net.carry(p.machine, f.from.machine, f.from.node, func() { f.end(base.ErrNetworkFailure, nil) })
	}
}

// isData says whether a call is a client's operation on rows.
func isData(name string) bool { return strings.HasPrefix(name, "RPC_RRDB_") }
