package zkmeta

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Codes of ZooKeeper's protocol that are needed to read many nodes with one request.
const (
	zkGetData      = 4
	zkSync         = 9
	zkMultiRead    = 22 // since ZooKeeper 3.6
	zkCloseSession = -11
	zkErrorResult  = -1
	zkErrNoNode    = -101

	zkStatBytes = 68
)

// multiReader reads many nodes with one request, which the client in use cannot. It has a connection and a session of
// its own, because a server that does not know the request ends the session that makes it.
//
// It sees all that was written before it was opened: the server has answered a sync after that.
type multiReader struct {
	conn     net.Conn
	in       *bufio.Reader
	patience time.Duration // for one answer
	detach   func() bool   // from the context that closes the connection
	frame    []byte        // the last answer; the data handed out lies there
	sent     int32         // number of the last request
	answered int32
	asked    int // chunks
}

func dialMultiReader(ctx context.Context, server string, session, patience time.Duration, syncPath string) (*multiReader, error) {
	d := net.Dialer{Timeout: patience}
	conn, err := d.DialContext(ctx, "tcp", server)
	if err != nil {
		return nil, err
	}
	m := &multiReader{conn: conn, in: bufio.NewReaderSize(conn, 64<<10), patience: patience}
	m.detach = context.AfterFunc(ctx, func() { conn.Close() })
	if err := m.open(session, syncPath); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

// open begins the session: protocol version i32, last zxid seen i64, timeout i32, session id i64, password.
func (m *multiReader) open(session time.Duration, syncPath string) error {
	b := binary.BigEndian.AppendUint32(make([]byte, 4), 0)
	b = binary.BigEndian.AppendUint64(b, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(session.Milliseconds()))
	b = binary.BigEndian.AppendUint64(b, 0)
	b = appendZKString(b, string(make([]byte, 16)))
	if err := m.send(b); err != nil {
		return err
	}
	r, err := m.receive()
	if err != nil {
		return err
	}
	r.skip(8)
	if r.int64() == 0 || r.bad {
		return errors.New("no session was granted")
	}
	if err := m.send(appendZKString(m.request(zkSync), syncPath)); err != nil {
		return err
	}
	_, err = m.answer()
	return err
}

func (m *multiReader) close() {
	if m.detach() {
		_ = m.send(m.request(zkCloseSession)) // without it the session ends later
	}
	m.conn.Close()
}

// read returns the nodes of chunks[i], and has the next chunk on its way meanwhile. Chunks are read one after the other;
// what is returned is valid until the next one.
func (m *multiReader) read(chunks [][]string, i int) ([]found, error) {
	for ; m.asked < len(chunks) && m.asked <= i+1; m.asked++ {
		if err := m.send(appendMultiRead(m.request(zkMultiRead), chunks[m.asked])); err != nil {
			return nil, err
		}
	}
	r, err := m.answer()
	if err != nil {
		return nil, err
	}
	return r.nodes(len(chunks[i]))
}

// request begins a frame: its length, which send fills in, a number and what is wanted.
func (m *multiReader) request(code int32) []byte {
	m.sent++
	b := binary.BigEndian.AppendUint32(make([]byte, 4, 256), uint32(m.sent))
	return binary.BigEndian.AppendUint32(b, uint32(code))
}

func (m *multiReader) send(b []byte) error {
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	if err := m.conn.SetWriteDeadline(time.Now().Add(m.patience)); err != nil {
		return err
	}
	_, err := m.conn.Write(b)
	return err
}

func (m *multiReader) receive() (zkReader, error) {
	if err := m.conn.SetReadDeadline(time.Now().Add(m.patience)); err != nil {
		return zkReader{}, err
	}
	var head [4]byte
	if _, err := io.ReadFull(m.in, head[:]); err != nil {
		return zkReader{}, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > replyBytesMax {
		return zkReader{}, fmt.Errorf("an answer of %d bytes", n)
	}
	if int(n) > cap(m.frame) {
		m.frame = make([]byte, n)
	}
	m.frame = m.frame[:n]
	_, err := io.ReadFull(m.in, m.frame)
	return zkReader{b: m.frame}, err
}

// answer receives what answers the oldest request: its number i32, zxid i64, an error code i32 and the rest.
func (m *multiReader) answer() (zkReader, error) {
	r, err := m.receive()
	if err != nil {
		return r, err
	}
	m.answered++
	number := r.int32()
	r.skip(8)
	switch code := r.int32(); {
	case r.bad || number != m.answered:
		return r, errBadAnswer
	case code != 0:
		return r, fmt.Errorf("the server answers with error %d", code)
	}
	return r, nil
}

func appendZKString(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

// appendMultiHeader: kind i32, whether it is the last bool, error i32.
func appendMultiHeader(b []byte, kind int32, last byte) []byte {
	b = append(binary.BigEndian.AppendUint32(b, uint32(kind)), last)
	return binary.BigEndian.AppendUint32(b, ^uint32(0))
}

func appendMultiRead(b []byte, paths []string) []byte {
	for _, p := range paths {
		b = append(appendZKString(appendMultiHeader(b, zkGetData, 0), p), 0) // no watch
	}
	return appendMultiHeader(b, zkErrorResult, 1)
}

var errBadAnswer = errors.New("an answer that cannot be read")

// zkReader takes values off a frame. bad is set, for good, when there are not enough bytes.
type zkReader struct {
	b   []byte
	bad bool
}

var zeros [8]byte

// take returns n bytes; when they are not there, none, or zeros for numbers.
func (r *zkReader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.b, r.bad = nil, true
		return zeros[:min(max(n, 0), len(zeros))]
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *zkReader) skip(n int)   { r.take(n) }
func (r *zkReader) int32() int32 { return int32(binary.BigEndian.Uint32(r.take(4))) }
func (r *zkReader) int64() int64 { return int64(binary.BigEndian.Uint64(r.take(8))) }

// data is a length i32, -1 for none, and as many bytes.
func (r *zkReader) data() []byte {
	n := r.int32()
	if n == -1 {
		return nil
	}
	return r.take(int(n))
}

// nodes reads the results of n reads. A node that is missing is no error.
func (r *zkReader) nodes(n int) ([]found, error) {
	out := make([]found, 0, n)
	for range n {
		kind, last := r.int32(), r.take(1)[0]
		r.skip(4)
		switch {
		case r.bad || last != 0:
			return nil, errBadAnswer
		case kind == zkGetData:
			data := r.data()
			r.skip(zkStatBytes)
			out = append(out, found{data, true})
		case kind == zkErrorResult:
			if code := r.int32(); code != zkErrNoNode {
				return nil, fmt.Errorf("the server answers for one node with error %d", code)
			}
			out = append(out, found{})
		default:
			return nil, errBadAnswer
		}
	}
	if r.bad {
		return nil, errBadAnswer
	}
	return out, nil
}
