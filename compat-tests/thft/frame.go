package thft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

const (
	headerBytesV0 = 48
	messageCall   = 0x80010001
	messageReply  = 0x80010002
	replyBytesMax = 64 << 20
)

// Header is what the client says about a request outside of its body. A nil ThreadHash sends the usual
// app_id*7919 + partition.
type Header struct {
	Version       int // 0 or 1
	AppID         int32
	Partition     int32
	TimeoutMs     int32
	ThreadHash    *int32
	PartitionHash uint64
	Backup        bool // version 1 only
}

// Body is a TMessage begin followed by args, the argument struct with its final STOP.
func Body(name string, seq int32, args []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, messageCall)
	b = binary.BigEndian.AppendUint32(b, uint32(len(name)))
	b = append(b, name...)
	b = binary.BigEndian.AppendUint32(b, uint32(seq))
	return append(b, args...)
}

// Frame puts the header in front of a body.
func (h Header) Frame(body []byte) []byte {
	if h.Version == 1 {
		return h.frameV1(body)
	}
	hash := h.AppID*7919 + h.Partition
	if h.ThreadHash != nil {
		hash = *h.ThreadHash
	}
	b := append([]byte("THFT"), make([]byte, headerBytesV0-4)...)
	for at, v := range map[int]uint32{8: headerBytesV0, 16: uint32(len(body)), 24: uint32(h.AppID),
		28: uint32(h.Partition), 32: uint32(h.TimeoutMs), 36: uint32(hash)} {
		binary.BigEndian.PutUint32(b[at:], v)
	}
	binary.BigEndian.PutUint64(b[40:], h.PartitionHash)
	return append(b, body...)
}

func (h Header) frameV1(body []byte) []byte {
	var meta Args
	meta.I32(1, h.AppID).I32(2, h.Partition).I32(3, h.TimeoutMs).I64(4, int64(h.PartitionHash)).Bool(5, h.Backup).Stop()
	b := append([]byte("THFT"), 0, 0, 0, 1)
	b = binary.BigEndian.AppendUint32(b, uint32(len(meta)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	return append(append(b, meta...), body...)
}

// Reply is one answer: the frame's error name, the message header, and the result struct that follows it.
type Reply struct {
	Err  string
	Name string
	Seq  int32
	Body []byte
}

// ParseReply takes a whole frame, its length prefix included.
func ParseReply(frame []byte) (Reply, error) {
	d := Decoder{b: frame}
	total := d.i32()
	r := Reply{Err: string(d.bytes())}
	kind := uint32(d.i32())
	r.Name = string(d.bytes())
	r.Seq = d.i32()
	r.Body = d.b
	switch {
	case d.err != nil:
		return r, d.err
	case int(total) != len(frame):
		return r, fmt.Errorf("frame of %d bytes says it has %d", len(frame), total)
	case kind != messageReply:
		return r, fmt.Errorf("message type %#x instead of a reply", kind)
	}
	return r, nil
}

// Conn is one connection, used by one goroutine.
type Conn struct {
	net.Conn
	timeout time.Duration
	seq     int32
}

func Dial(addr string, timeout time.Duration) (*Conn, error) {
	c, err := net.DialTimeout("tcp", addr, timeout)
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: c, timeout: timeout}, nil
}

// Exchange writes a whole frame and reads one answer.
func (c *Conn) Exchange(frame []byte) (Reply, error) {
	if err := c.Send(frame); err != nil {
		return Reply{}, err
	}
	return c.Receive()
}

func (c *Conn) Send(frame []byte) error {
	_ = c.SetWriteDeadline(time.Now().Add(c.timeout))
	_, err := c.Write(frame)
	return err
}

// ErrNoAnswer says that nothing arrived in time although the connection stands.
var ErrNoAnswer = errors.New("no answer")

// Receive reads the next answer. io.EOF or a reset says that the server closed the connection.
func (c *Conn) Receive() (Reply, error) {
	_ = c.SetReadDeadline(time.Now().Add(c.timeout))
	frame := make([]byte, 4)
	if n, err := io.ReadFull(c, frame); err != nil {
		var timeout net.Error
		if n == 0 && errors.As(err, &timeout) && timeout.Timeout() {
			return Reply{}, ErrNoAnswer
		}
		return Reply{}, err
	}
	total := binary.BigEndian.Uint32(frame)
	if total < 4 || total > replyBytesMax {
		return Reply{}, fmt.Errorf("answer of %d bytes", total)
	}
	frame = append(frame, make([]byte, total-4)...)
	if _, err := io.ReadFull(c, frame[4:]); err != nil {
		return Reply{}, err
	}
	return ParseReply(frame)
}

// Call sends a well-formed request and checks that the answer belongs to it.
func (c *Conn) Call(name string, h Header, args []byte) (Reply, error) {
	c.seq++
	if h.TimeoutMs == 0 {
		h.TimeoutMs = int32(c.timeout / time.Millisecond)
	}
	r, err := c.Exchange(h.Frame(Body(name, c.seq, args)))
	if err == nil && (r.Name != name+"_ACK" || r.Seq != c.seq) {
		return r, fmt.Errorf("asked %s %d, answered %s %d", name, c.seq, r.Name, r.Seq)
	}
	return r, err
}
