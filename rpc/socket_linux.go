//go:build linux && !race

package rpc

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// inquiry asks the kernel with each read how much is left after it, which saves the read that finds nothing.
type inquiry struct {
	on      bool // the kernel answers (4.18 and later)
	message unix.Msghdr
	piece   unix.Iovec
	control [inquiryBytes]byte
}

const (
	inquiryBytes = unix.SizeofCmsghdr + 8 // a header and an int, aligned
	inquiryLen   = unix.SizeofCmsghdr + 4
)

func (q *inquiry) inquire(fd int) {
	q.on = unix.SetsockoptInt(fd, unix.SOL_TCP, unix.TCP_INQ, 1) == nil
}

// read reads once; n is 0 when there is nothing. more: there may be more, or the end of the connection.
func (q *inquiry) read(fd int, room []byte) (n int, more bool, err error) {
	if !q.on {
		return readPlainly(fd, room)
	}
	room = room[:min(len(room), quickBytesMax)]
	q.piece.Base = &room[0]
	q.piece.SetLen(len(room))
	q.message = unix.Msghdr{Iov: &q.piece, Iovlen: 1, Control: &q.control[0]}
	q.message.SetControllen(len(q.control))
	for {
		r, _, errno := syscall.RawSyscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&q.message)), unix.MSG_DONTWAIT)
		if errno == unix.EINTR {
			continue
		}
		q.piece.Base = nil
		if errno != 0 {
			n, err = meaning(0, errno)
			return n, false, err
		}
		n, err = meaning(int(r), nil)
		return n, q.left() != 0, err
	}
}

// left is the kernel's answer; -1 when there is none.
func (q *inquiry) left() int32 {
	head := (*unix.Cmsghdr)(unsafe.Pointer(&q.control[0]))
	if q.message.Controllen < inquiryLen || head.Level != unix.SOL_TCP || head.Type != unix.TCP_CM_INQ {
		return -1
	}
	return *(*int32)(unsafe.Pointer(&q.control[unix.SizeofCmsghdr]))
}

func write(fd int, b []byte) (int, error) {
	if len(b) == 0 || len(b) > quickBytesMax {
		return syscall.Write(fd, b)
	}
	n, _, errno := syscall.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}
