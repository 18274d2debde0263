package report

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine is what a measurement was taken on. What the system does not tell is "unknown".
type Machine struct {
	CPU        string  `json:"cpu"` // model
	Cores      int     `json:"cores"`
	MemoryGB   float64 `json:"memory_gb"`
	Kernel     string  `json:"kernel"`
	Filesystem string  `json:"filesystem"` // of the data directory
	Load       string  `json:"load"`       // average of the last minute, before the measurement
}

const unknown = "unknown"

// LookAtMachine describes this machine; dataDir is an existing directory on the file system that data will lie on.
func LookAtMachine(dataDir string) Machine {
	m := Machine{CPU: unknown, Cores: runtime.NumCPU(), Kernel: unknown, Filesystem: unknown, Load: unknown}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		m.CPU = valueOf(text, "model name")
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load, _, _ = strings.Cut(string(text), " ")
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		kb, _ := strconv.ParseFloat(strings.TrimSuffix(valueOf(text, "MemTotal"), " kB"), 64) // 0: not told
		m.MemoryGB = kb / (1 << 20)
	}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		m.Kernel = fmt.Sprintf("%s %s", zeroEnded(name.Sysname[:]), zeroEnded(name.Release[:]))
	}
	dir, err := filepath.EvalSymlinks(dataDir)
	if err != nil {
		return m
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return m
	}
	if text, err := os.ReadFile("/proc/self/mountinfo"); err == nil {
		if kind, err := filesystemOf(text, dir); err == nil {
			m.Filesystem = kind
		}
	}
	return m
}

func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores, %.0f GB of memory, %s, data on %s", m.CPU, m.Cores, m.MemoryGB, m.Kernel, m.Filesystem)
}

func zeroEnded(text []byte) string {
	before, _, _ := bytes.Cut(text, []byte{0})
	return string(before)
}

// valueOf finds "name : value" in the text of /proc/cpuinfo or /proc/meminfo. Some architectures have no such line.
func valueOf(text []byte, name string) string {
	for _, line := range strings.Split(string(text), "\n") {
		key, value, found := strings.Cut(line, ":")
		if found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return unknown
}

// filesystemOf finds the type of the file system that holds an absolute path, in the text of /proc/self/mountinfo: "id parent
// major:minor root mountpoint options [tags ...] - type source options". Of mounts on the same place the last one is on top.
func filesystemOf(mountinfo []byte, path string) (string, error) {
	best, kind := "", ""
	for _, line := range strings.Split(string(mountinfo), "\n") {
		before, after, found := strings.Cut(line, " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !found || len(left) < 5 || len(right) < 1 {
			continue
		}
		mount := strings.ReplaceAll(left[4], `\040`, " ")
		inside := mount == "/" || path == mount || strings.HasPrefix(path, mount+"/")
		if inside && len(mount) >= len(best) {
			best, kind = mount, right[0]
		}
	}
	if kind == "" {
		return "", errors.New("report: no file system holds " + path)
	}
	return kind, nil
}
