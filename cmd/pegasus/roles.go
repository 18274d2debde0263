package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"

	"github.com/pegasus-go/pegasus/conf"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/rpc"
)

// startServers starts the roles that the configuration in a file has.
func startServers(path string, c *conf.Config, logger *slog.Logger) ([]server, error) {
	for _, warning := range c.Warnings {
		logger.Warn("configuration", "file", path, "warning", warning)
	}
	var all started
	if c.AppsMeta.Run {
		one, err := startMeta(c, logger)
		if err := all.add(conf.RoleMeta, one, err); err != nil {
			return nil, err
		}
	}
	if c.AppsReplica.Run {
		one, err := startReplica(c, logger)
		if err := all.add(conf.RoleReplica, one, err); err != nil {
			return nil, err
		}
	}
	return all.list, nil
}

// listenHost is where roles listen. Without a configured host that is all IPv4 addresses, as clients expect.
func listenHost(c *conf.Config) string {
	if c.Network.ListenHost == "" {
		return net.IPv4zero.String()
	}
	return c.Network.ListenHost
}

func listenAddress(c *conf.Config, app conf.App) string {
	return net.JoinHostPort(listenHost(c), strconv.Itoa(int(app.Ports)))
}

// toldAddress is what a role tells others to reach it by.
func toldAddress(c *conf.Config, app conf.App) (string, error) {
	host, err := toldHost(&c.Network)
	if err != nil {
		return "", err
	}
	return net.JoinHostPort(host, strconv.Itoa(int(app.Ports))), nil
}

// toldHost is the configured address, or the first IPv4 address of the configured interface, or of any that is up and leads
// elsewhere; on a machine without a network, 127.0.0.1.
func toldHost(n *conf.Network) (string, error) {
	if n.ExplicitHostAddress != "" {
		return n.ExplicitHostAddress, nil
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		return "", fmt.Errorf("find the own address (set [network] explicit_host_address): %w", err)
	}
	for _, i := range interfaces {
		wanted := i.Name == n.PrimaryInterface
		if n.PrimaryInterface == "" {
			wanted = i.Flags&net.FlagUp != 0 && i.Flags&net.FlagLoopback == 0
		}
		if !wanted {
			continue
		}
		if host := firstIPv4(i); host != "" {
			return host, nil
		}
	}
	if n.PrimaryInterface != "" {
		return "", fmt.Errorf("[network] primary_interface: no interface %s with an IPv4 address", n.PrimaryInterface)
	}
	return "127.0.0.1", nil
}

func firstIPv4(i net.Interface) string {
	addresses, err := i.Addrs()
	if err != nil {
		return ""
	}
	for _, a := range addresses {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil {
			return ip.IP.String()
		}
	}
	return ""
}

// resolveAll turns "host:port" texts into addresses.
func resolveAll(key string, list conf.List) ([]base.RPCAddress, error) {
	var out []base.RPCAddress
	var failed []error
	for _, text := range list {
		address, err := base.ResolveAddress(text)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", key, err))
			continue
		}
		out = append(out, address)
	}
	return out, errors.Join(failed...)
}

func rpcServerOptions(c *conf.Config, logger *slog.Logger) rpc.ServerOptions {
	n, h := &c.Network, &c.HTTP
	return rpc.ServerOptions{
		FrameBytesMax:    int(n.FrameBytesMax),
		ConnsMax:         int(n.ConnsMax),
		ConnsPerIPMax:    int(n.ConnThresholdPerIP),
		InFlightMax:      int(n.InFlightMax),
		InFlightBytesMax: int(n.InFlightBytesMax), InFlightBytesTotalMax: int(n.InFlightBytesTotalMax),
		InBufferBytesTotalMax: int(n.InBufferBytesTotalMax),
		OutBufferBytesMax:     int(n.OutBufferBytesMax),
		OutBufferBytesBusy:    int(n.OutBufferBytesBusy), OutBufferBytesTotalMax: int(n.OutBufferBytesTotalMax),
		FirstMs: int(n.FirstRequestMs), FrameMs: int(n.FrameMs),
		StallMs:            int(n.StallMs),
		HTTPHeaderBytesMax: int(h.HTTPHeaderBytesMax),
		HTTPBodyBytesMax:   int(h.HTTPBodyBytesMax),
		HTTPInFlightMax:    int(h.HTTPInFlightMax),
		HTTPWriteMs:        int(h.HTTPWriteMs),
		HTTPIdleMs:         int(h.HTTPIdleMs),
		Logger:             logger,
	}
}

// orNone maps the 0 of a configuration, where it means "no limit" or "none", to the negative number that says so in options.
func orNone[T ~int64](n T) int64 {
	if n == 0 {
		return -1
	}
	return int64(n)
}
