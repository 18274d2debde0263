package base

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/apache/thrift/lib/go/thrift"
)

// RPCAddress is an IPv4 address and port in the wire's i64 form: bits 0-1 type (0 invalid,
// 1 IPv4), 16-31 port, 32-63 address. The zero value is the invalid address. It is comparable.
type RPCAddress struct {
	bits int64
}

// NewRPCAddress returns the invalid address; generated code calls it.
func NewRPCAddress() *RPCAddress { return &RPCAddress{} }

// AddressFromInt64 takes the wire form as it is.
func AddressFromInt64(v int64) RPCAddress { return RPCAddress{bits: v} }

// AddressOf builds an address from an IPv4 address in host order, e.g. 0x7F000001.
func AddressOf(ip uint32, port uint16) RPCAddress {
	return RPCAddress{bits: int64(uint64(ip)<<32 | uint64(port)<<16 | 1)}
}

// ParseAddress reads "a.b.c.d:port". It never asks a resolver.
func ParseAddress(s string) (RPCAddress, error) {
	ap, err := netip.ParseAddrPort(s)
	if err != nil || !ap.Addr().Unmap().Is4() {
		return RPCAddress{}, fmt.Errorf("address %q: want IPv4:port", s)
	}
	b := ap.Addr().Unmap().As4()
	return AddressOf(uint32(b[0])<<24|uint32(b[1])<<16|uint32(b[2])<<8|uint32(b[3]), ap.Port()), nil
}

// ResolveAddress reads "host:port" and asks the resolver when host is a name; the first IPv4
// address wins.
func ResolveAddress(s string) (RPCAddress, error) {
	if a, err := ParseAddress(s); err == nil {
		return a, nil
	}
	t, err := net.ResolveTCPAddr("tcp4", s)
	if err != nil {
		return RPCAddress{}, fmt.Errorf("resolve %q: %w", s, err)
	}
	return ParseAddress(t.AddrPort().String())
}

// Int64 is the wire form.
func (a RPCAddress) Int64() int64 { return a.bits }

// IsValid reports whether the address names somebody.
func (a RPCAddress) IsValid() bool { return a.bits&3 == 1 }

// Port is 0 for the invalid address.
func (a RPCAddress) Port() uint16 { return uint16(a.bits >> 16) }

// IP is the IPv4 address in host order.
func (a RPCAddress) IP() uint32 { return uint32(uint64(a.bits) >> 32) }

// Host is the dotted IPv4 text without the port.
func (a RPCAddress) Host() string {
	ip := a.IP()
	return netip.AddrFrom4([4]byte{byte(ip >> 24), byte(ip >> 16), byte(ip >> 8), byte(ip)}).String()
}

// String is "a.b.c.d:port", or "invalid address".
func (a RPCAddress) String() string {
	if !a.IsValid() {
		return "invalid address"
	}
	return a.Host() + ":" + strconv.Itoa(int(a.Port()))
}

// HostPort is the same place as a host_port.
func (a RPCAddress) HostPort() *HostPort {
	if !a.IsValid() {
		return &HostPort{}
	}
	return &HostPort{Host: a.Host(), Port: a.Port(), Type: HostPortNormal}
}

// Ptr returns a pointer to a copy, for generated structs.
func (a RPCAddress) Ptr() *RPCAddress { return &a }

// Val returns the address behind a pointer of a generated struct; invalid when nil.
func (a *RPCAddress) Val() RPCAddress {
	if a == nil {
		return RPCAddress{}
	}
	return *a
}

func (a *RPCAddress) Read(ctx context.Context, p thrift.TProtocol) error {
	v, err := p.ReadI64(ctx)
	if err == nil {
		a.bits = v
	}
	return err
}

func (a *RPCAddress) Write(ctx context.Context, p thrift.TProtocol) error {
	return p.WriteI64(ctx, a.Val().bits)
}

// Equals compares addresses; generated code calls it.
func (a *RPCAddress) Equals(o *RPCAddress) bool { return a.Val() == o.Val() }
