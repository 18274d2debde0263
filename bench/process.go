package bench

import (
	"bytes"
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
	"time"
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

// ticksPerSecond is the unit of CPU times in /proc/<pid>/stat. The kernel reports them in USER_HZ, which is 100 on every
// architecture Go runs on.
const ticksPerSecond = 100

// usage is what a set of processes has used so far.
type usage struct {
	cpu      time.Duration // user and system
	rssBytes int64
}

// processUsage adds up the CPU time and the resident memory of processes.
func processUsage(pids []int) (usage, error) {
	var sum usage
	for _, pid := range pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return usage{}, fmt.Errorf("bench: CPU time of process %d: %w", pid, err)
		}
		one, err := parseStat(stat)
		if err != nil {
			return usage{}, fmt.Errorf("bench: CPU time of process %d: %w", pid, err)
		}
		sum.cpu += one.cpu
		sum.rssBytes += one.rssBytes
	}
	return sum, nil
}

// parseStat reads one /proc/<pid>/stat: "pid (name) state ppid ...", where the name may hold spaces and brackets.
func parseStat(stat []byte) (usage, error) {
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return usage{}, fmt.Errorf("no process name in %q", stat)
	}
	fields := strings.Fields(string(stat[end+1:]))
	const user, system, rss = 14 - 3, 15 - 3, 24 - 3 // counted as in proc(5), less the two fields before the bracket
	if len(fields) <= rss {
		return usage{}, fmt.Errorf("only %d fields in %q", len(fields), stat)
	}
	var values [3]int64
	for i, field := range []int{user, system, rss} {
		v, err := strconv.ParseInt(fields[field], 10, 64)
		if err != nil {
			return usage{}, err
		}
		values[i] = v
	}
	cpu := time.Duration(values[0]+values[1]) * (time.Second / ticksPerSecond)
	return usage{cpu: cpu, rssBytes: values[2] * int64(os.Getpagesize())}, nil
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
