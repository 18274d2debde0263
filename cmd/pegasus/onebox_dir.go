package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Files a onebox keeps in its directory, beside one directory per server.
const (
	lockFileName  = "LOCK"        // locked while a `pegasus onebox` runs here
	pidSuffix     = ".pid"        // <server>.pid, written with --processes
	oneboxPidName = "onebox.pid"  // the supervisor itself
	oneboxLogName = "onebox.log"  // its log, and that of all servers when they share its process
	markerName    = ".onebox"     // says that --clean may remove what is here
	metaStateName = "meta-state"  // the metas' embedded store
	serverLogName = "pegasus.log" // in the directory of a server
)

// lockDir makes the directory, marks it as a onebox's and locks it. Only the release of the returned file unlocks it.
func lockDir(dir string) (*os.File, error) {
	if err := refuseForeignDir(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("onebox directory: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, markerName), []byte("made by pegasus onebox\n"), 0o644); err != nil {
		return nil, fmt.Errorf("onebox directory: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, lockFileName), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("onebox directory: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		file.Close()
		who := ""
		if pid := readPid(filepath.Join(dir, oneboxPidName)); pid != 0 {
			who = fmt.Sprintf(" (process %d)", pid)
		}
		return nil, fmt.Errorf("another onebox%s runs in %s: stop it with `pegasus onebox stop --dir %s`, or choose another --dir with other ports", who, dir, dir)
	}
	return file, nil
}

// refuseForeignDir fails when dir holds files but no onebox ever ran there: it may be somebody's home, and --clean would
// remove what is in it.
func refuseForeignDir(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || (err == nil && len(entries) == 0) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("onebox directory: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, markerName)); err != nil {
		return fmt.Errorf("%s holds files but is not the directory of a onebox: choose another --dir", dir)
	}
	return nil
}

// cleanDir removes everything a onebox left, except the lock that is held.
func cleanDir(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("clean: %w", err)
	}
	for _, entry := range entries {
		if entry.Name() == lockFileName || entry.Name() == markerName {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return fmt.Errorf("clean: %w", err)
		}
	}
	return nil
}

// writePid records a process beside the data.
func writePid(path string, pid int) error {
	return os.WriteFile(path, []byte(strconv.Itoa(pid)+"\n"), 0o644)
}

// readPid returns the recorded process if it still runs and is a pegasus, else 0. Process ids are reused, so the name of the
// program is checked where the system tells it.
func readPid(path string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 0 || unix.Kill(pid, 0) != nil {
		return 0
	}
	if isZombie(pid) {
		return 0
	}
	own, err := os.Executable()
	if err != nil {
		return pid
	}
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return pid
	}
	program, _, _ := strings.Cut(string(cmdline), "\x00")
	if base := filepath.Base(program); base != filepath.Base(own) && base != "pegasus" {
		return 0
	}
	return pid
}

// isZombie tells whether a process ended and only waits for its parent to notice.
func isZombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	end := strings.LastIndexByte(string(stat), ')')
	return end >= 0 && strings.HasPrefix(string(stat[end+1:]), " Z")
}
