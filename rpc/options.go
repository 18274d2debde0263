package rpc

import (
	"log/slog"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// ServerOptions are the limits of a Server. A zero value means the default.
type ServerOptions struct {
	// Address is what replies name as the sender. Default: where the server listens.
	Address base.RPCAddress
	// FrameBytesMax bounds one request, header included; a longer one closes its connection.
	// Default 64 MiB.
	FrameBytesMax int
	// ConnsMax bounds the connections open at a time; more are closed at once. Default 10000.
	ConnsMax int
	// ConnsPerIPMax does so for one address of origin. Default 0: no such limit.
	ConnsPerIPMax int
	// InFlightMax bounds the unanswered requests of a connection; it is not read from while it
	// has that many. Default 16384.
	InFlightMax int
	// OutBufferBytesMax bounds the answers of a connection that its peer has not taken; it is not
	// read from while there are more. Default 16 MiB.
	OutBufferBytesMax int
	// StallMs is how long a peer may take none of its answers before it is disconnected.
	// Default 30000.
	StallMs int
	// FrameMs is how long a frame that has begun may take to arrive. Default 60000.
	FrameMs int
	// HTTPHeaderBytesMax and HTTPBodyBytesMax bound one HTTP request. Defaults 64 KiB, 16 MiB.
	HTTPHeaderBytesMax int
	HTTPBodyBytesMax   int
	// HTTPWriteMs bounds an HTTP answer, the handler's work included. Default 300000.
	HTTPWriteMs int
	// HTTPIdleMs closes an HTTP connection without requests. Default 600000.
	HTTPIdleMs int
	// Logger receives why connections end and what handlers break. Default slog.Default().
	Logger *slog.Logger
}

func (o *ServerOptions) setDefaults() {
	def(&o.FrameBytesMax, 64<<20)
	def(&o.ConnsMax, 10000)
	def(&o.InFlightMax, 16384)
	def(&o.OutBufferBytesMax, 16<<20)
	def(&o.StallMs, 30000)
	def(&o.FrameMs, 60000)
	def(&o.HTTPHeaderBytesMax, 64<<10)
	def(&o.HTTPBodyBytesMax, 16<<20)
	def(&o.HTTPWriteMs, 300000)
	def(&o.HTTPIdleMs, 600000)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
}

// PoolOptions are the limits of a Pool. A zero value means the default.
type PoolOptions struct {
	Dialect Dialect // default Native
	// From is this process' listening address in native headers. Default: 127.0.0.1:1, which
	// tells the peer that nobody listens here.
	From base.RPCAddress
	// Checksum puts CRC-32C into native requests; peers of ours then do so in their answers.
	Checksum bool
	// ConnsPerPeerMax connections are opened to a peer, one for each share of the partitions.
	// Default 1.
	ConnsPerPeerMax int
	// PeersMax bounds the peers with a connection; a call to one more fails with
	// ERR_CAPACITY_EXCEEDED. Default 4096.
	PeersMax int
	// InFlightMax bounds the unanswered calls of a connection, OutBufferBytesMax what the peer
	// has not taken; beyond them a call fails with ERR_CAPACITY_EXCEEDED. Defaults 65536, 64 MiB.
	InFlightMax       int
	OutBufferBytesMax int
	// FrameBytesMax bounds one answer. Default 256 MiB.
	FrameBytesMax int
	// DialMs bounds the making of a connection. Default 3000.
	DialMs int
	// TimeoutMs is for calls that do not say. Default 5000.
	TimeoutMs int
	// StallMs is how long a peer may take nothing that is sent to it, or leave calls that time out
	// without sending anything at all, before the connection is given up. Default 10000.
	StallMs int
	// IdleMs closes connections that nobody used for so long. Default 600000.
	IdleMs int
	// Logger receives why connections end. Default slog.Default().
	Logger *slog.Logger
}

func (o *PoolOptions) setDefaults() {
	def(&o.ConnsPerPeerMax, 1)
	def(&o.PeersMax, 4096)
	def(&o.InFlightMax, 65536)
	def(&o.OutBufferBytesMax, 64<<20)
	def(&o.FrameBytesMax, 256<<20)
	def(&o.DialMs, 3000)
	def(&o.TimeoutMs, 5000)
	def(&o.StallMs, 10000)
	def(&o.IdleMs, 600000)
	if !o.From.IsValid() {
		o.From = base.AddressOf(0x7F000001, 1)
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
}

func def(p *int, v int) {
	if *p <= 0 {
		*p = v
	}
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }
