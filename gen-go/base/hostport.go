package base

import (
	"context"
	"strconv"

	"github.com/apache/thrift/lib/go/thrift"
)

// Types of a host_port on the wire.
const (
	HostPortInvalid int8 = 0
	HostPortNormal  int8 = 1
)

// HostPort is a host name and port: string, i16, i8 on the wire. Only peers of the master branch
// know it; a released client that is sent one loses its place in the stream.
type HostPort struct {
	Host string
	Port uint16
	Type int8
}

// NewHostPort returns the invalid host_port; generated code calls it.
func NewHostPort() *HostPort { return &HostPort{} }

// Address resolves the host; invalid when it is not set or cannot be resolved.
func (h *HostPort) Address() RPCAddress {
	if h == nil || h.Type != HostPortNormal {
		return RPCAddress{}
	}
	a, _ := ResolveAddress(h.String())
	return a
}

func (h *HostPort) Read(ctx context.Context, p thrift.TProtocol) error {
	host, err := p.ReadString(ctx)
	if err != nil {
		return err
	}
	port, err := p.ReadI16(ctx)
	if err != nil {
		return err
	}
	typ, err := p.ReadByte(ctx)
	if err == nil {
		*h = HostPort{Host: host, Port: uint16(port), Type: typ}
	}
	return err
}

func (h *HostPort) Write(ctx context.Context, p thrift.TProtocol) error {
	var v HostPort
	if h != nil {
		v = *h
	}
	if err := p.WriteString(ctx, v.Host); err != nil {
		return err
	}
	if err := p.WriteI16(ctx, int16(v.Port)); err != nil {
		return err
	}
	return p.WriteByte(ctx, v.Type)
}

func (h *HostPort) String() string {
	if h == nil || h.Type != HostPortNormal {
		return "invalid host_port"
	}
	return h.Host + ":" + strconv.Itoa(int(h.Port))
}

// Equals compares all parts; generated code calls it.
func (h *HostPort) Equals(o *HostPort) bool {
	if h == nil || o == nil {
		return h == o
	}
	return *h == *o
}
