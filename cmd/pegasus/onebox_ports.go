package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/pegasus-go/pegasus/bench"
)

// checkPorts fails, before anything is started, when a port of the plan is taken; the error says by whom and what to do.
func checkPorts(p *plan) error {
	var taken []int
	for _, m := range p.Members {
		l, err := net.Listen("tcp", net.JoinHostPort("0.0.0.0", strconv.Itoa(m.Port)))
		if err != nil {
			taken = append(taken, m.Port)
			continue
		}
		l.Close()
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
