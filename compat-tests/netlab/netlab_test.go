//go:build linux

package netlab

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func newLab(t *testing.T) *Lab {
	t.Helper()
	if err := Check(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	lab := New()
	t.Cleanup(lab.Close)
	return lab
}

func newHost(t *testing.T, lab *Lab, name string) *Host {
	t.Helper()
	h, err := lab.Host(name)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// echo serves on a host until the test ends.
func echo(t *testing.T, h *Host) string {
	t.Helper()
	var l net.Listener
	err := h.Do(func() (err error) { l, err = net.Listen("tcp", h.Addr+":7"); return err })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer conn.Close(); _, _ = io.Copy(conn, conn) }()
		}
	}()
	return l.Addr().String()
}

// ask sends a word from a host and waits for its echo.
func ask(h *Host, addr string, within time.Duration) error {
	return h.Do(func() error {
		conn, err := net.DialTimeout("tcp", addr, within)
		if err != nil {
			return err
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(within))
		if _, err := conn.Write([]byte("hello")); err != nil {
			return err
		}
		_, err = io.ReadFull(conn, make([]byte, 5))
		return err
	})
}

const (
	longEnough = 30 * time.Second
	tooLong    = 300 * time.Millisecond // for an answer over a cut link
)

func TestHostsReachEachOtherAndThemselves(t *testing.T) {
	lab := newLab(t)
	a, b := newHost(t, lab, "a"), newHost(t, lab, "b")
	addr := echo(t, b)
	for _, h := range []*Host{a, b} {
		if err := ask(h, addr, longEnough); err != nil {
			t.Errorf("from %s: %v", h.Name, err)
		}
	}
	if err := ask(&Host{lab: Loopback()}, addr, tooLong); err == nil {
		t.Error("a host is reached from outside of the lab")
	}
}

func TestLinks(t *testing.T) {
	lab := newLab(t)
	a, b := newHost(t, lab, "a"), newHost(t, lab, "b")
	addr := echo(t, b)
	for name, link := range map[string]Link{
		"lossy":      {Loss: 0.2},
		"slow":       {Delay: 20 * time.Millisecond, Jitter: 20 * time.Millisecond},
		"duplicates": {Duplicate: 0.5},
	} {
		lab.SetLink(a, b, link)
		if err := ask(a, addr, longEnough); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, direction := range [][2]*Host{{a, b}, {b, a}} {
		lab.SetLink(a, b, Link{})
		lab.SetLink(b, a, Link{})
		lab.SetLink(direction[0], direction[1], Link{Cut: true})
		var timeout net.Error
		if err := ask(a, addr, tooLong); !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("over a link cut from %s to %s: %v", direction[0].Name, direction[1].Name, err)
		}
	}
	lab.SetLink(b, a, Link{})
	if err := ask(a, addr, longEnough); err != nil {
		t.Errorf("healed: %v", err)
	}
	if c := lab.Traffic(); c.Cut == 0 || c.Delayed == 0 || c.Delivered == 0 {
		t.Errorf("traffic: %+v", c)
	}
}

func TestFullDisk(t *testing.T) {
	lab := newLab(t)
	h := newHost(t, lab, "a")
	dir := t.TempDir()
	if err := h.MountTmpfs(dir, 1<<20); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	err := h.OnThread(func() error { return os.WriteFile(file, make([]byte, 2<<20), 0o600) })
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("2 MiB into 1 MiB: %v", err)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the mount is seen outside: %v", err)
	}
	// A process of the host sees it.
	cmd := exec.Command("test", "-e", file)
	if err := errors.Join(h.Start(cmd), cmd.Wait()); err != nil {
		t.Errorf("a process of the host does not see the mount: %v", err)
	}
}

func TestProcessesEndWithTheLab(t *testing.T) {
	lab := newLab(t)
	h := newHost(t, lab, "a")
	cmd := exec.Command("sleep", "600")
	if err := h.Start(cmd); err != nil {
		t.Fatal(err)
	}
	lab.Close()
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("how it ended: %v", err)
	}
}
