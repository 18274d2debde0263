package bench

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// ErrNoProcFS is returned where the operating system has no /proc to read.
var ErrNoProcFS = errors.New("bench: no /proc on this system")

// tcpListen is the state of a listening socket in /proc/net/tcp.
const tcpListen = "0A"

// Listeners returns the process ids that listen on the given TCP ports of this machine, by port. Ports nobody listens
// on, or whose process belongs to another user and cannot be seen, are missing.
func Listeners(ports []int) (map[int]int, error) {
	inodes := map[string]int{}
	for _, table := range listenTables {
		text, err := os.ReadFile(table)
		if err != nil {
			continue // no IPv6, or no /proc at all, which the next step finds out
		}
		listeningInodes(text, ports, inodes)
	}
	fds, err := filepath.Glob("/proc/[0-9]*/fd/[0-9]*")
	if err != nil || len(fds) == 0 {
		return nil, ErrNoProcFS
	}
	found := map[int]int{}
	for _, fd := range fds {
		if len(found) == len(ports) {
			break
		}
		target, err := os.Readlink(fd)
		if err != nil {
			continue // closed meanwhile
		}
		inode, isSocket := strings.CutPrefix(target, "socket:[")
		port, known := inodes[strings.TrimSuffix(inode, "]")]
		if !isSocket || !known {
			continue
		}
		if pid, err := strconv.Atoi(strings.Split(fd, "/")[2]); err == nil {
			found[port] = pid
		}
	}
	return found, nil
}

// Listening tells whether any process of this machine listens on a TCP port.
func Listening(port int) bool {
	inodes := map[string]int{}
	for _, table := range listenTables {
		if text, err := os.ReadFile(table); err == nil {
			listeningInodes(text, []int{port}, inodes)
		}
	}
	return len(inodes) > 0
}

// listenTables are where the system lists TCP sockets.
var listenTables = []string{"/proc/net/tcp", "/proc/net/tcp6"}

// listeningInodes adds the socket inodes of the ports that are listened on in a /proc/net/tcp table.
func listeningInodes(table []byte, ports []int, inodes map[string]int) {
	for _, line := range strings.Split(string(table), "\n") {
		fields := strings.Fields(line)
		if len(fields) < 10 || fields[3] != tcpListen {
			continue
		}
		_, hexPort, ok := strings.Cut(fields[1], ":")
		if !ok {
			continue
		}
		port, err := hex.DecodeString(hexPort)
		if err != nil || len(port) != 2 {
			continue
		}
		for _, want := range ports {
			if int(binary.BigEndian.Uint16(port)) == want {
				inodes[fields[9]] = want
			}
		}
	}
}

// isOwnAddress tells whether an interface of this machine has the address.
func isOwnAddress(addr netip.Addr) bool {
	own, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range own {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr() == addr {
			return true
		}
	}
	return false
}

// serverProcesses finds the processes behind the given "ip:port" addresses. It fails when an address is not of this machine.
func serverProcesses(addresses []string) ([]int, error) {
	var ports []int
	for _, text := range addresses {
		addr, err := netip.ParseAddrPort(text)
		if err != nil {
			return nil, fmt.Errorf("bench: server address %q: %w", text, err)
		}
		if !addr.Addr().IsLoopback() && !isOwnAddress(addr.Addr()) {
			return nil, fmt.Errorf("bench: %s is another machine", text)
		}
		ports = append(ports, int(addr.Port()))
	}
	byPort, err := Listeners(ports)
	if err != nil {
		return nil, err
	}
	unique := map[int]bool{}
	for _, port := range ports {
		pid, found := byPort[port]
		if !found {
			return nil, fmt.Errorf("bench: cannot see the process that listens on port %d", port)
		}
		unique[pid] = true
	}
	pids := make([]int, 0, len(unique))
	for pid := range unique {
		pids = append(pids, pid)
	}
	sort.Ints(pids)
	return pids, nil
}
