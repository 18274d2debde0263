package main

import (
	"fmt"
	"net"
	"os"
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
func awaitPort(host string, port int) {
	for end := time.Now().Add(passingWait); !portFree(host, port) && time.Now().Before(end); time.Sleep(passingPoll) {
		if bench.Listening(port) {
			return
		}
	}
}

// checkPorts fails, before anything is started, when a port of the plan is taken; the error says by whom and what to do.
func checkPorts(p *plan) error {
	var taken []int
	for _, m := range p.Members {
		awaitPort("0.0.0.0", m.Port)
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
	ours := false
	for _, port := range taken {
		line := fmt.Sprintf("  port %d is in use", port)
		if !bench.Listening(port) {
			line += " by a connection that happens to have this local port; it may go away"
		}
		if pid := holders[port]; pid != 0 {
			command := commandOf(pid)
			ours = ours || strings.Contains(command, "pegasus")
			line += fmt.Sprintf(" by process %d: %s", pid, command)
		}
		lines = append(lines, line)
	}
	advice := "Stop that program, or choose other ports with --meta-port and --replica-port (and another --dir)."
	if ours {
		advice = "Stop the other onebox with `pegasus onebox stop --dir DIR`, or choose other ports with --meta-port and --replica-port (and another --dir)."
	}
	return fmt.Errorf("cannot listen:\n%s\n%s", strings.Join(lines, "\n"), advice)
}

// commandLineMax bounds what an error quotes of another program's command line.
const commandLineMax = 120

func commandOf(pid int) string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return "?"
	}
	text := strings.TrimSpace(strings.ReplaceAll(string(raw), "\x00", " "))
	if len(text) > commandLineMax {
		text = text[:commandLineMax] + "…"
	}
	return text
}
