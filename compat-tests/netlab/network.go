//go:build linux

package netlab

import (
	"maps"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Link is what happens to packets in one direction between two hosts; the zero value delivers them.
type Link struct {
	Cut       bool
	Loss      float64       // share of packets that are dropped, 0 to 1
	Duplicate float64       // share of packets that arrive twice
	Delay     time.Duration // added to every packet
	Jitter    time.Duration // up to this is added at random, so packets overtake each other
}

// Traffic counts packets.
type Traffic struct {
	Delivered, Cut, Lost, Duplicated, Delayed int64
}

// delayedMax bounds the packets that wait on slow links; more are lost, as in a router's queue.
const delayedMax = 20000

// network moves packets between the devices of hosts.
type network struct {
	mu    sync.Mutex // of changes
	tuns  [256]atomic.Pointer[os.File]
	links atomic.Pointer[map[[2]byte]Link]

	delivered, cut, lost, duplicated, delayed, waiting atomic.Int64
}

func newNetwork() *network {
	n := &network{}
	n.links.Store(&map[[2]byte]Link{})
	return n
}

func (n *network) set(from, to byte, link Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	next := maps.Clone(*n.links.Load())
	next[[2]byte{from, to}] = link
	n.links.Store(&next)
}

func (n *network) traffic() Traffic {
	return Traffic{n.delivered.Load(), n.cut.Load(), n.lost.Load(), n.duplicated.Load(), n.delayed.Load()}
}

// connect moves what the host sends until its device is closed.
func (n *network) connect(host byte, tun *os.File) {
	n.tuns[host].Store(tun)
	go func() {
		packet := make([]byte, mtuBytes+1)
		for {
			size, err := tun.Read(packet)
			if err != nil {
				return
			}
			n.forward(host, packet[:size])
		}
	}()
}

// Where an IPv4 packet has its destination.
const (
	headerBytes   = 20
	destinationAt = 16
)

func (n *network) forward(from byte, packet []byte) {
	if len(packet) < headerBytes || packet[0]>>4 != 4 {
		return
	}
	to := packet[destinationAt+3]
	tun := n.tuns[to].Load()
	if tun == nil {
		return
	}
	link := (*n.links.Load())[[2]byte{from, to}]
	if link == (Link{}) {
		n.deliver(tun, packet)
		return
	}
	if link.Cut {
		n.cut.Add(1)
		return
	}
	if rand.Float64() < link.Loss {
		n.lost.Add(1)
		return
	}
	n.later(tun, packet, link)
	if rand.Float64() < link.Duplicate {
		n.duplicated.Add(1)
		n.later(tun, packet, link)
	}
}

// later delivers a packet after the delay of its link.
func (n *network) later(tun *os.File, packet []byte, link Link) {
	wait := link.Delay
	if link.Jitter > 0 {
		wait += rand.N(link.Jitter)
	}
	if wait <= 0 {
		n.deliver(tun, packet)
		return
	}
	if n.waiting.Add(1) > delayedMax {
		n.waiting.Add(-1)
		n.lost.Add(1)
		return
	}
	n.delayed.Add(1)
	own := append([]byte(nil), packet...)
	time.AfterFunc(wait, func() {
		n.waiting.Add(-1)
		n.deliver(tun, own)
	})
}

func (n *network) deliver(tun *os.File, packet []byte) {
	if _, err := tun.Write(packet); err == nil {
		n.delivered.Add(1)
	}
}
