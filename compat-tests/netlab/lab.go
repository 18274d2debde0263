//go:build linux

package netlab

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// hostsMax bounds the hosts of a lab; their addresses are subnet.1 and up.
const hostsMax = 250

const subnet = "10.99.0."

// Lab is a set of hosts. Its methods may be called at any time.
type Lab struct {
	isolated bool
	network  *network

	mu    sync.Mutex
	hosts []*Host
}

// Check says why New would fail, or nil.
func Check() error {
	lab := New()
	defer lab.Close()
	_, err := lab.Host("probe")
	return err
}

// New makes a lab whose hosts are namespaces.
func New() *Lab { return &Lab{isolated: true, network: newNetwork()} }

// Loopback makes a lab whose hosts are this machine.
func Loopback() *Lab { return &Lab{} }

// Isolated tells whether hosts have namespaces, and so links and mounts of their own.
func (l *Lab) Isolated() bool { return l.isolated }

// Host adds a host; it is connected to all others at once.
func (l *Lab) Host(name string) (*Host, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.hosts) == hostsMax {
		return nil, fmt.Errorf("netlab: more than %d hosts", hostsMax)
	}
	h := &Host{Name: name, Addr: "127.0.0.1", lab: l, index: byte(len(l.hosts) + 1), tasks: make(chan task)}
	if l.isolated {
		h.Addr = fmt.Sprint(subnet, h.index)
	}
	if err := h.open(); err != nil {
		return nil, fmt.Errorf("netlab: host %s: %w", name, err)
	}
	l.hosts = append(l.hosts, h)
	return h, nil
}

// Close ends all hosts: what they started is killed.
func (l *Lab) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.hosts {
		h.close()
	}
	l.hosts = nil
}

// SetLink changes what happens to packets that one host sends to another.
func (l *Lab) SetLink(from, to *Host, link Link) {
	if l.isolated {
		l.network.set(from.index, to.index, link)
	}
}

// Traffic counts the packets so far by what became of them.
func (l *Lab) Traffic() Traffic {
	if !l.isolated {
		return Traffic{}
	}
	return l.network.traffic()
}

// openTun makes the device of the calling thread's namespace and connects it; both it and the loopback device are up afterwards.
func openTun(address string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/net/tun: %w", err)
	}
	ifr, err := unix.NewIfreq(tunName)
	if err == nil {
		ifr.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr)
	}
	if err == nil {
		err = configure(address)
	}
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), tunName), nil
}
