//go:build linux

package chaos

import (
	"time"

	"github.com/pegasus-go/pegasus/compat-tests/netlab"
)

// direction of a link fault, seen from the victim.
type direction int

const (
	both direction = iota
	inbound
	outbound
)

// peersOf chooses whose links to the victim are harmed.
type peersOf func(c *theCluster, victim *server) []*netlab.Host

func all(c *theCluster, victim *server) []*netlab.Host {
	list := []*netlab.Host{c.clients}
	for _, s := range c.servers {
		if s != victim {
			list = append(list, s.host)
		}
	}
	return list
}

func onlyMetas(c *theCluster, _ *server) []*netlab.Host { return hosts(c.of(roleMeta)) }

func onlyClients(c *theCluster, _ *server) []*netlab.Host { return []*netlab.Host{c.clients} }

// onlyNext is the replica server that comes after the victim.
func onlyNext(c *theCluster, victim *server) []*netlab.Host {
	list := c.of(roleReplica)
	for i, s := range list {
		if s == victim {
			return []*netlab.Host{list[(i+1)%len(list)].host}
		}
	}
	return nil
}

func hosts(list []*server) (out []*netlab.Host) {
	for _, s := range list {
		out = append(out, s.host)
	}
	return out
}

func (c *theCluster) setLinks(of *netlab.Host, peers []*netlab.Host, d direction, l netlab.Link) {
	for _, peer := range peers {
		if d != inbound {
			c.lab.SetLink(of, peer, l)
		}
		if d != outbound {
			c.lab.SetLink(peer, of, l)
		}
	}
}

// link is a fault of the links between one replica server and some peers.
func link(peers peersOf, l netlab.Link, d direction) func(*run, step) (func() error, error) {
	return func(r *run, s step) (func() error, error) {
		victim := r.take(roleReplica, s.victim)
		list := peers(r.c, victim)
		r.c.setLinks(victim.host, list, d, l)
		return func() error { r.c.setLinks(victim.host, list, d, netlab.Link{}); return nil }, nil
	}
}

func cutLeaderFromZooKeeper(r *run, _ step) (func() error, error) {
	victim, err := r.takeLeader()
	if err != nil {
		return nil, err
	}
	ensemble := hosts(r.c.of(roleZooKeeper))
	r.c.setLinks(victim.host, ensemble, both, netlab.Link{Cut: true})
	return func() error { r.c.setLinks(victim.host, ensemble, both, netlab.Link{}); return nil }, nil
}

// troubleEverywhere makes packets arrive twice and overtake each other on links that are otherwise well. It leaves links alone
// that another fault of the round harms.
func troubleEverywhere(r *run, _ step) (func() error, error) {
	var hosts []*netlab.Host
	hosts = append(hosts, r.c.clients)
	for _, s := range r.c.servers {
		if r.takeServer(s) {
			hosts = append(hosts, s.host)
		}
	}
	set := func(l netlab.Link) {
		for _, from := range hosts {
			for _, to := range hosts {
				if from != to {
					r.c.lab.SetLink(from, to, l)
				}
			}
		}
	}
	set(netlab.Link{Duplicate: 0.05, Jitter: 5 * time.Millisecond})
	return func() error { set(netlab.Link{}); return nil }, nil
}
