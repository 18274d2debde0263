package rpc

import (
	"io"
	"os"
	"syscall"
)

// socket is a connection as the system calls see it. Those never block. The quick ones are made, on Linux, without telling the Go
// scheduler: being told costs more than a small read does, since it wakes the thread that looks after calls which block. It has one
// reader at a time, and one writer.
type socket struct {
	raw syscall.RawConn

	reading, writing func(fd uintptr) bool // made once
	in, out          transfer
}

// transfer is a read or a write in progress.
type transfer struct {
	b   []byte
	n   int
	err error
}

// quickBytesMax is how much one call may move without the scheduler knowing; a garbage collection waits for it.
const quickBytesMax = 32 << 10

func newSocket(conn syscall.Conn) (*socket, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &socket{raw: raw}
	s.reading = func(fd uintptr) bool {
		s.in.n, s.in.err = repeated(read, int(fd), s.in.b)
		return s.in.err != syscall.EAGAIN // otherwise we are called again when something is there
	}
	s.writing = func(fd uintptr) bool {
		s.out.n, s.out.err = repeated(write, int(fd), s.out.b)
		return true
	}
	return s, nil
}

// repeated repeats a call that a signal interrupted.
func repeated(call func(fd int, b []byte) (int, error), fd int, b []byte) (n int, err error) {
	for {
		if n, err = call(fd, b); err != syscall.EINTR {
			return n, err
		}
	}
}

// Read implements io.Reader: it waits for bytes, the end, or the connection's read deadline.
func (s *socket) Read(p []byte) (int, error) {
	s.in = transfer{b: p}
	err := s.raw.Read(s.reading)
	done := s.in
	s.in.b = nil
	switch {
	case err != nil:
		return 0, err
	case done.err != nil:
		return 0, os.NewSyscallError("read", done.err)
	case done.n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	return done.n, nil
}

// tryWrite writes what the connection takes without waiting; 0 and no error when that is nothing.
func (s *socket) tryWrite(p []byte) (int, error) {
	s.out = transfer{b: p}
	err := s.raw.Write(s.writing)
	done := s.out
	s.out.b = nil
	switch {
	case err != nil:
		return 0, err
	case done.err == syscall.EAGAIN:
		return 0, nil
	case done.err != nil:
		return 0, os.NewSyscallError("write", done.err)
	}
	return done.n, nil
}
