package rpc

import (
	"io"
	"os"
	"syscall"
)

// socket is a connection as the system calls see it. Those never block. The ones that are also quick are made, on Linux, without
// telling the Go scheduler: being told costs more than a small read does, since it wakes the thread which looks after calls that
// block.
type socket struct {
	raw syscall.RawConn
	inquiry
}

// quickBytesMax is how much one call may move without the scheduler knowing; a garbage collection waits for it.
const quickBytesMax = 32 << 10

func newSocket(conn syscall.Conn) (*socket, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &socket{raw: raw}
	return s, raw.Control(func(fd uintptr) { s.inquire(int(fd)) })
}

// receive reads for as long as the connection lasts and returns why it ended. After each read it calls got with the number
// of bytes; got returns the length of the frame at the start of data, as far as it is known. It must not close the connection
// and wait for that: it is being read.
func (s *socket) receive(b *inbox, got func(n int) (need int, err error)) error {
	need := 0
	var failed error
	err := s.raw.Read(func(fd uintptr) bool {
		for more := true; more; {
			var room []byte
			if room, failed = b.room(need); failed != nil {
				return true
			}
			var n int
			if n, more, failed = s.read(int(fd), room); failed != nil {
				return true
			}
			if n == 0 {
				break
			}
			b.w += n
			if need, failed = got(n); failed != nil {
				return true
			}
		}
		return false
	})
	if failed != nil {
		return failed
	}
	return err
}

// meaning is what a call of the read family says: data, nothing now, or the end.
func meaning(n int, err error) (int, error) {
	switch {
	case err == syscall.EAGAIN:
		return 0, nil
	case err != nil:
		return 0, os.NewSyscallError("read", err)
	case n <= 0:
		return 0, io.EOF
	}
	return n, nil
}

// readPlainly reads; more is always true, since only a read that finds nothing shows that there is nothing.
func readPlainly(fd int, room []byte) (n int, more bool, err error) {
	for {
		n, err := syscall.Read(fd, room)
		if err != syscall.EINTR {
			n, err = meaning(n, err)
			return n, true, err
		}
	}
}
