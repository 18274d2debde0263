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
	// ConnsMax bounds the connections open at a time; beyond it the one that has been silent for the
	// longest since it was made is closed for a new one, or the new one when all have sent requests.
	// Default 10000; never more than half of the descriptors that the process may have.
	ConnsMax int
	// ConnsPerIPMax does so for one address of origin. Default 0: no such limit.
	ConnsPerIPMax int
	// InFlightMax bounds the unanswered requests of a connection; it is not read from while it
	// has that many. Default 16384.
	InFlightMax int
	// InFlightBytesMax bounds their bytes, and InFlightBytesTotalMax those of all connections: while
	// that is exceeded, a connection with more than 64 KiB of its own is not read from. Defaults
	// 64 MiB, 1 GiB.
	InFlightBytesMax      int
	InFlightBytesTotalMax int
	// InBufferBytesTotalMax bounds the read buffers of all connections beyond the 64 KiB that each
	// may have; a connection whose frame does not fit there is closed. Default 1 GiB.
	InBufferBytesTotalMax int
	// OutBufferBytesMax bounds the answers of a connection that its peer has not taken; it is not
	// read from while there are more. Default 16 MiB.
	OutBufferBytesMax int
	// OutBufferBytesBusy is where requests that were read before are not worked on any more but
	// answered ERR_BUSY; OutBufferBytesTotalMax is the same for all connections together, and
	// concerns those with more than 64 KiB. Defaults 256 MiB, 1 GiB.
	OutBufferBytesBusy     int
	OutBufferBytesTotalMax int
	// StallMs is how long a peer may take none of its answers before it is disconnected.
	// Default 30000.
	StallMs int
	// FirstMs is how long a connection may live without having sent a request. Default 600000:
	// clients make connections ahead of their first request.
	FirstMs int
	// FrameMs is how long a frame that has begun may take to arrive. Default 60000.
	FrameMs int
	// HTTPHeaderBytesMax and HTTPBodyBytesMax bound one HTTP request. Defaults 64 KiB, 16 MiB.
	HTTPHeaderBytesMax int
	HTTPBodyBytesMax   int
	// HTTPInFlightMax bounds the HTTP requests that are worked on or being answered; more wait, and
	// are answered 503 after FrameMs. Default 256.
	HTTPInFlightMax int
	// HTTPWriteMs bounds an HTTP answer, the handler's work included. Default 300000. A peer that
	// does not take what the handler wrote within StallMs is disconnected.
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
	def(&o.InFlightBytesMax, 64<<20)
	def(&o.InFlightBytesTotalMax, 1<<30)
	def(&o.InBufferBytesTotalMax, 1<<30)
	def(&o.OutBufferBytesMax, 16<<20)
	def(&o.OutBufferBytesBusy, 256<<20)
	def(&o.OutBufferBytesTotalMax, 1<<30)
	def(&o.StallMs, 30000)
	def(&o.FirstMs, 600000)
	def(&o.FrameMs, 60000)
	def(&o.HTTPHeaderBytesMax, 64<<10)
	def(&o.HTTPBodyBytesMax, 16<<20)
	def(&o.HTTPInFlightMax, 256)
	def(&o.HTTPWriteMs, 300000)
	def(&o.HTTPIdleMs, 600000)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if most := descriptorsMax() / 2; o.ConnsMax > most {
		o.Logger.Info("rpc: fewer connections than configured, half of the descriptors are for files", "conns_max", o.ConnsMax, "allowed", most)
		o.ConnsMax = most
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
	// OutBufferBytesTotalMax bounds what all peers together have not taken: beyond it a call over a connection with more than 64 KiB of
	// its own fails with ERR_CAPACITY_EXCEEDED. InBufferBytesTotalMax bounds the read buffers of all connections beyond the
	// 64 KiB that each may have; a connection whose answer does not fit there is closed. Default 0: no such limits.
	OutBufferBytesTotalMax int
	InBufferBytesTotalMax  int
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
