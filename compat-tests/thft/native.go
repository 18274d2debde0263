package thft

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"time"
)

// The native header is the memory image of a C struct: 192 bytes, little endian.
const (
	nativeHeaderBytes = 192
	contextRequest    = 0x441 // request, thrift binary, forwarding supported
	contextReply      = 0x440
)

// Native is a request as the C++ client sends it; bodies hold their value in field 0.
type Native struct {
	Name          string
	ID, TraceID   uint64
	AppID         int32
	Partition     int32
	PartitionHash uint64
	ThreadHash    int32
	Body          []byte
	Checksums     bool // write both checksums; otherwise they are 0 and not looked at
}

// Frame is the request on the wire.
func (n Native) Frame() []byte {
	h := make([]byte, nativeHeaderBytes)
	le := binary.LittleEndian
	copy(h, "RDSN")
	le.PutUint32(h[8:], nativeHeaderBytes)
	le.PutUint32(h[16:], uint32(len(n.Body)))
	le.PutUint64(h[24:], n.ID)
	le.PutUint64(h[32:], n.TraceID)
	copy(h[40:87], n.Name)
	le.PutUint32(h[96:], uint32(n.AppID))
	le.PutUint32(h[100:], uint32(n.Partition))
	le.PutUint64(h[104:], contextRequest)
	le.PutUint64(h[112:], 0x7f00000100010001) // 127.0.0.1 port 1: a pure client
	le.PutUint32(h[120:], 5000)
	le.PutUint32(h[124:], uint32(n.ThreadHash))
	le.PutUint64(h[128:], n.PartitionHash)
	if n.Checksums {
		castagnoli := crc32.MakeTable(crc32.Castagnoli)
		le.PutUint32(h[20:], crc32.Checksum(n.Body, castagnoli))
		le.PutUint32(h[12:], crc32.Checksum(h, castagnoli))
	}
	return append(h, n.Body...)
}

// ExchangeNative sends a request and reads its answer, which must carry the request's marks.
func (c *Conn) ExchangeNative(n Native) (Reply, error) {
	if err := c.Send(n.Frame()); err != nil {
		return Reply{}, err
	}
	_ = c.SetReadDeadline(time.Now().Add(c.timeout))
	h := make([]byte, nativeHeaderBytes)
	if _, err := io.ReadFull(c, h); err != nil {
		return Reply{}, err
	}
	le := binary.LittleEndian
	size := le.Uint32(h[16:])
	if size > replyBytesMax {
		return Reply{}, fmt.Errorf("answer of %d bytes", size)
	}
	r := Reply{Err: cString(h[136:184]), Name: cString(h[40:88]), Seq: int32(le.Uint64(h[24:])), Body: make([]byte, size)}
	if _, err := io.ReadFull(c, r.Body); err != nil {
		return r, err
	}
	switch {
	case string(h[:4]) != "RDSN", le.Uint32(h[8:]) != nativeHeaderBytes, le.Uint64(h[104:]) != contextReply:
		return r, fmt.Errorf("header %x", h)
	case le.Uint64(h[24:]) != n.ID, le.Uint64(h[32:]) != n.TraceID, int32(le.Uint32(h[96:])) != n.AppID, r.Name != n.Name+"_ACK":
		return r, fmt.Errorf("the answer belongs to another request: header %x", h)
	}
	return r, checksums(h, r.Body)
}

// checksums that are 0 were not written.
func checksums(h, body []byte) error {
	le, castagnoli := binary.LittleEndian, crc32.MakeTable(crc32.Castagnoli)
	headerSum, bodySum := le.Uint32(h[12:]), le.Uint32(h[20:])
	le.PutUint32(h[12:], 0)
	if headerSum != 0 && crc32.Checksum(h, castagnoli) != headerSum {
		return fmt.Errorf("wrong checksum of the header")
	}
	if bodySum != 0 && crc32.Checksum(body, castagnoli) != bodySum {
		return fmt.Errorf("wrong checksum of the body")
	}
	return nil
}

func cString(b []byte) string {
	if at := bytes.IndexByte(b, 0); at >= 0 {
		b = b[:at]
	}
	return string(b)
}
