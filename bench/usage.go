package bench

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is the unit of CPU times in /proc/<pid>/stat. The kernel reports them in USER_HZ, which is 100 on every
// architecture Go runs on.
const ticksPerSecond = 100

// Usage is what a set of processes has used so far.
type Usage struct {
	CPU      time.Duration // user and system
	RSSBytes int64

	// Calls counts system calls of the read and write families, on sockets and files alike (recv, send, futex, epoll_wait and
	// fdatasync are not among them). Switches counts how often a thread gave up its core to wait. Both are -1 where the
	// kernel does not tell, which is so for processes of other users.
	Calls    int64
	Switches int64
}

// ProcessUsage adds up what processes of this machine have used. It fails when one of them is gone.
func ProcessUsage(pids []int) (Usage, error) {
	var sum Usage
	for _, pid := range pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return Usage{}, fmt.Errorf("bench: CPU time of process %d: %w", pid, err)
		}
		one, err := parseStat(stat)
		if err != nil {
			return Usage{}, fmt.Errorf("bench: CPU time of process %d: %w", pid, err)
		}
		sum.CPU += one.CPU
		sum.RSSBytes += one.RSSBytes
		sum.Calls = addKnown(sum.Calls, callsOf(pid))
		sum.Switches = addKnown(sum.Switches, switchesOf(pid))
	}
	return sum, nil
}

// addKnown adds two counts, -1 standing for one that is not known.
func addKnown(a, b int64) int64 {
	if a < 0 || b < 0 {
		return -1
	}
	return a + b
}

// Difference is what was used between an earlier look and this one, without the memory, which is not a sum.
func (u Usage) Difference(before Usage) Usage {
	d := Usage{CPU: u.CPU - before.CPU, Calls: -1, Switches: -1}
	if u.Calls >= 0 && before.Calls >= 0 {
		d.Calls = u.Calls - before.Calls
	}
	if u.Switches >= 0 && before.Switches >= 0 {
		d.Switches = u.Switches - before.Switches
	}
	return d
}

// parseStat reads CPU time and memory of one /proc/<pid>/stat: "pid (name) state ppid ...", where the name may hold spaces and
// brackets.
func parseStat(stat []byte) (Usage, error) {
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return Usage{}, fmt.Errorf("no process name in %q", stat)
	}
	fields := strings.Fields(string(stat[end+1:]))
	const user, system, rss = 14 - 3, 15 - 3, 24 - 3 // counted as in proc(5), less the two fields before the bracket
	if len(fields) <= rss {
		return Usage{}, fmt.Errorf("only %d fields in %q", len(fields), stat)
	}
	var values [3]int64
	for i, field := range []int{user, system, rss} {
		v, err := strconv.ParseInt(fields[field], 10, 64)
		if err != nil {
			return Usage{}, err
		}
		values[i] = v
	}
	cpu := time.Duration(values[0]+values[1]) * (time.Second / ticksPerSecond)
	return Usage{CPU: cpu, RSSBytes: values[2] * int64(os.Getpagesize())}, nil
}

// callsOf is the number of read and write calls of a process, from /proc/<pid>/io.
func callsOf(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	if err != nil {
		return -1
	}
	reads, err := parseCount(text, "syscr")
	writes, err2 := parseCount(text, "syscw")
	if errors.Join(err, err2) != nil {
		return -1
	}
	return reads + writes
}

// switchesOf is the number of voluntary context switches of all threads of a process; /proc/<pid>/status would tell those of
// its first thread alone. What threads did that have ended is lost.
func switchesOf(pid int) int64 {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(files) == 0 {
		return -1
	}
	var sum int64
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // a thread that ended meanwhile
		}
		count, err := parseCount(text, "voluntary_ctxt_switches")
		if err != nil {
			return -1
		}
		sum += count
	}
	return sum
}

// parseCount finds "name: number" among the lines of a file of /proc.
func parseCount(text []byte, name string) (int64, error) {
	for _, line := range strings.Split(string(text), "\n") {
		key, value, found := strings.Cut(line, ":")
		if found && key == name {
			return strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		}
	}
	return 0, fmt.Errorf("no line %s", name)
}

// MachineTimes returns how long all cores of this machine worked since it started, and how long they were there.
func MachineTimes() (busy, all time.Duration, err error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, err
	}
	return parseMachineTimes(text)
}

// parseMachineTimes reads the first line of /proc/stat: "cpu user nice system idle iowait irq softirq steal guest ...", where the
// time of guests is part of user. Time that the hypervisor gave to others counts as busy.
func parseMachineTimes(text []byte) (busy, all time.Duration, err error) {
	line, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(line)
	const times, idle, iowait = 8, 3, 4
	if len(fields) < 1+times || fields[0] != "cpu" {
		return 0, 0, fmt.Errorf("no times of all cores in %.100q", line)
	}
	for i, field := range fields[1 : 1+times] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, 0, err
		}
		spent := time.Duration(ticks) * (time.Second / ticksPerSecond)
		all += spent
		if i != idle && i != iowait {
			busy += spent
		}
	}
	return busy, all, nil
}
