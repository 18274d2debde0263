//go:build linux

package netlab

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	tunName  = "lab0"
	mtuBytes = 9000
)

// ErrClosed is what a closed host answers.
var ErrClosed = errors.New("netlab: the host is closed")

// Host is one machine of a lab.
type Host struct {
	Name string
	Addr string // without a port

	lab   *Lab
	index byte // last byte of the address
	tasks chan task
	space *os.File // the network namespace
	tun   *os.File
}

type task struct {
	run  func() error
	done chan error
}

// open starts the thread that belongs to the host. It lives as long as the host, because processes die with the thread that
// started them.
func (h *Host) open() error {
	ready := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := h.enter()
		ready <- err
		if err != nil {
			return
		}
		for t := range h.tasks {
			t.done <- t.run()
		}
	}()
	if err := <-ready; err != nil || !h.lab.isolated {
		return err
	}
	h.lab.network.connect(h.index, h.tun)
	return nil
}

// enter gives the calling thread namespaces of its own.
func (h *Host) enter() error {
	if !h.lab.isolated {
		return nil
	}
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_FS); err != nil {
		return fmt.Errorf("new namespaces (they need root): %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	var err error
	if h.space, err = os.Open("/proc/thread-self/ns/net"); err != nil {
		return err
	}
	h.tun, err = openTun(h.Addr)
	return err
}

func (h *Host) close() {
	close(h.tasks)
	if h.lab.isolated {
		_ = h.tun.Close()
		_ = h.space.Close()
	}
}

// OnThread runs f on the host's own thread, which sees the host's network and mounts. It must not take long.
func (h *Host) OnThread(f func() error) error {
	t := task{run: f, done: make(chan error, 1)}
	h.tasks <- t
	return <-t.done
}

// Start starts a process on the host. It is killed when the host or this process ends.
func (h *Host) Start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	cmd.SysProcAttr.Setpgid = true // the terminal's Ctrl-C is for the test only
	return h.OnThread(cmd.Start)
}

// Do runs f on a thread of its own in the host's network; sockets that f itself opens belong there, those of goroutines it
// starts do not.
func (h *Host) Do(f func() error) error {
	if !h.lab.isolated {
		return f()
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked
		if err := unix.Setns(int(h.space.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("netlab: enter host %s: %w", h.Name, err)
			return
		}
		done <- f()
	}()
	return <-done
}

// MountTmpfs puts a file system of a fixed size on a directory, for this host only.
func (h *Host) MountTmpfs(dir string, bytes int64) error {
	if !h.lab.isolated {
		return errors.New("netlab: no mounts on the loopback")
	}
	return h.OnThread(func() error {
		return unix.Mount("netlab", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0755", bytes))
	})
}

// SetSysctl writes a key of /proc/sys/net of the host.
func (h *Host) SetSysctl(key, value string) error {
	if !h.lab.isolated {
		return errors.New("netlab: no settings on the loopback")
	}
	return h.OnThread(func() error { return os.WriteFile("/proc/sys/net/"+key, []byte(value), 0o644) })
}

// configure gives the device of the calling thread's namespace its address.
func configure(address string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return err
	}
	for _, step := range []struct {
		device string
		call   uint
		fill   func(*unix.Ifreq) error
	}{
		{tunName, unix.SIOCSIFADDR, func(r *unix.Ifreq) error { return r.SetInet4Addr(ip.AsSlice()) }},
		{tunName, unix.SIOCSIFNETMASK, func(r *unix.Ifreq) error { return r.SetInet4Addr([]byte{255, 255, 255, 0}) }},
		{tunName, unix.SIOCSIFMTU, func(r *unix.Ifreq) error { r.SetUint32(mtuBytes); return nil }},
		{tunName, unix.SIOCSIFFLAGS, up},
		{"lo", unix.SIOCSIFFLAGS, up},
	} {
		r, err := unix.NewIfreq(step.device)
		if err == nil {
			err = step.fill(r)
		}
		if err == nil {
			err = unix.IoctlIfreq(fd, step.call, r)
		}
		if err != nil {
			return fmt.Errorf("set up %s: %w", step.device, err)
		}
	}
	return nil
}

func up(r *unix.Ifreq) error { r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING); return nil }
