package zkmeta

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"
)

// replyBytesMax bounds one packet from the server: the children of one node.
const replyBytesMax = 64 << 20

// dial gives the client a connection that repairs two things of it. The client
// waits ten times too long for a server that accepts connections but does not
// answer, as one that is starting does now and then, which keeps it from trying
// again; and it does not tell which session timeout the server granted.
func (z *ZooKeeper) dial(network, address string, timeout time.Duration) (net.Conn, error) {
	conn, err := net.DialTimeout(network, address, timeout)
	if err != nil {
		return nil, err
	}
	return &sessionConn{
		Conn:      conn,
		first:     z.opts.CallTimeout,
		patience:  func() time.Duration { return z.sessionTimeout() * 2 / 3 },
		onTimeout: func(ms int64) { z.sessionMs.Store(ms) },
	}, nil
}

// connectReply is the first packet from the server: length u32, protocol version
// i32, session timeout in ms i32, session id i64 and more. A session id of zero
// says that the session has expired.
const connectReplyBytes = 20

type sessionConn struct {
	net.Conn
	first     time.Duration        // limit for the first packet
	patience  func() time.Duration // and for those after it, which may be answers to pings
	onTimeout func(ms int64)
	head      []byte // the first bytes read, up to connectReplyBytes
}

func (c *sessionConn) SetReadDeadline(t time.Time) error {
	patience := c.first
	if len(c.head) == connectReplyBytes {
		patience = c.patience()
	}
	if limit := time.Now().Add(patience); t.After(limit) {
		t = limit
	}
	return c.Conn.SetReadDeadline(t)
}

func (c *sessionConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if missing := connectReplyBytes - len(c.head); missing > 0 && n > 0 {
		c.head = append(c.head, b[:min(n, missing)]...)
		if len(c.head) == connectReplyBytes {
			c.readTimeout()
		}
	}
	return n, err
}

func (c *sessionConn) readTimeout() {
	ms := int64(int32(binary.BigEndian.Uint32(c.head[8:])))
	session := binary.BigEndian.Uint64(c.head[12:])
	if ms > 0 && session != 0 {
		c.onTimeout(ms)
	}
}

// hostList hands out the servers in turn. Names are resolved when dialled, so a
// server that moved is found again.
type hostList struct {
	mu      sync.Mutex
	servers []string
	next    int
	tried   int // since the last success
}

func (h *hostList) Init(servers []string) error {
	h.servers = servers
	return nil
}

func (h *hostList) Len() int { return len(h.servers) }

// Next also says when all servers were tried without success; the client then
// pauses for a second and fails what waits.
func (h *hostList) Next() (string, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	server := h.servers[h.next%len(h.servers)]
	h.next++
	wrapped := h.tried >= len(h.servers)
	h.tried++
	if wrapped {
		h.tried = 1
	}
	return server, wrapped
}

func (h *hostList) Connected() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tried = 0
}

// clientLog passes on what the client says. It repeats itself while a server is
// away, so it speaks at debug level; what matters is logged by this package.
type clientLog struct{ logger *slog.Logger }

func (l clientLog) Printf(format string, args ...any) {
	l.logger.Debug("zookeeper client: " + fmt.Sprintf(format, args...))
}

// gateDelay is how long requests wait after a reconnect. The client then asks for
// its watches again, relative to the last transaction it has seen; an answer that
// comes in earlier moves that mark, without a lock, and an event is missed.
const gateDelay = 100 * time.Millisecond

// sessionGate keeps requests back while there is no session, and for a moment
// after a reconnect.
type sessionGate struct {
	mu   sync.Mutex
	open chan struct{} // closed while requests may go
	turn int           // counts connects and disconnects
}

func (g *sessionGate) init() { g.open = make(chan struct{}) }

func (g *sessionGate) wait() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open
}

func (g *sessionGate) connected() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turn++
	delay, turn := gateDelay, g.turn
	if turn == 1 {
		delay = 0 // there are no watches yet
	}
	time.AfterFunc(delay, func() { g.let(turn) })
}

// let opens the gate, unless the connection went away in between.
func (g *sessionGate) let(turn int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.turn == turn && !isClosed(g.open) {
		close(g.open)
	}
}

func (g *sessionGate) disconnected() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if isClosed(g.open) {
		g.open = make(chan struct{})
	}
	if g.turn > 0 {
		g.turn++
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
