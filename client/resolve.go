package client

import (
	"fmt"
	"net"
	"slices"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// resolveMetas turns "host:port" texts into addresses without doubles ("localhost" beside
// "127.0.0.1" is one meta). A name with several addresses stands for that many metas.
func resolveMetas(metas []string) ([]base.RPCAddress, error) {
	var out []base.RPCAddress
	for _, m := range metas {
		host, port, err := net.SplitHostPort(m)
		if err != nil {
			return nil, fmt.Errorf("client: meta %q: %w", m, err)
		}
		names := []string{host}
		if net.ParseIP(host) == nil {
			if names, err = net.LookupHost(host); err != nil {
				return nil, fmt.Errorf("client: meta %q: %w", m, err)
			}
		}
		found := false
		for _, name := range names {
			a, err := base.ParseAddress(net.JoinHostPort(name, port))
			if err != nil {
				continue // IPv6 has no form on the wire
			}
			found = true
			if !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
		if !found {
			return nil, fmt.Errorf("client: meta %q: no IPv4 address and port", m)
		}
	}
	if len(out) == 0 || len(out) > metasMax {
		return nil, fmt.Errorf("client: %d metas given, want 1 to %d", len(out), metasMax)
	}
	return out, nil
}
