package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pegasus-go/pegasus/bench"
)

// Ports of servers lie in the range from which the system takes the local ports of outgoing connections. One of those may hold
// a port without anybody listening on it, usually for a short while.
const (
	passingWait = 15 * time.Second
	passingPoll = 50 * time.Millisecond
)

// portFree tells whether the port can be listened on.
func portFree(host string, port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// awaitPort waits while a port is held by a passing connection. Whatever it finds, listening says the last word.
func awaitPort(host string, port int, wait time.Duration) {
	for end := time.Now().Add(wait); !portFree(host, port) && time.Now().Before(end); time.Sleep(passingPoll) {
		if bench.Listening(port) {
			return
		}
	}
}

// dyingWait bounds the wait for what a killed server holds: the kernel takes its time to end a process that is in the
// middle of a sync, and whoever starts the next one sees the old one as ended before that.
const dyingWait = 3 * time.Second

// awaitDying waits while somebody listens on a port; one who stays makes listening fail.
func awaitDying(port int) {
	for end := time.Now().Add(dyingWait); bench.Listening(port) && time.Now().Before(end); {
		time.Sleep(passingPoll)
	}
}

// checkPorts fails, before anything is started, when a port of the plan is taken; the error says by whom and what to do.
func checkPorts(p *plan, wait time.Duration) error {
	var taken []int
	for _, m := range p.Members {
		awaitPort("0.0.0.0", m.Port, wait)
		if !portFree("0.0.0.0", m.Port) {
			taken = append(taken, m.Port)
		}
	}
	if len(taken) == 0 {
		return nil
	}
	holders, err := bench.Listeners(taken)
	if err != nil {
		holders = nil // the system does not tell; the ports are taken all the same
	}
	var lines []string
	ours, passing := "", false
	for _, port := range taken {
		line := fmt.Sprintf("  port %d is in use", port)
		if !bench.Listening(port) {
			line += " by an outgoing connection that was given this local port; it may go away"
			passing = true
		}
		if pid := holders[port]; pid != 0 {
			words := commandOf(pid)
			line += fmt.Sprintf(" by process %d: %s", pid, shorten(strings.Join(words, " ")))
			if dir := oneboxOf(pid, words); dir != "" {
				ours = dir
			}
		}
		lines = append(lines, line)
	}
	advice := "Stop that program, or choose other ports with --meta-port and --replica-port (and another --dir)."
	if passing {
		advice += "\nTo keep the system from giving these ports to outgoing connections: sysctl -w net.ipv4.ip_local_reserved_ports=" + reserved(p)
	}
	if ours != "" {
		advice = fmt.Sprintf("Stop the other onebox with `%s onebox stop --dir %s`, or choose other ports with --meta-port and --replica-port (and another --dir).", os.Args[0], ours)
	}
	return fmt.Errorf("cannot listen:\n%s\n%s", strings.Join(lines, "\n"), advice)
}

// reserved lists the ports of a plan in the form of the system's list of reserved ports.
func reserved(p *plan) string {
	var list []string
	for _, m := range p.Members {
		list = append(list, strconv.Itoa(m.Port))
	}
	return strings.Join(list, ",")
}

// commandLineMax bounds what an error quotes of another program's command line.
const commandLineMax = 120

// commandOf returns the words of a process' command line.
func commandOf(pid int) []string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimRight(string(raw), "\x00"), "\x00")
}

func shorten(text string) string {
	if len(text) > commandLineMax {
		return text[:commandLineMax] + "…"
	}
	return text
}

// oneboxOf returns the directory of the onebox that a process belongs to, or "". The process is one of its servers, started
// with a configuration below the directory, or the onebox itself.
func oneboxOf(pid int, words []string) string {
	home, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil {
		return ""
	}
	dir := filepath.Join(home, oneboxDirDefault)
	for i, word := range words[:max(0, len(words)-1)] {
		switch word {
		case "--config":
			dir = filepath.Dir(filepath.Dir(words[i+1]))
		case "--dir":
			dir = words[i+1]
		}
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(home, dir)
	}
	if _, err := os.Stat(filepath.Join(dir, markerName)); err != nil {
		return ""
	}
	return dir
}
